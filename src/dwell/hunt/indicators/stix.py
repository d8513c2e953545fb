"""STIX 2.0 and 2.1: the indicators of a bundle, with their windows, markings and ids.

Source:
    OASIS, "STIX Version 2.1", 10 June 2021, sections 4.7 (indicator), 7.2 (markings), 9 (patterns). Observables and
    observed data in a bundle are what somebody saw, not what to look for: they are counted and not taken.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from dwell.hunt.indicators.gathering import About, Gathering, marking
from dwell.hunt.indicators.indicator import NO_TIME, BadValueError, instant_us
from dwell.hunt.indicators.stix_patterns import PatternError, alternatives

__all__ = ["read_stix"]

_TLP = {
    "613f2e26-407d-48c7-9eca-b8e91df99dc9": "white",
    "34098fce-860f-48ae-8e50-ebd3cc5e41da": "green",
    "f88d31f6-486f-44da-b317-01333bde0b82": "amber",
    "5e57c739-391a-4eb3-b6be-7d15ca92d5ed": "red",
    "94868c89-83c2-464b-929b-a1a8aa3c8487": "clear",
    "bab4a63c-aed9-4cf5-a766-dfca5abac2bb": "green",
    "55d920b0-5e8b-4f79-9ee9-91f868d9b421": "amber",
    "939a9414-2ddd-4d32-a0cd-375ea402b003": "amber+strict",
    "e828b379-4e03-4974-9ac4-e53a884c97c1": "red",
}
"""The markings that the specification and its TLP 2.0 extension fix, by their ids."""
_STRICTNESS = ("white", "clear", "green", "amber", "amber+strict", "red")


_OBSERVABLES = frozenset(
    (
        "artifact", "autonomous-system", "directory", "domain-name", "email-addr", "email-message", "file", "ipv4-addr",
        "ipv6-addr", "mac-addr", "mutex", "network-traffic", "process", "software", "url", "user-account",
        "windows-registry-key", "x509-certificate",
    )
)  # fmt: skip
"""Objects that say what there was; what of it is to be looked for an indicator's pattern says."""


class _Object(msgspec.Struct):
    """What is looked at of a STIX object; other fields are passed over."""

    type: str = ""
    id: str | None = ""
    name: str | None = ""
    pattern: str | None = ""
    pattern_type: str | None = "stix"
    valid_from: str | None = ""
    valid_until: str | None = ""
    revoked: bool | str | None = False
    created: str | None = ""
    modified: str | None = ""
    labels: list[str] | None = None
    indicator_types: list[str] | None = None
    object_marking_refs: list[str] | None = None
    definition: Any = None
    extensions: Any = None


_DECODER = msgspec.json.Decoder(_Object)


def _decoded(objects: Sequence[msgspec.Raw], out: Gathering) -> list[_Object]:
    found = []
    for at, raw in enumerate(objects, 1):
        try:
            found.append(_DECODER.decode(raw))
        except (msgspec.MsgspecError, RecursionError) as fault:
            out.fault(f"not a STIX object: {fault}", f"object {at}")
    return found


def _version(one: _Object) -> int:
    """Give when a version of an object is from; what gives no instant is older than all others."""
    try:
        return instant_us(one.modified or one.created or "")
    except BadValueError:
        return NO_TIME


def _newest(objects: Sequence[_Object], out: Gathering) -> Iterator[_Object]:
    """Yield indicators, of those with one id the newest; all of them where none is known to be newer."""
    held = [(one, _version(one)) for one in objects if one.type == "indicator"]
    newest: dict[str, int] = {}
    for one, at in held:
        newest[one.id or ""] = max(at, newest.get(one.id or "", NO_TIME))
    for one, at in held:
        if not one.id or at == newest[one.id]:
            yield one
        else:
            out.count("an older version of an object that is there in a newer one")


def _markings(objects: Sequence[_Object]) -> dict[str, str]:
    """Give the TLP level of each marking, by its id."""
    out = {f"marking-definition--{one}": level for one, level in _TLP.items()}
    for one in objects:
        if one.type == "marking-definition":
            texts = [one.name or ""]
            if isinstance(one.definition, Mapping):
                texts.append(str(one.definition.get("tlp", "")))
            if isinstance(one.extensions, Mapping):
                texts += [str(each.get("tlp_2_0", "")) for each in one.extensions.values() if isinstance(each, Mapping)]
            level = next((found for text in texts if (found := marking(text))), "")
            if level and one.id:
                out[one.id] = level
    return out


def _indicator(one: _Object, levels: Mapping[str, str], out: Gathering) -> None:
    place = one.id or "indicator without an id"
    name, kind, pattern = one.name or "", one.pattern_type or "", one.pattern or ""
    if str(one.revoked).lower() in {"true", "1"}:
        out.count("withdrawn by its author (revoked)")
        return
    if kind != "stix":
        out.leave(place, name, f"its pattern is {kind[:40] or 'of no type'}, not STIX")
        return
    try:
        found, unsupported = alternatives(pattern)
    except PatternError as fault:
        out.fault(str(fault), place)
        return
    known = [level for ref in one.object_marking_refs or () if (level := levels.get(ref))]
    tlp = max(known, key=_STRICTNESS.index, default="")
    types = ", ".join(one.indicator_types or one.labels or ())
    label = f"{name} [{types}]" if name and types else name or types
    said = About(one.valid_from or "", one.valid_until or "", label, tlp=tlp, until_before=True)
    for each in found:
        out.take(each.word, each.value, place, said)
    for why in unsupported:
        rest = " (its other alternatives are looked for)" if found else ""
        out.leave(place, name, f"{why}{rest}: {pattern[:200]}")


def read_stix(objects: Sequence[msgspec.Raw], out: Gathering) -> None:
    """Read the objects of a bundle.

    Args:
        objects: each as JSON.
        out: takes what they say.
    """
    found = _decoded(objects, out)
    levels = _markings(found)
    for one in _newest(found, out):
        _indicator(one, levels, out)
    for one in found:
        if one.type == "observed-data" or one.type in _OBSERVABLES:
            out.count(f"an observation, not an indicator ({one.type})")
