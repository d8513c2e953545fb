"""What other rules change, as text for a terminal and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from dwell.model.instants import utc_text
from dwell.report.figures import count, instant
from dwell.report.hits import level_rank
from dwell.report.summary_json import record_objects
from dwell.safe.jsontext import Json
from dwell.safe.terminal import terminal, terminal_limited

if TYPE_CHECKING:
    from dwell.answers.changes import AnswerChange, SinceRules
    from dwell.hunt.changes import GroupChange, RuleChange

__all__ = ["answer_object", "changes_object", "changes_text"]

SHOWN = 40
"""Rules, groups of hits and statements in text; JSON has all."""
TEXT_MAX = 240


def changes_object(found: SinceRules) -> dict[str, Json]:
    """Give everything as one JSON object."""
    return {
        "rules": [
            {
                "rule_id": one.rule_id,
                "title": one.title,
                "change": one.kind,
                "what": list(one.what),
                "status_before": one.before.value if one.before else None,
                "status_after": one.after.value if one.after else None,
            }
            for one in found.hunted.rules
        ],
        "rules_same": found.hunted.same,
        "hits": [_hit(one) for one in found.hunted.hits],
        "answers": [answer_object(one) for one in found.answers],
        "faults": list(found.faults),
    }


def answer_object(one: AnswerChange) -> dict[str, Json]:
    """Give what changes in one answer."""
    return {
        "question": one.question.value,
        "before": one.before,
        "after": one.after,
        "gone": list(one.gone),
        "new": list(one.new),
    }


def _hit(one: GroupChange) -> dict[str, Json]:
    group = one.group
    return {
        "rule_id": group.rule_id,
        "title": group.title,
        "level": group.level,
        "table": group.table,
        "host": group.host,
        "client": group.client,
        "account": group.account,
        "status": group.status,
        "matched": list(group.matched),
        "count_before": one.before,
        "count_after": one.after,
        "first_utc": utc_text(group.first_utc),
        "last_utc": utc_text(group.last_utc),
        "records": record_objects(group.refs),
    }


def changes_text(found: SinceRules) -> str:
    """Give what changes for a terminal: rules, hits, answers."""
    rules, hits = found.hunted.rules, found.hunted.hits
    kinds = [f"{count(sum(one.kind == kind for one in rules))} {kind}" for kind in ("added", "removed", "changed")]
    lines = [f"rules: {', '.join(kinds)}, {count(found.hunted.same)} the same"]
    lines += _limited([_rule(one) for one in rules])
    more = sum(max(one.after - one.before, 0) for one in hits)
    fewer = sum(max(one.before - one.after, 0) for one in hits)
    lines.append(f"hits: {count(more)} records more, {count(fewer)} fewer")
    lines += _limited([_group(one) for one in sorted(hits, key=lambda one: -level_rank(one.group.level))])
    lines.append(f"answers: {count(len(found.answers))} would change")
    for one in found.answers:
        lines += _answer(one)
    lines += [terminal(f"rule file: {one}") for one in found.faults[:SHOWN]]
    return "".join(f"{one}\n" for one in lines)


def _limited(lines: Sequence[str]) -> list[str]:
    rest = len(lines) - SHOWN
    return [*lines[:SHOWN], *([f"   and {count(rest)} more; -t json has them all"] if rest > 0 else [])]


def _rule(one: RuleChange) -> str:
    mark = {"added": "+", "removed": "-"}.get(one.kind, "~")
    what = f": {', '.join(one.what)}" if one.what else ""
    states = [state.value for state in (one.before, one.after) if state is not None]
    told = " then ".join(dict.fromkeys(states))
    return terminal_limited(f"   {mark} {one.rule_id} {one.title}{what} ({told})", TEXT_MAX)


def _group(one: GroupChange) -> str:
    group = one.group
    mark = "+" if one.after > one.before else "-"
    who = "".join(f", {word} {name}" for word, name in (("from", group.client), ("as", group.account)) if name)
    where = f"{group.table} on {group.host or 'an unknown host'}{who}"
    head = f"   {mark} {group.level or group.kind}: {group.title}, {where}, {instant(group.first_utc)}: "
    numbers = f"{count(one.after)} records, {count(one.before)} before"
    return terminal_limited(head + numbers + f"; {'; '.join(group.matched)}", TEXT_MAX)


def _answer(one: AnswerChange) -> list[str]:
    lines = [f"   {one.question.value}"]
    if one.before != one.after:
        lines += [terminal(f"      before: {one.before}"), terminal(f"      then:   {one.after}")]
    gone = [terminal_limited(f"      - {text}", TEXT_MAX) for text in one.gone]
    new = [terminal_limited(f"      + {text}", TEXT_MAX) for text in one.new]
    return lines + _limited(gone) + _limited(new)
