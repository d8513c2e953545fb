"""The library's public face: what the command line calls, one function for each verb.

A function that changes a case takes its folder, holds its lock, and puts what it does into the custody log. A function
that only reads needs no lock and works on a read-only case.

A name loads what it needs when it is first asked for, and a function what it works with when it is called: all of it
together takes seconds, which a verb that needs little of it does not pay.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dwell.answers.changes import SinceRules
    from dwell.answers.lookup import Why
    from dwell.answers.marking import save as keep_marking
    from dwell.answers.setting import save as keep_settings
    from dwell.answers.setting import set_leads, set_table
    from dwell.api.answering import Answered, answers, extras, html, marking, power, setting, since_rules, why
    from dwell.api.evidence import (
        doctor,
        dry_run,
        evidence_names,
        first_seen,
        ingest,
        peek,
        plan,
        search,
        sources,
        stock,
        verify,
    )
    from dwell.api.hunting import explain_rules, hunt, rules
    from dwell.api.progress import Progress
    from dwell.casebook.markings import markings
    from dwell.casebook.settings import settings
    from dwell.hunt.quick import Quick, quick_hunt

__all__ = [
    "Answered",
    "Progress",
    "Quick",
    "SinceRules",
    "Why",
    "answers",
    "doctor",
    "dry_run",
    "evidence_names",
    "explain_rules",
    "extras",
    "first_seen",
    "html",
    "hunt",
    "ingest",
    "keep_marking",
    "keep_settings",
    "marking",
    "markings",
    "peek",
    "plan",
    "power",
    "quick_hunt",
    "rules",
    "search",
    "set_leads",
    "set_table",
    "setting",
    "settings",
    "since_rules",
    "sources",
    "stock",
    "verify",
    "why",
]

_PLACES = {
    "Answered": ("dwell.api.answering", "Answered"),
    "Progress": ("dwell.api.progress", "Progress"),
    "Quick": ("dwell.hunt.quick", "Quick"),
    "SinceRules": ("dwell.answers.changes", "SinceRules"),
    "Why": ("dwell.answers.lookup", "Why"),
    "answers": ("dwell.api.answering", "answers"),
    "doctor": ("dwell.api.evidence", "doctor"),
    "dry_run": ("dwell.api.evidence", "dry_run"),
    "evidence_names": ("dwell.api.evidence", "evidence_names"),
    "explain_rules": ("dwell.api.hunting", "explain_rules"),
    "extras": ("dwell.api.answering", "extras"),
    "first_seen": ("dwell.api.evidence", "first_seen"),
    "html": ("dwell.api.answering", "html"),
    "hunt": ("dwell.api.hunting", "hunt"),
    "ingest": ("dwell.api.evidence", "ingest"),
    "keep_marking": ("dwell.answers.marking", "save"),
    "keep_settings": ("dwell.answers.setting", "save"),
    "marking": ("dwell.api.answering", "marking"),
    "markings": ("dwell.casebook.markings", "markings"),
    "peek": ("dwell.api.evidence", "peek"),
    "plan": ("dwell.api.evidence", "plan"),
    "power": ("dwell.api.answering", "power"),
    "quick_hunt": ("dwell.hunt.quick", "quick_hunt"),
    "rules": ("dwell.api.hunting", "rules"),
    "search": ("dwell.api.evidence", "search"),
    "set_leads": ("dwell.answers.setting", "set_leads"),
    "set_table": ("dwell.answers.setting", "set_table"),
    "setting": ("dwell.api.answering", "setting"),
    "settings": ("dwell.casebook.settings", "settings"),
    "since_rules": ("dwell.api.answering", "since_rules"),
    "sources": ("dwell.api.evidence", "sources"),
    "stock": ("dwell.api.evidence", "stock"),
    "verify": ("dwell.api.evidence", "verify"),
    "why": ("dwell.api.answering", "why"),
}
"""Where each name is found."""


if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        """Give a name, loaded when it is first asked for."""
        if name not in _PLACES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        module, there = _PLACES[name]
        return getattr(importlib.import_module(module), there)
