"""The summary as JSON: the published contract, described field by field in `summary.schema.json`.

Fields may be added, never renamed. What is unknown is null, never 0 or an empty text; surprise is rounded to two digits.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from importlib import resources

from dwell.model.affected import Affected
from dwell.model.blind_days import BlindDays
from dwell.model.claims import (
    CaseFacts,
    Claim,
    EntryFinding,
    EvictionCheck,
    Extent,
    Foothold,
    Intrusion,
    Lead,
    MailboxExposure,
    Question,
    ReachFinding,
    RuleOutcome,
    Summary,
)
from dwell.model.coverage import Coverage, CoverageRow
from dwell.model.departures import Departure
from dwell.model.estimates import Estimate
from dwell.model.explanations import Explanation, Weight
from dwell.model.hypotheses import Hypothesis, Sign
from dwell.model.instants import utc_text
from dwell.model.markings import Marking, MarkingEffect
from dwell.model.provenance import RecordRef
from dwell.model.resting import RestingRow
from dwell.model.settings import Setting, SettingEffect
from dwell.report.indicators import indicator_object
from dwell.safe.jsontext import Json, json_text

__all__ = [
    "bits",
    "blind_days_object",
    "coverage_object",
    "departure_object",
    "effect_object",
    "hypothesis_object",
    "lead_object",
    "mailbox_object",
    "marking_object",
    "record_objects",
    "rule_object",
    "schema",
    "setting_effect_object",
    "setting_object",
    "summary_dict",
    "summary_text",
]

Object = dict[str, Json]


def schema() -> Object:
    """Give the JSON Schema (2020-12) of the summary."""
    text = resources.files("dwell.report").joinpath("summary.schema.json").read_text(encoding="utf-8")
    found: Object = json.loads(text)
    return found


def summary_text(summary: Summary) -> str:
    """Give the summary as JSON text, plain ASCII, with a newline at the end."""
    return json_text(summary_dict(summary))


def summary_dict(summary: Summary) -> Object:
    """Give the summary as the contract has it."""
    answers = {one.question: one for one in summary.answers}
    return {
        "dwell": summary.version,
        "case": _case(summary.case),
        "answers": {
            question.value: {
                "verdict": _known(answers[question].verdict) if question in answers else None,
                "claims": list(answers[question].claims) if question in answers else [],
            }
            for question in Question
        },
        "claims": [_claim(one) for one in summary.claims],
        "mailboxes": [mailbox_object(one) for one in summary.mailboxes],
        "intrusions": [_intrusion(one) for one in summary.intrusions],
        "entry": [_entry(one) for one in summary.entry],
        "foothold": [_foothold(one) for one in summary.foothold],
        "reach": [_reach(one) for one in summary.reach],
        "eviction": [_check(one) for one in summary.eviction],
        "coverage": [coverage_object(one) for one in summary.coverage],
        "leads": [lead_object(one) for one in summary.leads],
        "leads_expected_false": _expected(summary.leads_expected_false),
        "rules": [rule_object(one) for one in summary.rules],
        "settings": dict(summary.settings),
        "hypotheses": [hypothesis_object(one) for one in summary.hypotheses],
        "markings": [effect_object(one) for one in summary.markings],
        "learned": [{"kind": one.kind.value, "name": one.name, "why": one.why} for one in summary.learned],
        "indicators": [indicator_object(one) for one in summary.indicators],
        "case_settings": [setting_effect_object(one) for one in summary.case_settings],
        "departures": [departure_object(one) for one in summary.departures],
        "leads_budget": summary.leads_budget,
        "affected": _affected(summary.affected),
        "resting": [_resting(one) for one in summary.resting],
    }


def _resting(one: RestingRow) -> Object:
    return {
        "table": one.table.value,
        "place": one.place,
        "was": [{"column": column, "text": text} for column, text in one.was],
        "by": list(one.by),
    }


def bits(value: float) -> float | None:
    """Give surprise to two digits; None where it is no finite number."""
    return round(value, 2) + 0.0 if math.isfinite(value) else None


def _expected(value: float | None) -> float | None:
    """Give a number of leads to two digits; None where it is not known."""
    return None if value is None else bits(value)


def _known(text: str | None) -> str | None:
    """Give the text, or None where it is empty: nothing said is unknown."""
    return text or None


def record_objects(records: Iterable[RecordRef]) -> list[Json]:
    """Give records by name as the contract has them."""
    return [{"table": one.table, "evidence_id": one.evidence_id, "record_no": one.record_no} for one in records]


def _detail(coverage: Coverage | None) -> Object | None:
    if coverage is None:
        return None
    return {
        "hours_able": coverage.hours_able,
        "hours_asked": coverage.hours_asked,
        "sources": list(coverage.sources),
        "why": _known(coverage.why),
    }


def _share(coverage: Coverage | None) -> float | None:
    return None if coverage is None else coverage.share


def _case(case: CaseFacts) -> Object:
    return {
        "name": _known(case.name),
        "evidence_files": case.evidence_files,
        "records": case.records,
        "anomalies": case.anomalies,
        "first_utc": utc_text(case.first_utc),
        "last_utc": utc_text(case.last_utc),
        "copies": case.copies,
    }


def _claim(claim: Claim) -> Object:
    return {
        "id": claim.id,
        "question": claim.question.value,
        "text": claim.text,
        "grade": claim.grade.value,
        "grounds": record_objects(claim.grounds),
        "coverage": _share(claim.coverage),
        "against": list(claim.against),
        "grounds_total": max(claim.grounds_total, len(claim.grounds)),
        "coverage_detail": _detail(claim.coverage),
        "marked": list(claim.marked),
        "assumptions": list(claim.assumptions),
        "would_change": list(claim.would_change),
        "estimate": _estimate(claim.estimate),
    }


def _estimate(word: Estimate | None) -> Object | None:
    if word is None:
        return None
    low, high = word.range
    return {"word": word.value, "low_percent": low, "high_percent": high}


def mailbox_object(mailbox: MailboxExposure) -> Object:
    """Give one row of `mailboxes`."""
    return {
        "mailbox": _known(mailbox.mailbox),
        "grade": mailbox.grade.value,
        "intrusions": list(mailbox.intrusions),
        "first_utc": utc_text(mailbox.first_utc),
        "last_utc": utc_text(mailbox.last_utc),
        "messages": mailbox.messages,
        "folders": list(mailbox.folders),
        "bytes": mailbox.bytes,
        "clients": list(mailbox.clients),
        "coverage": _share(mailbox.coverage),
        "sessions": mailbox.sessions,
        "bytes_source": _known(mailbox.bytes_source),
        "message_ids": list(mailbox.message_ids),
        "assumptions": list(mailbox.assumptions),
        "grounds": record_objects(mailbox.grounds),
        "coverage_detail": _detail(mailbox.coverage),
        "marked": list(mailbox.marked),
        "grade_unmarked": mailbox.unmarked.value if mailbox.unmarked is not None else None,
        "vip": mailbox.vip,
        "systems": list(mailbox.systems),
        "left": mailbox.left.told if mailbox.left is not None else None,
        "left_after_utc": utc_text(mailbox.left.after_utc) if mailbox.left is not None else None,
        "left_by_utc": utc_text(mailbox.left.by_utc) if mailbox.left is not None else None,
        "bytes_low": mailbox.bytes_range.low,
        "bytes_high": mailbox.bytes_range.high,
        "bytes_assumptions": list(mailbox.bytes_assumptions),
        "affected": _affected(mailbox.affected),
    }


def _affected(one: Affected | None) -> Object | None:
    if one is None:
        return None
    ranges = {"persons": one.persons, "inside": one.inside, "outside": one.outside, "messages": one.messages,
              "bytes": one.sizes}  # fmt: skip
    return {
        **{f"{name}_{end}": getattr(found, end) for name, found in ranges.items() for end in ("low", "high")},
        "first_utc": utc_text(one.first_utc),
        "last_utc": utc_text(one.last_utc),
        "sources": list(one.sources),
        "assumptions": list(one.assumptions),
        "decides": _known(one.decides),
    }


def departure_object(one: Departure) -> Object:
    """Give one row of `departures`."""
    return {
        "account": _known(one.account),
        "kinds": [kind.value for kind in one.kinds],
        "after_utc": utc_text(one.after_utc),
        "by_utc": utc_text(one.by_utc),
        "back_utc": utc_text(one.back_utc),
        "until_utc": utc_text(one.until_utc),
        "signs": list(one.signs),
        "against": list(one.against),
        "grounds": record_objects(one.grounds),
        "sessions": one.sessions,
        "first_use_utc": utc_text(one.first_use_utc),
        "last_use_utc": utc_text(one.last_use_utc),
        "clients": list(one.clients),
        "opened_by": list(one.opened_by),
        "use_grounds": record_objects(one.use_grounds),
    }


def _intrusion(intrusion: Intrusion) -> Object:
    return {
        "id": intrusion.id,
        "first_utc": utc_text(intrusion.first_utc),
        "last_utc": utc_text(intrusion.last_utc),
        "entry": list(intrusion.entry),
        "clients": list(intrusion.clients),
        "accounts": list(intrusion.accounts),
        "mailboxes": list(intrusion.mailboxes),
        "techniques": list(intrusion.techniques),
        "links": list(intrusion.links),
        "against": list(intrusion.against),
        "earlier_possible": _known(intrusion.earlier_possible),
        "grounds": record_objects(intrusion.grounds),
        "marking": _known(intrusion.marking),
        "marked": list(intrusion.marked),
        "systems": list(intrusion.systems),
    }


def _entry(entry: EntryFinding) -> Object:
    return {
        "host": _known(entry.host),
        "cve": _known(entry.cve),
        "method": _known(entry.method),
        "outcome": entry.outcome.value,
        "first_utc": utc_text(entry.first_utc),
        "last_utc": utc_text(entry.last_utc),
        "intrusion": _known(entry.intrusion),
        "grounds": record_objects(entry.grounds),
        "markings": list(entry.markings),
    }


def _foothold(foothold: Foothold) -> Object:
    return {
        "kind": _known(foothold.kind),
        "host": _known(foothold.host),
        "what": _known(foothold.what),
        "first_utc": utc_text(foothold.first_utc),
        "state": foothold.state.value,
        "intrusion": _known(foothold.intrusion),
        "state_why": _known(foothold.state_why),
        "grounds": record_objects(foothold.grounds),
        "markings": list(foothold.markings),
    }


def _reach(reach: ReachFinding) -> Object:
    return {
        "system": _known(reach.system),
        "class": _known(reach.system_class),
        "verdict": reach.verdict.value,
        "coverage": _share(reach.coverage),
        "why": _known(reach.why),
        "grounds": record_objects(reach.grounds),
        "coverage_detail": _detail(reach.coverage),
    }


def _check(check: EvictionCheck) -> Object:
    return {
        "check": check.check,
        "status": check.status.value,
        "why": _known(check.why),
        "grounds": record_objects(check.grounds),
        "key": _known(check.key),
        "coverage": _detail(check.coverage),
        "extent": _extent(check.extent),
        "looked": list(check.looked),
        "decides": _known(check.decides),
        "export": _known(check.export),
    }


def _extent(extent: Extent | None) -> Object | None:
    if extent is None:
        return None
    asked = extent.asked if extent.asked > 0 else None
    return {"seen": extent.seen, "asked": asked, "unit": extent.unit, "share": extent.share}


def coverage_object(row: CoverageRow) -> Object:
    """Give one row of `coverage`."""
    return {
        "host": _known(row.host),
        "source": row.source,
        "first_utc": utc_text(row.first_utc),
        "last_utc": utc_text(row.last_utc),
        "held": row.held,
        "missing": row.missing,
        "altered": row.altered,
        "not_recorded": row.not_recorded,
        "held_empty": row.held_empty,
        "truncated": row.truncated,
        "reasons": [{"reason": reason, "hours": hours} for reason, hours in row.reasons],
        "instants": [{"dated": words, "records": records} for words, records in row.instants],
    }


def lead_object(lead: Lead) -> Object:
    """Give one row of `leads`."""
    return {
        "rank": lead.rank,
        "mailbox": _known(lead.mailbox),
        "client": _known(lead.client),
        "first_utc": utc_text(lead.first_utc),
        "last_utc": utc_text(lead.last_utc),
        "bits": bits(lead.bits),
        "terms": {name: bits(value) for name, value in lead.terms},
        "intrusion": _known(lead.intrusion),
        "against": list(lead.against),
        "grounds": record_objects(lead.grounds),
        "system": _known(lead.system),
        "system_accounts": lead.system_accounts,
        "system_bits": None if lead.system_bits is None else bits(lead.system_bits),
        "by_chance": _expected(lead.by_chance),
        "hostile_bits": None if lead.hostile_bits is None else bits(lead.hostile_bits),
        "observed": list(lead.observed),
        "untold": dict(lead.untold),
        "explanations": [_explanation(one) for one in lead.explanations if one.decides],
        "ratios": {one.key: bits(one.bits) for one in lead.explanations},
        "decides": list(lead.decides),
    }


def _explanation(one: Explanation) -> Object:
    return {
        "key": one.key,
        "name": one.name,
        "side": one.side.value,
        "bits": bits(one.bits),
        "speaks_for": _weights(one.speaks_for),
        "speaks_against": _weights(one.speaks_against),
        "decides": _known(one.decides),
    }


def _weights(weights: Iterable[Weight]) -> list[Json]:
    return [{"text": one.text, "bits": bits(one.bits), "counted": one.counted} for one in weights]


def _signs(signs: Iterable[Sign]) -> list[Json]:
    return [{"text": _known(one.text), "grounds": record_objects(one.grounds)} for one in signs]


def hypothesis_object(one: Hypothesis) -> Object:
    """Give one row of `hypotheses`."""
    return {
        "id": _known(one.id),
        "title": _known(one.title),
        "where": one.where.value,
        "verdict": one.verdict.value,
        "why": _known(one.why),
        "told_by": one.told.value,
        "coverage": _share(one.coverage),
        "signs_for": _signs(one.signs_for),
        "signs_against": _signs(one.signs_against),
        "limits": list(one.limits),
        "next": list(one.next),
        "techniques": list(one.techniques),
        "sources": [
            {"source": view.source, "shows": view.shows, "coverage": _share(view.coverage)} for view in one.sources
        ],
        "coverage_detail": _detail(one.coverage),
    }


def marking_object(marking: Marking) -> Object:
    """Give a marking as the contract has it."""
    return {
        "id": marking.id,
        "kind": marking.kind.value,
        "target": _known(marking.target),
        "verdict": marking.verdict.value,
        "reason": _known(marking.reason),
        "by": _known(marking.by),
        "at_utc": utc_text(marking.at_utc),
        "agent": _known(marking.agent),
        "account": _known(marking.account),
        "text": _known(marking.text),
        "from_utc": utc_text(marking.from_utc),
        "to_utc": utc_text(marking.to_utc),
    }


def effect_object(effect: MarkingEffect) -> Object:
    """Give one row of `markings`: the marking, and what it comes to."""
    return {
        **marking_object(effect.marking),
        "sessions": effect.sessions,
        "acts": effect.acts,
        "ties": effect.ties,
        "leads": effect.leads,
        "contradicts": list(effect.contradicts),
        "agrees": list(effect.agrees),
        "makes": _known(effect.makes),
    }


def setting_object(setting: Setting) -> Object:
    """Give a setting as the contract has it."""
    return {
        "id": setting.id,
        "kind": setting.kind.value,
        "value": _known(setting.value),
        "at": _known(setting.at),
        "sha256": _known(setting.sha256),
        "dated": _known(setting.dated),
        "reason": _known(setting.reason),
        "by": _known(setting.by),
        "at_utc": utc_text(setting.at_utc),
    }


def setting_effect_object(effect: SettingEffect) -> Object:
    """Give one row of `case_settings`: the setting, and what it comes to."""
    return {
        **setting_object(effect.setting),
        "text": _known(effect.text),
        "sessions": effect.sessions,
        "ties": effect.ties,
        "leads": effect.leads,
        "elsewhere": effect.elsewhere,
        "contradicts": list(effect.contradicts),
        "mailboxes": list(effect.mailboxes),
        "days": effect.days,
    }


def rule_object(rule: RuleOutcome) -> Object:
    """Give what became of a rule as the contract has it."""
    return {
        "rule_id": _known(rule.rule_id),
        "title": _known(rule.title),
        "author": _known(rule.author),
        "licence": _known(rule.licence),
        "level": _known(rule.level),
        "status": rule.status.value,
        "reason": _known(rule.reason),
        "files_opened": rule.files_opened,
        "files_pruned": rule.files_pruned,
        "rows_compared": rule.rows_compared,
        "hits": rule.hits,
        "path": _known(rule.path),
        "blind_at": [
            {"host": _known(one.host), "first_utc": utc_text(one.first_utc), "last_utc": utc_text(one.last_utc)}
            for one in rule.blind_at
        ],
        "blind_at_total": rule.blind_at_total,
        "hosts": list(rule.hosts),
        "hosts_total": rule.hosts_total,
        "hosts_without": list(rule.hosts_without),
        "hosts_without_total": rule.hosts_without_total,
        "blind_days": [blind_days_object(one) for one in rule.blind_days],
        "blind_days_total": rule.blind_days_total,
    }


def blind_days_object(days: BlindDays) -> Object:
    """Give days on which a rule could not have been met as the contract has them."""
    return {
        "host": _known(days.host),
        "first_day": days.first_day.isoformat(),
        "last_day": days.last_day.isoformat(),
        "why": days.why.value,
        "what": _known(days.what),
    }
