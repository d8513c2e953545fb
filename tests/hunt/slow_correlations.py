"""A slow reading of Sigma's correlations: every window of every record looked at by itself.

It shares nothing with the program: no query, no sorting of windows, no sums that slide.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations

__all__ = ["Match", "Met", "met_by_match", "slow_list", "slow_matches"]


@dataclass(frozen=True, slots=True)
class Met:
    """A record that a rule met.

    Attributes:
        rule: the rule.
        at: when, in seconds.
        record: its number.
        fields: what it holds; no key where it holds nothing.
    """

    rule: str
    at: Fraction
    record: int
    fields: Mapping[str, str]


def _number(text: str) -> Fraction | None:
    try:
        return Fraction(text)
    except ValueError:
        return None


def _quantile(numbers: Sequence[Fraction], share: Fraction) -> Fraction:
    ordered = sorted(numbers)
    place = share * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


def _metric(kind: str, window: Sequence[Met], field: str, percentile: int) -> Fraction:
    numbers = [one for met in window if (one := _number(met.fields.get(field, ""))) is not None]
    match kind:
        case "event_count":
            return Fraction(len(window))
        case "value_count":
            return Fraction(len({met.fields[field].lower() for met in window}))
        case "value_sum":
            return sum(numbers, Fraction(0))
        case "value_avg":
            return sum(numbers, Fraction(0)) / len(numbers)
        case "value_median":
            return _quantile(numbers, Fraction(1, 2))
        case "value_percentile":
            return _quantile(numbers, Fraction(percentile, 100))
        case _:
            return Fraction(len({met.rule for met in window}))


_COMPARE: Mapping[str, Callable[[Fraction, Fraction], bool]] = {
    "lt": lambda a, b: a < b,
    "lte": lambda a, b: a <= b,
    "gt": lambda a, b: a > b,
    "gte": lambda a, b: a >= b,
    "eq": lambda a, b: a == b,
    "neq": lambda a, b: a != b,
}


def _chains(team: Sequence[Met], rules: Sequence[str], end: Met, span: Fraction) -> list[Fraction]:
    """Give the starts of all chains that end at a record and are short enough."""
    if end.rule != rules[-1]:
        return []

    def before(place: int, latest: Fraction) -> list[Fraction]:
        out = []
        for one in team:
            if one.rule == rules[place] and one.at <= latest and end.at - one.at <= span:
                out += [one.at] if place == 0 else before(place - 1, one.at)
        return out

    return [end.at] if len(rules) == 1 else before(len(rules) - 2, end.at)


@dataclass(frozen=True, slots=True)
class Match:
    """A match of a correlation.

    Attributes:
        group: values it is grouped by, in lower case.
        records: what it rests on.
        moments: when its condition held, in seconds.
    """

    group: tuple[str, ...]
    records: tuple[Met, ...]
    moments: tuple[Fraction, ...]


def met_by_match(
    name: str, matches: Sequence[Match], grouped: Sequence[str], asked: Sequence[str], *, moments: bool, first: int
) -> tuple[list[Met], dict[int, frozenset[int]]]:
    """Give matches as what a further correlation looks at, numbered on from `first`, and the records of each number.

    Where all that is asked for is what they are grouped by, a match counts at each of its moments, or once, at its last.
    Where not, each record gives what it holds: at the first moment from its own on, or each distinct value at the last.
    """
    out, named = [], {}
    for number, one in enumerate(matches, first):
        named[number] = frozenset(each.record for each in one.records)
        own = dict(zip(grouped, one.group, strict=True))
        if set(asked) <= set(grouped):
            instants = one.moments if moments else (max(one.moments),)
            out += [Met(name, at, number, own) for at in instants]
            continue
        told = set()
        for each in one.records:
            fields = {key: each.fields[key].lower() for key in asked if key in each.fields} | {
                key: own[key] for key in asked if key in own
            }
            at = min(moment for moment in one.moments if moment >= each.at) if moments else max(one.moments)
            if (at, tuple(sorted(fields.items()))) not in told:
                told.add((at, tuple(sorted(fields.items()))))
                out.append(Met(name, at, number, fields))
    return out, named


def slow_matches(correlation: Mapping[str, object], met: Sequence[Met]) -> set[tuple[str, frozenset[int]]]:
    """Give every match as its group and the records it rests on."""
    return {
        ("|".join(one.group), frozenset(each.record for each in one.records)) for one in slow_list(correlation, met)
    }


def slow_list(correlation: Mapping[str, object], met: Sequence[Met]) -> list[Match]:
    """Give every match."""
    kind, span = str(correlation["type"]), Fraction(str(correlation["timespan"])[:-1])
    rules = [str(one) for one in correlation["rules"]]  # type: ignore[attr-defined]
    groups = [str(one) for one in correlation.get("group-by", [])]  # type: ignore[attr-defined]
    condition = correlation.get("condition")
    condition = condition if condition is not None else {"gte": len(rules)}
    field = str(condition.get("field", "")) if isinstance(condition, Mapping) else ""
    used = [one for one in met if one.rule in rules and all(each in one.fields for each in groups)]
    if field:
        used = [one for one in used if field in one.fields]
        used = used if kind == "value_count" else [one for one in used if _number(one.fields[field]) is not None]
    out: list[Match] = []
    for name in sorted({tuple(one.fields[each].lower() for each in groups) for one in used}):
        team = [one for one in used if tuple(one.fields[each].lower() for each in groups) == name]
        windows: list[tuple[Fraction, Fraction]] = []
        for end in team:
            if kind == "temporal_ordered":
                assert isinstance(condition, Mapping)
                least = max(int(Fraction(str(each))) for each in condition.values())
                starts = [start for some in combinations(rules, least) for start in _chains(team, some, end, span)]
                windows += [(max(starts), end.at)] if starts else []
                continue
            window = [one for one in team if end.at - span <= one.at <= end.at]
            if isinstance(condition, str):
                seen = {one.rule for one in window}
                holds = bool(eval(condition, {}, {one: one in seen for one in rules}))  # noqa: S307 - the test's own text
            else:
                assert isinstance(condition, Mapping)
                percentile = int(condition.get("percentile", 0))
                found = _metric(kind, window, field, percentile)
                holds = all(
                    compare(found, Fraction(str(condition[operator])))
                    for operator, compare in _COMPARE.items()
                    if operator in condition
                )
            if holds:
                windows.append((min(one.at for one in window), end.at))
        for start, stop in _united(windows):
            records = tuple(one for one in team if start <= one.at <= stop)
            out.append(Match(name, records, tuple(sorted({end for _, end in windows if start <= end <= stop}))))
    return out


def _united(windows: Sequence[tuple[Fraction, Fraction]]) -> list[tuple[Fraction, Fraction]]:
    """Unite windows until none overlaps another."""
    whole = list(windows)
    while True:
        pair = next(
            (
                (one, two)
                for at, one in enumerate(whole)
                for two in whole[at + 1 :]
                if one[0] <= two[1] and two[0] <= one[1]
            ),
            None,
        )
        if pair is None:
            break
        whole.remove(pair[0])
        whole.remove(pair[1])
        whole.append((min(pair[0][0], pair[1][0]), max(pair[0][1], pair[1][1])))
    return whole
