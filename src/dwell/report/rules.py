"""Rules as they are taken to be: a list of them, and each explained, as text for a terminal and as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from dwell.model.attack import in_v18, in_v19
from dwell.model.claims import RuleOutcome, RuleStatus
from dwell.report.figures import count
from dwell.report.summary_json import rule_object
from dwell.safe.jsontext import Json
from dwell.safe.sheet import csv_text
from dwell.safe.terminal import terminal, terminal_limited

if TYPE_CHECKING:
    from dwell.hunt.explain import Asked, CaseExplained, RuleExplained
    from dwell.hunt.sigma.loaded import Loaded

__all__ = ["explained_object", "explained_text", "rule_rows", "rules_csv", "rules_text"]

MATCHABLE = "can-run"
"""Said in a list of a rule that can be matched; whether it is blind depends on what a case holds."""
ASKED_SHOWN = 40
"""Questions of one condition in text."""
CONDITION_MAX = 1_500
ASKS_MAX = 200
HOSTS_SHOWN = 8
"""Hosts in text."""
DAYS_SHOWN = 12
"""Stretches of days on which a rule could not have been met, in text."""
_COLUMNS = ("rule_id", "level", "status", "tables", "title", "author", "licence", "path", "reason")


def rule_rows(loaded: Loaded) -> list[dict[str, Json]]:
    """Give every rule loaded as a row, by path and id."""
    rules = loaded.rules
    rows: list[dict[str, Json]] = [
        {
            "rule_id": one.info.id,
            "level": one.info.level,
            "status": MATCHABLE,
            "tables": sorted({rules.wheres[case.where].table for case in one.cases}),
            "title": one.info.title,
            "author": one.info.author,
            "licence": one.info.licence,
            "path": one.info.path,
            "reason": "",
            "own": one.info.pack,
            "techniques": _techniques(one.info.tags),
        }
        for one in rules.rules
    ]
    rows += [
        {
            "rule_id": one.rule_id,
            "level": one.level,
            "status": one.status.value,
            "tables": [],
            "title": one.title,
            "author": one.author,
            "licence": one.licence,
            "path": one.path,
            "reason": one.reason,
            "own": False,
            "techniques": _techniques(loaded.infos[one.rule_id].tags if one.rule_id in loaded.infos else ()),
        }
        for one in loaded.ended
    ]
    return sorted(rows, key=lambda row: (not row["own"], str(row["path"]), str(row["rule_id"]), str(row["reason"])))


def _techniques(tags: Sequence[str]) -> list[Json]:
    """Give the techniques that a rule names, under the ids of ATT&CK 18 and 19; none where the map does not know one."""
    return [{"as_written": one, "v18": list(in_v18(one)), "v19": list(in_v19(one))} for one in tags]


def rules_csv(rows: Sequence[Mapping[str, Json]]) -> str:
    """Give the rows as a sheet."""
    return csv_text(_COLUMNS, ([_cell(row[name]) for name in _COLUMNS] for row in rows))


def _cell(value: Json) -> str:
    return " | ".join(map(str, value)) if isinstance(value, list) else str(value)


def rules_text(rows: Sequence[Mapping[str, Json]]) -> str:
    """Give a line a rule, and how many of each kind there are."""
    lines = []
    for row in rows:
        tables = _cell(row["tables"]) or "-"
        why = f": {row['reason']}" if row["reason"] else ""
        lines.append(
            terminal(f"{row['rule_id']}  {row['level'] or '-':<13}  {row['status']:<11}  {tables}  {row['title']}{why}")
        )
    states = [MATCHABLE, *(one.value for one in RuleStatus)]
    numbers = {one: sum(row["status"] == one for row in rows) for one in states}
    told = ", ".join(f"{count(number)} {state}" for state, number in numbers.items() if number)
    lines.append(f"{count(len(rows))} rules: {told or 'none'}")
    return "".join(f"{one}\n" for one in lines)


def explained_object(rule: RuleExplained) -> dict[str, Json]:
    """Give an explained rule as JSON."""
    outcome = rule.outcome
    return {
        "rule_id": rule.info.id,
        "title": rule.info.title,
        "level": rule.info.level,
        "author": rule.info.author,
        "licence": rule.info.licence,
        "path": rule.info.path,
        "logsource": dict(rule.logsource),
        "status": outcome.status.value if outcome else MATCHABLE,
        "reason": outcome.reason if outcome else "",
        **_account(rule),
        "records": [_case_object(one) for one in rule.cases],
    }


_ACCOUNT = (
    "files_opened", "files_pruned", "rows_compared", "hits", "blind_at", "blind_at_total", "hosts", "hosts_total",
    "hosts_without", "hosts_without_total", "blind_days", "blind_days_total",
)  # fmt: skip
"""What a hunt tells of a rule besides its status and reason."""


def _account(rule: RuleExplained) -> dict[str, Json]:
    """Give what a hunt of the case tells of a rule, by the names it has there; nothing where there is no case."""
    told = rule_object(rule.outcome) if rule.outcome is not None and rule.is_held else {}
    return {name: told.get(name) for name in _ACCOUNT}


def _case_object(case: CaseExplained) -> dict[str, Json]:
    held = case.held
    return {
        "name": case.name,
        "table": case.table,
        "channels": list(case.channels),
        "event_ids": list(case.event_ids),
        "switch_on": case.switch_on or None,
        "fields": {name: list(places) for name, places in case.fields.items()},
        "condition": case.condition,
        "asked": [
            {"number": at, "place": one.place, "asks": one.asks, "negated": one.negated, "rows": one.rows}
            for at, one in enumerate(case.asked, 1)
        ],
        "never": case.never or None,
        "held": None if held is None else {"files": held.files, "rows": held.rows, "not_recorded": dict(held.missing)},
    }


def explained_text(rule: RuleExplained) -> str:
    """Give an explained rule for a terminal."""
    info = rule.info
    source = ", ".join(f"{key} {value}" for key, value in rule.logsource.items()) or "none"
    lines = [
        terminal(f"{info.title} ({info.level or 'no level'}) by {info.author}" + _licence(info.licence)),
        terminal(f"   rule {info.id}, {info.path}"),
        terminal(f"   log source: {source}"),
    ]
    for case in rule.cases:
        lines += _case_text(case)
    outcome = rule.outcome
    if outcome is None and rule.cases and all(one.never for one in rule.cases):
        lines.append("   it can never be true")
    elif outcome is None:
        lines.append("   it can run; whether it is blind depends on what a case holds (-c)")
    else:
        why = f": {outcome.reason}" if outcome.reason else ""
        lines.append(terminal(f"   {outcome.status.value}{why}"))
        if rule.is_held:
            lines.append(
                f"   data files that have to be opened: {count(outcome.files_opened)}, that cannot hold a hit: "
                f"{count(outcome.files_pruned)}; records put to it: {count(outcome.rows_compared)}, "
                f"records met: {count(outcome.hits)}"
            )
            lines += _hosts_text(outcome)
            lines += [
                terminal_limited(f"   could not be met: {one.span}: {one.what}", ASKS_MAX)
                for one in outcome.blind_days[:DAYS_SHOWN]
            ]
            if outcome.blind_days_total > DAYS_SHOWN:
                more = outcome.blind_days_total - DAYS_SHOWN
                lines.append(f"   and {count(more)} stretches of days more; -t json has {_told(outcome)}")
    return "".join(f"{one}\n" for one in lines)


def _hosts_text(outcome: RuleOutcome) -> list[str]:
    """Give the hosts that a rule was put to, and those without such records."""
    pairs = (
        ("put to records of", outcome.hosts, outcome.hosts_total),
        ("no such records of", outcome.hosts_without, outcome.hosts_without_total),
    )
    lines = []
    for what, names, total in pairs:
        more = f" and {count(total - HOSTS_SHOWN)} more" if total > HOSTS_SHOWN else ""
        if names:
            lines.append(terminal_limited(f"   {what} {', '.join(names[:HOSTS_SHOWN])}", ASKS_MAX) + more)
    return lines


def _told(outcome: RuleOutcome) -> str:
    is_whole = outcome.blind_days_total == len(outcome.blind_days)
    return "them all" if is_whole else f"the first {count(len(outcome.blind_days))} of all"


def _licence(text: str) -> str:
    return f", {text}" if text else ""


def _case_text(case: CaseExplained) -> list[str]:
    where = f"table {case.table}"
    where += f", channel {' or '.join(case.channels)}" if case.channels else ""
    where += f", event id {', '.join(map(str, case.event_ids))}" if case.event_ids else ""
    lines = [terminal(f"   is about {case.name}: {where}")]
    lines += [terminal(f"      field {name}: {' or '.join(places)}") for name, places in case.fields.items()]
    lines += ["      " + _asked_text(at, one) for at, one in enumerate(case.asked[:ASKED_SHOWN], 1)]
    if len(case.asked) > ASKED_SHOWN:
        lines.append(f"      and {count(len(case.asked) - ASKED_SHOWN)} questions more; -t json has them all")
    lines.append("      true where: " + terminal_limited(case.condition, CONDITION_MAX))
    if case.never:
        lines.append(terminal(f"      never true here: {case.never}"))
    held = case.held
    if held is not None and not held.rows:
        remedy = f". {case.switch_on}" if case.switch_on else ""
        lines.append(terminal(f"      in this case: no such record is held{remedy}"))
    elif held is not None:
        lines.append(
            f"      in this case: {count(held.rows)} such records in {count(held.files)} data files of the table"
        )
        lines += [
            terminal(f"      not recorded in {count(number)} of the files: {place}")
            for place, number in held.missing.items()
        ]
    return lines


def _asked_text(at: int, one: Asked) -> str:
    rows = "" if one.rows is None else f"  (records of the table: {count(one.rows)})"
    sense = "  [under not]" if one.negated else ""
    return f"{at}. " + terminal_limited(f"{one.place} {one.asks}", ASKS_MAX) + sense + rows
