"""Licence changes as Microsoft 365 records them: was auditing of what is opened taken from a mailbox, or given back?

The change stands in a record as the licences and plans before and after, as JSON in a text, often escaped several times
over. It is read as text: a plan by its id and its state, a licence by its name and the plans that are disabled in it.
"""

from __future__ import annotations

import re

__all__ = ["AUDITING", "CHANGED", "auditing_taken"]

CHANGED = ("Change user license.", "Change user license", "Update user.", "Update user")
"""The operations that tell of licences, with and without their full stop."""
AUDITING = "M365_ADVANCED_AUDITING"
_PLAN = "2f442157-a11c-46b9-ae5b-6e39ff4e5849"
"""The plan's id."""
_PROPERTY = re.compile(r'"(?:displayName|Name)":\s*"?(?P<name>\w+)', re.IGNORECASE)
_VALUE = re.compile(r'"(?P<which>Old|New)Value"\s*:', re.IGNORECASE)
_STATE = re.compile(r'"CapabilityStatus":\s*"?(?P<state>\w+)', re.IGNORECASE)
_LICENCE = "SkuName="
_DISABLED = re.compile(r"DisabledPlans=\[(?P<plans>[^\]]*)\]")
_HOLDS = re.compile(r"[EAG]5|ENTERPRISEPREMIUM|ADVANCED_AUDITING|INFORMATION_PROTECTION_COMPLIANCE", re.IGNORECASE)
"""Licences that hold the plan, by their names."""
_PROPERTIES = {"assignedlicense", "assignedlicenses", "assignedplan", "assignedplans"}


def auditing_taken(text: str) -> bool | None:
    """Say whether a change of licences took the auditing of what is opened away; None where it did neither.

    Args:
        text: the record, or what it holds of the change.
    """
    flat = re.sub(r"\\+", "", text)
    named = list(_PROPERTY.finditer(flat))
    for place, one in enumerate(named):
        if one["name"].lower() not in _PROPERTIES:
            continue
        end = named[place + 1].start() if place + 1 < len(named) else len(flat)
        values = _values(flat[one.end() : end])
        before, after = _holds(values.get("old", "")), _holds(values.get("new", ""))
        if before is True and after is not True:
            return True
        if after is True and before is not True:
            return False
        if after is False and before is not False:
            return True
    return None


def _values(text: str) -> dict[str, str]:
    found = list(_VALUE.finditer(text))
    ends = [*(one.start() for one in found[1:]), len(text)]
    return {one["which"].lower(): text[one.end() : end] for one, end in zip(found, ends, strict=True)}


def _holds(value: str) -> bool | None:
    """Say whether licences or plans hold auditing: no where it is disabled, None where nothing is said of it."""
    for part in value.split("}"):
        if _PLAN in part.lower():
            state = _STATE.search(part)
            return state is None or state["state"].lower() in {"0", "enabled", "success"}
    licences = value.split(_LICENCE)[1:]
    if any(_HOLDS.search(one.partition(",")[0]) and not _disabled(one) for one in licences):
        return True
    if any(_disabled(one) for one in licences):
        return False
    return True if AUDITING in value and not licences else None


def _disabled(licence: str) -> bool:
    told = _DISABLED.search(licence)
    plans = told["plans"].lower() if told is not None else ""
    return AUDITING.lower() in plans or _PLAN in plans
