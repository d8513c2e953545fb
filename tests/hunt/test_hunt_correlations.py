"""Correlations: the same matches as a slow reading gives, whatever the windows, and nothing hidden by them."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from datetime import timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from tests.hunt.archives import START, archive_of
from tests.hunt.slow_correlations import Met, met_by_match, slow_list, slow_matches

from dwell.archive.store import Archive
from dwell.hunt import wide
from dwell.hunt.bundles import Bundle
from dwell.hunt.correlations import correlate, windows
from dwell.hunt.hunting import Hunted, hunt
from dwell.hunt.passes import RECORDS_AT, kept_name
from dwell.model.claims import RuleOutcome, RuleStatus

RULES = ("one", "two", "three")


def rule(name: str, **more: Any) -> dict[str, Any]:  # noqa: ANN401
    """Give a rule that is met by the path of its name."""
    return {
        "title": f"rule {name}",
        "id": f"30000000-0000-4000-8000-{RULES.index(name):012}",
        "name": name,
        "logsource": {"category": "webserver"},
        "detection": {"s": {"cs-uri-stem|contains": f"/{name}/"}, "condition": "s"},
        "level": "low",
        **more,
    }


def correlation(number: int = 1, **parts: Any) -> dict[str, Any]:  # noqa: ANN401
    held = {"type": "event_count", "rules": ["one"], "timespan": "10s", "condition": {"gte": 2}, **parts}
    return {
        "title": f"correlation {number}",
        "id": f"40000000-0000-4000-8000-{number:012}",
        "name": f"c{number}",
        "level": "high",
        "correlation": {key.replace("_", "-"): value for key, value in held.items() if value is not None},
    }


def line(path: str, at: float, **more: Any) -> dict[str, Any]:  # noqa: ANN401
    return {
        "cs-uri-stem": path,
        "cs-method": "GET",
        "sc-status": 200,
        "c-ip": "100.64.0.1",
        "time_utc": START + timedelta(seconds=at),
        **more,
    }


def folder_of(folder: Path, *documents: Mapping[str, Any]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for at, one in enumerate(documents):
        (folder / f"{at:03}.yml").write_text(yaml.safe_dump(one), encoding="utf-8")
    return folder


def ran(tmp_path: Path, rows: list[dict[str, Any]], *documents: Mapping[str, Any]) -> Hunted:
    archive = archive_of(tmp_path / "archive", {"iis": sorted(rows, key=lambda one: one["time_utc"])})
    return hunt(archive, rule_folders=[folder_of(tmp_path / "rules", *documents)], workers=1)


def matched(found: Hunted, number: int = 1) -> list[dict[str, Any]]:
    return [one for one in found.hits.to_pylist() if one["rule_id"] == f"40000000-0000-4000-8000-{number:012}"]


def shown(found: Hunted) -> set[str]:
    return {one["title"] for one in found.hits.to_pylist() if one["rule_id"][:5] in {"30000", "40000"}}


def outcome(found: Hunted, title: str) -> RuleOutcome:
    return next(one for one in found.outcomes if one.title == title)


def records(hit: Mapping[str, Any]) -> set[int]:
    return {one["record_no"] for one in hit["refs"]}


@pytest.mark.parametrize("count", [2, 200, 900])
def test_a_condition_of_many_nots_ends_and_stops_nothing(tmp_path: Path, count: int) -> None:
    asked = correlation(type="temporal", rules=["one"], condition="not " * count + "one")
    found = ran(tmp_path, [line("/one/", 0), line("/one/", 1)], rule("one"), asked, correlation(2))
    assert outcome(found, "correlation 1").status in {RuleStatus.RAN, RuleStatus.INVALID}
    assert len(matched(found, 2)) == 1


# Against the slow reading ---------------------------------------------------------------------------

GROUPS = ("cs-username", "c-ip")
OPERATORS = st.sampled_from(["lt", "lte", "gt", "gte", "eq", "neq"])


@st.composite
def drawn(draw: st.DrawFn, number: int) -> dict[str, Any]:
    """Draw a correlation."""
    kind = draw(
        st.sampled_from(
            [
                *("event_count", "value_count", "temporal", "temporal_ordered"),
                *("value_sum", "value_avg", "value_median", "value_percentile"),
            ]
        )
    )
    rules = draw(st.lists(st.sampled_from(RULES), min_size=1, max_size=3, unique=True))
    parts: dict[str, Any] = {"type": kind, "rules": rules, "timespan": f"{draw(st.integers(1, 12))}s"}
    groups = draw(st.lists(st.sampled_from(GROUPS), max_size=2, unique=True))
    if groups:
        parts["group_by"] = groups
    parts["condition"] = {draw(OPERATORS): draw(st.integers(1, 4))}
    if kind.endswith("count") and draw(st.booleans()):
        low = draw(st.integers(1, 3))
        parts["condition"] = {draw(st.sampled_from(["gt", "gte"])): low, "lte": low + draw(st.integers(1, 3))}
    if kind == "value_count":
        parts["condition"]["field"] = "cs-host"
    elif kind.startswith("value"):
        parts["condition"] = {draw(OPERATORS): draw(st.sampled_from([0, 5, 7.5, 10, 20])), "field": "cs-version"}
        if kind == "value_percentile":
            parts["condition"]["percentile"] = draw(st.sampled_from([0, 5, 25, 90, 100]))
    elif kind == "temporal" and draw(st.booleans()):
        joined = draw(st.sampled_from([" and ", " or ", " and not ", " or not "]))
        parts["condition"] = joined.join(rules)
    elif kind == "temporal":
        least = draw(st.integers(1, len(rules)))
        parts["condition"] = draw(
            st.sampled_from([{"gte": least}, {"eq": least}, {"lte": least}, {"neq": len(rules) + 1}])
        )
    elif kind == "temporal_ordered":
        parts["condition"] = draw(st.sampled_from([None, {"gte": draw(st.integers(1, len(rules)))}]))
    return correlation(number, **parts)


@st.composite
def lines(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a line; instants are few, so that ties and windows that end at a record are many."""
    more: dict[str, Any] = {}
    if draw(st.booleans()):
        more["cs-username"] = draw(st.sampled_from(["a", "A", "b", "-"]))
    if draw(st.integers(0, 3)):
        more["cs-version"] = draw(st.sampled_from(["1", "5", "10", "7.5", "-3", "x", "-"]))
    if draw(st.integers(0, 3)):
        more["cs-host"] = draw(st.sampled_from(["h", "H", "i", "j", "-"]))
    path = "/" + "".join(f"{one}/" for one in draw(st.lists(st.sampled_from(RULES), min_size=1, max_size=2)))
    at = draw(st.integers(0, 30)) + draw(st.sampled_from([0, 0, 0.000001, 0.5]))
    return line(path, at, **{"c-ip": draw(st.sampled_from(["100.64.0.1", "100.64.0.2"]))}, **more)


def met(rows: list[dict[str, Any]]) -> list[Met]:
    out = []
    for number, row in enumerate(rows, 1):
        fields = {key: str(value) for key, value in row.items() if value not in {"-", None}}
        at = Fraction((row["time_utc"] - START) // timedelta(microseconds=1), 1_000_000)
        out += [Met(one, at, number, fields) for one in RULES if f"/{one}/" in row["cs-uri-stem"]]
    return out


def compare(rows: list[dict[str, Any]], asked: list[dict[str, Any]]) -> int:
    """Work correlations out fast and slowly; give how many matches there were."""
    rows = sorted(rows, key=lambda one: one["time_utc"])
    with tempfile.TemporaryDirectory() as scratch:
        found = ran(Path(scratch), rows, *map(rule, RULES), *asked)
    count = 0
    for one in asked:
        wanted = slow_matches(one["correlation"], met(rows))
        hits = [hit for hit in found.hits.to_pylist() if hit["rule_id"] == one["id"]]
        groups = one["correlation"].get("group-by", [])
        got = {
            (
                "|".join(hit["matched"][at].partition("=")[2].lower() for at in range(len(groups))),
                frozenset(records(hit)),
            )
            for hit in hits
        }
        assert all(hit["count"] == len(hit["refs"]) for hit in hits)
        assert got == wanted, one
        count += len(got)
    return count


@settings(max_examples=40, phases=[Phase.generate], deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(lines(), min_size=1, max_size=18), st.lists(st.integers(), min_size=1, max_size=6).flatmap(
    lambda numbers: st.tuples(*(drawn(at) for at in range(1, len(numbers) + 1)))
))  # fmt: skip
def test_correlations_are_read_as_a_slow_reading_reads_them(
    rows: list[dict[str, Any]], asked: tuple[dict[str, Any], ...]
) -> None:
    compare(rows, list(asked))


KINDS_OF_COUNT = st.sampled_from(["event_count", "value_count", "temporal", "temporal_ordered"])
GROUPED = st.lists(st.sampled_from(GROUPS), max_size=2, unique=True)


@st.composite
def dense(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a line of one of a few who are met often, by one of two addresses."""
    who = {"cs-username": draw(st.sampled_from(["a", "A", "b", "-"])), "c-ip": f"100.64.0.{draw(st.integers(1, 2))}"}
    return line(f"/{draw(st.sampled_from(RULES))}/", draw(st.integers(0, 24)), **who)


@st.composite
def inner_one(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a correlation that many lines meet, for another to rest on."""
    parts: dict[str, Any] = {"rules": RULES[: draw(st.integers(1, 2))], "timespan": f"{draw(st.integers(2, 6))}s"}
    groups = draw(GROUPED)
    return correlation(
        1, condition={"gte": draw(st.integers(1, 3))}, **parts, **({"group_by": groups} if groups else {})
    )


@settings(max_examples=120, phases=[Phase.generate], deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(dense(), min_size=8, max_size=20),
    inner_one(),
    KINDS_OF_COUNT,
    GROUPED,
    st.integers(1, 3),
    st.sampled_from(RULES),
)
def test_correlations_of_correlations_are_read_as_a_slow_reading_reads_them(
    rows: list[dict[str, Any]], inner: dict[str, Any], kind: str, groups: list[str], least: int, other: str
) -> None:
    condition: dict[str, Any] = {"gte": least if kind.endswith("count") else 2}
    condition |= {"field": "cs-username"} if kind == "value_count" else {}
    outer = correlation(
        2,
        type=kind,
        rules=["c1", other],
        timespan="4s",
        condition=condition,
        **({"group_by": groups} if groups else {}),
    )
    rows = sorted(rows, key=lambda one: one["time_utc"])
    with tempfile.TemporaryDirectory() as scratch:
        found = ran(Path(scratch), rows, *map(rule, RULES), inner, outer)
    asked = [*groups, *(["cs-username"] if kind == "value_count" else [])]
    held, records_of = met_by_match(
        "c1", slow_list(inner["correlation"], met(rows)), inner["correlation"].get("group-by", []), asked,
        moments=kind.startswith("temporal"), first=1000,
    )  # fmt: skip
    own = [one for one in met(rows) if one.rule == other]
    wanted = {
        (group, frozenset().union(*(records_of.get(one, {one}) for one in numbers)))
        for group, numbers in slow_matches(outer["correlation"], [*held, *own])
    }
    hits = [one for one in found.hits.to_pylist() if one["rule_id"] == outer["id"]]
    named = {("|".join(part.partition("=")[2].lower() for part in one["matched"][: len(groups)]), frozenset(records(one)))
             for one in hits}  # fmt: skip
    assert named == wanted


# One by one -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("apart", "found"), [(9.999999, 1), (10, 1), (10.000001, 0)])
def test_both_ends_of_a_window_belong_to_it(tmp_path: Path, apart: float, found: int) -> None:
    rows = [line("/one/", 0), line("/one/", apart)]
    assert len(matched(ran(tmp_path, rows, rule("one"), correlation()))) == found


def test_windows_that_overlap_are_one_match_with_all_its_records(tmp_path: Path) -> None:
    rows = [line("/one/", at) for at in (0, 8, 16, 24, 60, 65, 90)]
    hits = matched(ran(tmp_path, rows, rule("one"), correlation()))
    assert [records(one) for one in hits] == [{1, 2, 3, 4}, {5, 6}]
    assert [one["matched"] for one in hits] == [["event_count=2"], ["event_count=2"]]
    assert hits[0]["first_utc"] == START
    assert hits[0]["last_utc"] == START + timedelta(seconds=24)
    assert hits[0]["client"] == "100.64.0.1"
    assert hits[0]["level"] == "high"


def test_many_records_are_counted_and_the_first_are_named(tmp_path: Path) -> None:
    rows = [line("/one/", at / 1000, **{"c-ip": f"100.64.0.{at % 2}"}) for at in range(3_000)]
    hits = matched(ran(tmp_path, rows, rule("one"), correlation(condition={"gte": 1_500})))
    assert [(one["count"], len(one["refs"]), one["client"]) for one in hits] == [(3_000, 20, None)]
    assert hits[0]["matched"] == ["event_count=3000"]


def test_the_rules_it_rests_on_are_shown_only_where_it_says_so(tmp_path: Path) -> None:
    rows = [line("/one/", 0), line("/one/", 1), line("/two/", 0)]
    found = ran(tmp_path / "a", rows, rule("one"), rule("two"), correlation())
    assert shown(found) == {"rule two", "correlation 1"}
    assert outcome(found, "rule one").hits == 2
    assert "shown by 'correlation 1' only" in outcome(found, "rule one").reason
    assert outcome(found, "correlation 1").hits == 2
    again = ran(tmp_path / "b", rows, rule("one"), rule("two"), correlation(), correlation(2, generate=True))
    assert shown(again) == {"rule one", "rule two", "correlation 1", "correlation 2"}


def test_a_rule_of_our_own_is_never_hidden_behind_a_correlation(tmp_path: Path) -> None:
    rows = [line("/aspnet_client/supp0rt.aspx", at) for at in (0, 1)]
    alone = ran(tmp_path / "a", rows, rule("one"))
    own = {one["rule_id"] for one in alone.hits.to_pylist()}
    assert own
    found = ran(tmp_path / "b", rows, correlation(rules=sorted(own)[:1]))
    assert own <= {one["rule_id"] for one in found.hits.to_pylist()}
    assert len(matched(found)) == 1


def test_one_rule_after_the_other_is_not_the_other_way_round(tmp_path: Path) -> None:
    after = correlation(type="temporal_ordered", rules=["one", "two"], condition=None, group_by="cs-username")
    rows = [
        line("/two/", 0, **{"cs-username": "early"}),
        line("/one/", 1, **{"cs-username": "early"}),
        line("/one/", 2, **{"cs-username": "late"}),
        line("/two/", 3, **{"cs-username": "Late"}),
    ]
    hits = matched(ran(tmp_path, rows, rule("one"), rule("two"), after))
    assert [(one["matched"], records(one)) for one in hits] == [(["cs-username=late", "temporal_ordered=2"], {3, 4})]


def test_an_alias_gives_one_name_to_fields_that_have_several_and_tables_are_told_apart(tmp_path: Path) -> None:
    proxied = rule("two", logsource={"product": "exchange", "service": "httpproxy"})
    proxied["detection"] = {"s": {"UrlStem|contains": "/two/"}, "condition": "s"}
    aliases = {"who": {"one": "cs-username", "two": "AuthenticatedUser"}}
    both = correlation(type="temporal", rules=["one", "two"], condition=None, group_by=["who"], aliases=aliases)
    archive = archive_of(
        tmp_path / "archive",
        {
            "iis": [line("/one/", 0, **{"cs-username": "M\\a"}), line("/one/", 1, **{"cs-username": "M\\b"})],
            "httpproxy": [{"UrlStem": "/two/", "AuthenticatedUser": "m\\A", "time_utc": START}],
        },
    )
    found = hunt(archive, rule_folders=[folder_of(tmp_path / "rules", rule("one"), proxied, both)], workers=1)
    assert sorted((one["table"], one["count"], one["account"]) for one in matched(found)) == [
        ("httpproxy", 1, "m\\A"),
        ("iis", 1, "M\\a"),
    ]


def test_a_correlation_over_a_correlation(tmp_path: Path) -> None:
    failed = correlation(1, group_by=["c-ip"], condition={"gte": 3})
    entered = correlation(
        2, type="temporal_ordered", rules=["c1", "two"], condition=None, group_by=["c-ip"], timespan="5s"
    )
    often = correlation(3, rules=["c1"], condition={"gte": 2}, timespan="2m")
    rows = [line("/one/", at) for at in (0, 1, 2, 3, 30, 31, 32)] + [line("/two/", 2.5), line("/two/", 60)]
    rows += [line("/one/", 0, **{"c-ip": "100.64.0.9"}), line("/two/", 1, **{"c-ip": "100.64.0.9"})]
    found = ran(tmp_path, rows, rule("one"), rule("two"), often, entered, failed)
    numbers = {row["record_no"] for row in found.hits.to_pylist()}
    assert numbers
    # the first burst had come to hold before the second rule was met, though it went on afterwards
    assert [one["count"] for one in matched(found, 2)] == [5]
    assert [one["count"] for one in matched(found, 3)] == [7]
    assert not matched(found, 1)
    assert outcome(found, "correlation 1").hits == 7


def test_a_correlation_asks_another_for_what_that_is_not_grouped_by(tmp_path: Path) -> None:
    """Failures from one address, whoever the names are; then the success of one of these names, from elsewhere."""
    failed = correlation(1, group_by=["c-ip"], condition={"gte": 3})
    entered = correlation(
        2, type="temporal_ordered", rules=["c1", "two"], condition=None, group_by=["cs-username"], timespan="5s"
    )
    often = correlation(3, rules=["c1"], condition={"gte": 2}, group_by=["cs-username"], timespan="2m")
    rows = [line("/one/", at, **{"cs-username": who}) for at, who in enumerate(["a", "A", "b"])]
    rows += [line("/two/", 4, **{"c-ip": "100.64.0.9", "cs-username": who}) for who in ("B", "c")]
    found = ran(tmp_path, rows, rule("one"), rule("two"), failed, entered, often)
    assert [(one["matched"][0], one["count"]) for one in matched(found, 2)] == [("cs-username=b", 4)]
    # one match that names `a` and `A` is one match of one name
    assert not matched(found, 3)


def test_an_alias_says_what_a_field_is_called_below_a_correlation(tmp_path: Path) -> None:
    aliases = {"who": {"one": "cs-username", "two": "cs-host"}}
    inner = correlation(1, rules=["one", "two"], condition={"gte": 2}, aliases=aliases)
    outer = correlation(
        2, rules=["c1"], type="value_count", condition={"field": "name", "gte": 2}, aliases={"name": {"c1": "who"}}
    )
    rows = [line("/one/", 0, **{"cs-username": "a", "cs-host": "x"}), line("/two/", 1, **{"cs-host": "b"})]
    found = ran(tmp_path, rows, rule("one"), rule("two"), inner, outer)
    assert [one["matched"] for one in matched(found, 2)] == [["value_count(name)=2"]]
    short = correlation(1, rules=["one", "two"], condition={"gte": 2}, aliases={"who": {"one": "cs-username"}})
    lacking = ran(tmp_path / "b", rows, rule("one"), rule("two"), short, outer)
    assert outcome(lacking, "correlation 2").status is RuleStatus.INVALID
    assert "alias 'who' says nothing of 'two'" in outcome(lacking, "correlation 2").reason


@pytest.mark.parametrize(("met", "found"), [(["one", "one"], 0), (["two", "one"], 0), (["one", "three"], 2)])
def test_some_of_several_rules_in_order(tmp_path: Path, met: list[str], found: int) -> None:
    some = correlation(1, type="temporal_ordered", rules=list(RULES), condition={"gte": 2})
    rows = [line(f"/{one}/", at) for at, one in enumerate(met)]
    assert sum(one["count"] for one in matched(ran(tmp_path, rows, *map(rule, RULES), some))) == found


@pytest.mark.parametrize(("count", "found"), [(2, 0), (3, 3), (4, 4), (5, 4)])
def test_a_range_of_counts(tmp_path: Path, count: int, found: int) -> None:
    """Of five records the window of the last holds too many; the windows before it are a match."""
    few = correlation(1, condition={"gt": 2, "lte": 4})
    rows = [line("/one/", at) for at in range(count)]
    assert sum(one["count"] for one in matched(ran(tmp_path, rows, rule("one"), few))) == found


def test_what_it_rests_on_and_cannot_be_seen_makes_it_blind_and_hides_nothing(tmp_path: Path) -> None:
    rows = [line("/one/", 0), line("/one/", 1)]
    nowhere = rule("two", logsource={"product": "linux", "service": "auditd"})
    broken = rule("three", detection={"s": {"a|nonsense": 1}, "condition": "s"})
    found = ran(
        tmp_path, rows, rule("one"), nowhere, broken,
        correlation(1, type="temporal", rules=["one", "two"], condition=None),
        correlation(2, rules=["two", "three"]),
    )  # fmt: skip
    for number, words in ((1, "linux/auditd"), (2, "nonsense")):
        assert outcome(found, f"correlation {number}").status is RuleStatus.BLIND
        assert words in outcome(found, f"correlation {number}").reason
    assert shown(found) == {"rule one"}
    again = ran(tmp_path / "b", rows, rule("one"), nowhere, correlation(3, rules=["one", "two"]))
    assert outcome(again, "correlation 3").status is RuleStatus.PARTLY_BLIND
    assert len(matched(again, 3)) == 1


def test_records_without_the_field_it_is_grouped_by_are_counted_and_none_at_all_is_blind(tmp_path: Path) -> None:
    rows = [line("/one/", 0), line("/one/", 1), line("/one/", 2, **{"cs-username": "a"})]
    grouped = [correlation(1, group_by=["cs-username"]), correlation(2, group_by=["cs-host"])]
    found = ran(tmp_path, rows, rule("one"), *grouped)
    assert outcome(found, "correlation 1").status is RuleStatus.RAN
    assert "2 of 3 records left out: they have no 'cs-username'" in outcome(found, "correlation 1").reason
    assert outcome(found, "correlation 2").status is RuleStatus.BLIND
    assert "cs-host" in outcome(found, "correlation 2").reason


@pytest.mark.parametrize(
    ("parts", "status", "words"),
    [
        ({"rules": ["nobody"]}, RuleStatus.INVALID, "'nobody', and no such rule is loaded (line"),
        ({"rules": ["c1"]}, RuleStatus.INVALID, "refers to itself"),
        ({"rules": ["one", "one"]}, RuleStatus.INVALID, "twice"),
        ({"rules": []}, RuleStatus.INVALID, "'rules'"),
        ({"rules": {"a": 1}}, RuleStatus.INVALID, ""),
        ({"rules": [7]}, RuleStatus.INVALID, ""),
        ({"timespan": "soon"}, RuleStatus.INVALID, "soon"),
        ({"timespan": "99999999999y"}, RuleStatus.INVALID, "timespan"),
        ({"type": "sorcery"}, RuleStatus.INVALID, "sorcery"),
        ({"condition": {"gt": 4, "lte": 2}}, RuleStatus.INVALID, "no number is within"),
        ({"condition": {"gt": 2, "lte": 2}}, RuleStatus.INVALID, "no number is within"),
        ({"condition": {"gte": 1, "lte": "many"}}, RuleStatus.INVALID, "many"),
        ({"type": "temporal", "condition": {"gt": 1}}, RuleStatus.INVALID, "for no number of its 1 rules"),
        ({"condition": {"gte": 10**400}}, RuleStatus.INVALID, ""),
        ({"condition": "one and two"}, RuleStatus.INVALID, ""),
        ({"type": "value_count"}, RuleStatus.INVALID, "field"),
        ({"type": "value_percentile", "condition": {"gte": 1, "field": "a"}}, RuleStatus.INVALID, "percentile"),
        ({"type": "value_sum", "condition": {"gte": 1, "field": ["a", "b"]}}, RuleStatus.INVALID, "one field"),
        ({"group_by": ["who"], "aliases": {"who": {"two": "x"}}}, RuleStatus.INVALID, "alias 'who'"),
        (
            {"type": "temporal_ordered", "rules": ["one", "two"], "condition": {"eq": 1}},
            RuleStatus.UNSUPPORTED,
            "temporal_ordered with any bound",
        ),
        (
            {"type": "temporal_ordered", "rules": ["one", "two"], "condition": "one or two"},
            RuleStatus.UNSUPPORTED,
            "temporal_ordered",
        ),
    ],
)
def test_a_bad_correlation_ends_with_its_reason_and_the_others_run(
    tmp_path: Path, parts: dict[str, Any], status: RuleStatus, words: str
) -> None:
    rows = [line("/one/", 0), line("/one/", 1)]
    found = ran(tmp_path, rows, rule("one"), rule("two"), correlation(1, **parts), correlation(2))
    assert outcome(found, "correlation 1").status is status
    assert words in outcome(found, "correlation 1").reason
    assert len(matched(found, 2)) == 1
    assert any("001.yml" in one or "002.yml" in one for one in found.faults) is (status is RuleStatus.INVALID)


def test_texts_of_an_intruder_do_not_mix_groups_or_stop_the_work(tmp_path: Path) -> None:
    hostile = [("a\x1f", "b"), ("a", "\x1fb"), ("a\x1f1b", "c"), ("a", "b\x1f1c"), ("x\0y", "';--"), ("x\0z", "';--")]
    rows = [line("/one/", at, **{"cs-username": one, "cs-host": two}) for at, (one, two) in enumerate(hostile)]
    both = correlation(1, group_by=["cs-username", "cs-host"])
    measured = correlation(2, type="value_sum", condition={"gte": 0, "field": "cs-username"})
    counted = correlation(3, type="value_count", condition={"gte": 6, "field": ["cs-username", "cs-host"]})
    found = ran(tmp_path, rows, rule("one"), both, measured, counted)
    assert matched(found, 1) == []
    assert matched(found, 2) == []
    assert [one["count"] for one in matched(found, 3)] == [6]


def test_what_is_cut_off_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [line("/one/", at) for at in (0, 1, 100, 101, 200, 201)]
    monkeypatch.setattr(correlate, "MATCHES_MAX", 2)
    found = ran(tmp_path / "a", rows, rule("one"), correlation())
    assert [records(one) for one in matched(found)] == [{1, 2}, {3, 4}]
    assert outcome(found, "correlation 1").status is RuleStatus.RAN
    assert "1 more are not" in outcome(found, "correlation 1").reason
    monkeypatch.setattr(wide, "RECORDS_MAX", 3)
    found = ran(tmp_path / "b", rows, rule("one"), correlation())
    assert [records(one) for one in matched(found)] == [{1, 2}]
    assert outcome(found, "correlation 1").status is RuleStatus.PARTLY_BLIND
    assert "'rule one' met more records in one data file" in outcome(found, "correlation 1").reason
    assert outcome(found, "rule one").hits == 6


@pytest.mark.parametrize("most", [1, 5])
def test_groups_are_looked_at_some_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    rows = [line("/one/", at % 23, **{"c-ip": f"100.64.0.{at % 7}", "cs-username": f"u{at % 3}"}) for at in range(60)]
    asked = [
        correlation(1, group_by=["c-ip"]),
        correlation(2, type="value_count", group_by=["cs-username"], condition={"field": "c-ip", "gte": 2}),
        correlation(3, rules=["c1"], group_by=["c-ip"], timespan="60s", condition={"gte": 1}),
    ]
    whole = ran(tmp_path / "whole", rows, rule("one"), *asked)
    for module in (correlate, windows):
        monkeypatch.setattr(module, "EVENTS_AT_ONCE", most)
    parted = ran(tmp_path / "parted", rows, rule("one"), *asked)
    assert {one["rule_id"] for one in whole.hits.to_pylist()} >= {one["id"] for one in asked[1:]}
    assert parted.hits.equals(whole.hits)
    assert parted.outcomes == whole.outcomes


def test_circles_are_named_and_what_rests_on_them_is_blind(tmp_path: Path) -> None:
    found = ran(
        tmp_path, [line("/one/", 0)], rule("one"),
        correlation(1, rules=["c2"]), correlation(2, rules=["c1", "one"]), correlation(3, rules=["c1"]),
    )  # fmt: skip
    for number in (1, 2):
        assert outcome(found, f"correlation {number}").status is RuleStatus.INVALID
        assert "by way of correlation 1, correlation 2" in outcome(found, f"correlation {number}").reason
    assert outcome(found, "correlation 3").status is RuleStatus.BLIND
    assert shown(found) == {"rule one"}


def three_files(root: Path) -> Archive:
    archive = archive_of(root, {})
    for at in range(3):
        rows = [line("/one/", at * 4 + one, **{"cs-username": "ab"[one % 2]}) for one in range(4)]
        archive = archive_of(root, {"iis": rows}, name=f"p{at}", evidence=f"{at:02}" * 32)
    return archive


def test_any_number_of_workers_and_what_was_kept_give_the_same_hits(tmp_path: Path) -> None:
    archive = three_files(tmp_path / "archive")
    folder = folder_of(
        tmp_path / "rules", rule("one"), correlation(1, group_by=["cs-username"]),
        correlation(2, type="temporal", rules=["c1", "one"], condition=None, generate=True),
    )  # fmt: skip
    cache = tmp_path / "cache"
    first = hunt(archive, rule_folders=[folder], workers=2, cache=cache)
    assert sorted(one["count"] for one in matched(first)) == [6, 6]
    kept = sorted(cache.rglob("*"))
    (segment,) = cache.glob("*-rules/*.segment")
    assert Bundle(segment.parent).get(kept_name(archive.files("iis")[0])).tables[RECORDS_AT].num_rows == 4  # type: ignore[union-attr]
    for again in (
        hunt(archive, rule_folders=[folder], workers=1, cache=cache),
        hunt(archive, rule_folders=[folder], workers=1),
    ):
        assert again.hits.equals(first.hits)
        assert again.outcomes == first.outcomes
        assert again.rules_hash == first.rules_hash
    assert sorted(cache.rglob("*")) == kept
    # a file of records that is lost or cut short is made anew
    for place in (*cache.glob("*-rules/*.segment"), *cache.glob("*-correlated.arrow")):
        place.write_bytes(place.read_bytes()[:100])
    assert hunt(archive, rule_folders=[folder], workers=1, cache=cache).hits.equals(first.hits)


def test_a_changed_correlation_changes_the_hash_and_hunts_no_file_anew(tmp_path: Path) -> None:
    archive = three_files(tmp_path / "archive")
    cache = tmp_path / "cache"
    before = hunt(archive, rule_folders=[folder_of(tmp_path / "a", rule("one"), correlation())], workers=1, cache=cache)
    files = set(cache.glob("*/*.segment"))
    changed = folder_of(tmp_path / "b", rule("one"), correlation(condition={"gte": 13}))
    after = hunt(archive, rule_folders=[changed], workers=1, cache=cache)
    assert matched(before)
    assert not matched(after)
    assert after.rules_hash != before.rules_hash
    assert set(cache.glob("*/*.segment")) == files
