"""Indicators looked up in the lexicon: a join of lists with the distinct values of the columns that can hold them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dwell.archive.datafile import DataFile, read_rows
from dwell.archive.lexicon import coded
from dwell.hunt.bounded import bounded
from dwell.hunt.columnvalues import ColumnValues, values_of
from dwell.hunt.hits import FACES, NO_HITS, TEXT_CHARS_MAX, Face, Matched, Subject, Subjects, group_hits
from dwell.hunt.indicators.cuts import Spread, cut, likely, pages, spread
from dwell.hunt.indicators.gathering import first_rows, kind_spans, whole_column
from dwell.hunt.indicators.indicator import IN_PART, NO_TIME, indicator_id
from dwell.hunt.indicators.lookup import AddressIndex, KeyIndex, Pairs, paired
from dwell.hunt.indicators.places import FAMILY, MAPS, PLACES, REST, TEXT_FAMILIES, TEXTS, URLS, UrlParts
from dwell.hunt.indicators.shapes import Bools
from dwell.hunt.indicators.values import SHOWN, addresses, addresses_inside, dotted
from dwell.hunt.patterns import Indices
from dwell.intake.tables import specs

__all__ = ["WINDOWS", "Finder"]

WINDOWS = ("no-window", "inside", "before", "after")
PAIRS_MAX = 4_000_000
"""Records and indicators that are put together at a time; bounds the memory where wide networks meet busy logs."""
PAIR_BYTES = 64
"""A pair whose text is longer counts for several."""
LITERALS_MAX = 8
"""So few addresses are looked for as they are written, before any text is taken for an address."""
_WEB_ROOTS = ("\\inetpub\\wwwroot", "\\frontend\\httpproxy")
_HOST_ONLY = ", in part: the host of an encrypted connection"


@dataclass(slots=True)
class _Wanted:
    """What of a data file has to be looked at row by row.

    Attributes:
        columns: families to look for in each column as a whole.
        texts: columns to be searched for values inside.
        rest: likewise, maps, and columns of which nothing is known beforehand.
        urls: whether URLs are put together from their pieces.
        seen: families that this file could show.
    """

    columns: dict[str, list[str]] = field(default_factory=dict)
    texts: list[str] = field(default_factory=list)
    rest: list[str] = field(default_factory=list)
    urls: bool = False
    seen: set[str] = field(default_factory=set)

    def __bool__(self) -> bool:
        return bool(self.columns or self.texts or self.rest or self.urls)


@dataclass(frozen=True, slots=True)
class _Met:
    """Values of one place that met indicators.

    Attributes:
        rows: row of each value.
        codes: which text it is.
        texts: the texts, as they are shown.
        pairs: which text met which indicator.
    """

    rows: Indices
    codes: Indices
    texts: pa.StringArray
    pairs: Pairs


class Finder:
    """Indicators made ready for data files; one per process.

    An *owner* is the number of an indicator: lists that name one value are one indicator with several windows. An owner
    beyond the last indicator stands for a part of one: the host of an encrypted connection, where the rest is not logged.
    """

    def __init__(self, table: pa.Table) -> None:
        self._table = table
        self._starts = first_rows(table)
        self._specs = specs()
        self._addresses: AddressIndex | None = None
        self._literals: tuple[str, ...] = ()
        self._keys: dict[str, tuple[KeyIndex, ...]] = {}
        self._url_hosts: KeyIndex | None = None
        self._url_pages: KeyIndex | None = None
        held: dict[str, list[Indices]] = {}
        for kind, first, end in kind_spans(table):
            low, high = np.searchsorted(self._starts, [first, end])
            held.setdefault(FAMILY.get(kind, kind), []).append(np.arange(low, high))
        for family, owners in held.items():
            self._add(family, np.concatenate(owners))

    def _of(self, name: str, owners: Indices) -> pa.StringArray:
        """Give what the list says of some indicators; where their rows follow each other without being copied."""
        rows = self._starts[owners]
        if len(rows) and rows[-1] - rows[0] == len(rows) - 1:
            return whole_column(self._table[name].slice(int(rows[0]), len(rows)))
        return whole_column(self._table[name].take(pa.array(rows)))

    def _add(self, family: str, owners: Indices) -> None:
        values = self._of("value", owners)
        if family == "address":
            self._addresses = AddressIndex(values, owners)
            plain = dotted(values)[0] if len(values) <= LITERALS_MAX else np.zeros(1, np.bool_)
            self._literals = tuple(values.to_pylist()) if plain.all() else ()
        elif family == "path":
            more, whose = _below_root(values)
            self._keys[family] = KeyIndex(values, owners), KeyIndex(more, owners[whose])
        elif family == "url":
            self._url_hosts = KeyIndex(values, owners, _host_of)
            self._url_pages = KeyIndex(values, owners, _page_of)
            self._keys[family] = KeyIndex(values, owners), KeyIndex(*self._connections(values, owners))
        else:
            self._keys[family] = (KeyIndex(values, owners),)

    def _connections(self, values: pa.StringArray, owners: Indices) -> tuple[pa.StringArray, Indices]:
        """Give what a proxy writes of an encrypted connection to a URL's host, and the owner that stands for it."""
        chosen = pc.starts_with(self._of("written", owners), "https://", ignore_case=True)
        return _connection_of(values).filter(chosen), owners[chosen.to_numpy(zero_copy_only=False)] + len(self._starts)

    def _holds(self, family: str) -> bool:
        return family in self._keys or (family == "address" and self._addresses is not None)

    def _find(self, family: str, values: pa.StringArray, *, inside: bool = False) -> Pairs:
        """Look up texts: each as a value of the family, or as a text that may hold some."""
        if family == "address":
            return self._find_addresses(values, inside=inside)
        keys, texts = cut(family, values, inside=inside)
        found = [one.find(keys, texts) for one in self._keys[family]]
        return found[0] if len(found) == 1 else paired([one for one, _ in found], [one for _, one in found])

    def _find_addresses(self, values: pa.StringArray, *, inside: bool) -> Pairs:
        index = self._addresses
        if index is None:
            return paired((), ())
        if self._literals and len(values) > len(self._literals):
            # an IPv4 address stands in a text as it is written, or in hexadecimal behind a colon
            tests = [pc.match_substring(values, one) for one in (":", *self._literals)]
            likely = np.flatnonzero(np.logical_or.reduce([one.to_numpy(zero_copy_only=False) for one in tests]))
            texts, owners = self._addresses_of(index, values.take(pa.array(likely)), inside=inside)
            return likely[texts], owners
        return self._addresses_of(index, values, inside=inside)

    def _addresses_of(self, index: AddressIndex, values: pa.StringArray, *, inside: bool) -> Pairs:
        plain, numbers = dotted(values)
        first = index.find_dotted(numbers, np.flatnonzero(plain))
        others = np.flatnonzero(~plain)
        if inside and len(others):
            others = others[likely("address", values.take(pa.array(others)))]
        take = addresses_inside if inside else addresses
        found = [
            (one, at) for at, text in zip(others.tolist(), _some(values, others), strict=True) for one in take(text)
        ]
        second = index.find([one for one, _ in found], [at for _, at in found])
        return paired([first[0], second[0]], [first[1], second[1]])

    def find(self, file: DataFile) -> tuple[pa.Table, list[str]]:
        """Look for the indicators in one data file.

        Returns:
            Hits, and the kinds of indicator that this file could have shown.

        Raises:
            CustodyError: the file is not what was written.
        """
        lexicon = values_of(file)
        wanted = self._wanted(file.table, lexicon)
        hits = self._rows(file, wanted) if wanted else NO_HITS
        return hits, sorted(wanted.seen)

    def _wanted(self, table: str, lexicon: ColumnValues) -> _Wanted:
        """Ask the lexicon what has to be looked at."""
        out = _Wanted()
        for family in PLACES:
            for place in PLACES[family].get(table, ()) if self._holds(family) else ():
                if self._open(out, lexicon, place, [family], inside=False):
                    out.columns.setdefault(place, []).append(family)
        inside = [one for one in TEXT_FAMILIES if self._holds(one)]
        if inside:
            out.texts = [one for one in TEXTS.get(table, ()) if self._open(out, lexicon, one, inside, inside=True)]
            out.rest = [
                one
                for one in (*MAPS.get(table, ()), *REST.get(table, ()))
                if self._open_rest(out, lexicon, one, inside)
            ]
        if table in URLS and self._url_hosts is not None:
            out.urls = self._open_urls(out, lexicon, URLS[table])
        return out

    def _open(self, out: _Wanted, lexicon: ColumnValues, place: str, families: Sequence[str], *, inside: bool) -> bool:
        """Say whether a column has to be looked at row by row, and note what it could have shown."""
        if lexicon.is_bare(place):
            return False
        if place not in lexicon.complete:
            out.seen |= set(families)
            return True
        values, _, _ = lexicon.of(place)
        out.seen |= set(families if len(values) else ())
        return any(len(self._find(one, values, inside=inside)[0]) for one in families)

    def _open_rest(self, out: _Wanted, lexicon: ColumnValues, place: str, families: Sequence[str]) -> bool:
        """Say the same of a place of which nothing is known beforehand."""
        if place not in lexicon.complete:
            return not lexicon.is_bare(place)
        values, _, _ = lexicon.of(place)
        out.seen |= _shown(values, families)
        return any(len(self._find(one, values, inside=True)[0]) for one in families)

    def _open_urls(self, out: _Wanted, lexicon: ColumnValues, parts: UrlParts) -> bool:
        if parts.host not in lexicon.complete:
            out.seen.add("url")
            return True
        hosts, _, _ = lexicon.of(parts.host)
        told = hosts.filter(pc.invert(pc.is_in(hosts, value_set=pa.array(["", "-"]))))
        if len(told):
            out.seen.add("url")
        else:
            out.seen.add("url-without-host")
        return bool(len(self._url_owners(told)[0]))

    def _url_owners(self, hosts: pa.StringArray) -> Pairs:
        """Look up hosts as those of URLs."""
        index = self._url_hosts
        if index is None:
            return paired((), ())
        keys, texts = pages(pc.binary_join_element_wise(hosts, "/", ""))
        return index.find(pc.replace_substring_regex(keys, r"/\z", ""), texts)

    def _rows(self, file: DataFile, wanted: _Wanted) -> pa.Table:
        spec = self._specs[file.table]
        face = FACES.get(file.table, Face())
        urls = set(URLS[file.table]) - {""} if wanted.urls else set()
        names = {"evidence_id", "record_no", "time_utc", "host", *face.columns}
        names |= {*wanted.columns, *wanted.texts, *wanted.rest, *urls}
        columns = [one for one in spec.schema.names if one in names]
        dictionary = [one for one in columns if one in spec.lexicon or one in {"evidence_id", "host"}]
        table = read_rows(file, columns, dictionary=dictionary)
        met = [one for one in self._places(table, file.table, wanted) if len(one.pairs[0])]
        times = table["time_utc"].cast(pa.int64()).fill_null(NO_TIME).to_numpy()

        def parts() -> Iterator[pa.Table]:
            return (self._hits(table, file.table, one, times) for one in _blocks(met))

        return bounded(parts(), parts).hits

    def _places(self, table: pa.Table, name: str, wanted: _Wanted) -> Iterator[_Met]:
        """Yield what each place of a table met."""
        for place, families in sorted(wanted.columns.items()):
            yield self._column(table, place, families, inside=False)
        inside = [one for one in TEXT_FAMILIES if self._holds(one)]
        for place in sorted(wanted.texts):
            yield self._column(table, place, inside, inside=True)
        for place in sorted(wanted.rest):
            held = spread(table[place], place)
            wanted.seen |= _shown(held.values, inside)
            yield self._spread(held, inside)
        if wanted.urls:
            yield self._urls(table, URLS[name])

    def _column(self, table: pa.Table, place: str, families: Sequence[str], *, inside: bool) -> _Met:
        array = coded(table[place])
        codes = array.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
        rows = np.flatnonzero(codes >= 0)
        values = array.dictionary.cast(pa.string())
        return self._met(rows, codes[rows], values, families, pa.scalar(place), inside=inside)

    def _spread(self, held: Spread, families: Sequence[str]) -> _Met:
        """Meet values that may have a name each, as the entries of maps do; a name is looked at where a value was met."""
        found = [self._find(one, held.values, inside=True) for one in families]
        hits = np.zeros(len(held.values), np.bool_)
        for texts, _ in found:
            hits[texts] = True
        at = np.flatnonzero(hits[held.codes])
        rows, codes, labels = held.rows[at], held.codes[at], held.labels
        if isinstance(labels, pa.Scalar):
            return self._met(rows, codes, held.values, families, labels, inside=True)
        names = labels.take(pa.array(at)).dictionary_encode()
        whose = names.indices.to_numpy(zero_copy_only=False).astype(np.int64)
        keys, codes = np.unique(codes * max(1, len(names.dictionary)) + whose, return_inverse=True)
        values = held.values.take(pa.array(keys // max(1, len(names.dictionary))))
        told = names.dictionary.take(pa.array(keys % max(1, len(names.dictionary))))
        return self._met(rows, codes.astype(np.int64), values, families, told, inside=True)

    def _met(
        self,
        rows: Indices,
        codes: Indices,
        values: pa.StringArray,
        families: Sequence[str],
        label: pa.Array | pa.Scalar,
        *,
        inside: bool,
    ) -> _Met:
        found = [self._find(one, values, inside=inside) for one in families]
        pairs = paired([one for one, _ in found], [one for _, one in found])
        shown = pc.binary_join_element_wise(label, pc.utf8_slice_codeunits(values, 0, TEXT_CHARS_MAX), "=")
        return _Met(rows, codes, shown, pairs)

    def _urls(self, table: pa.Table, parts: UrlParts) -> _Met:
        """Put the pieces of URLs together where the host is one that is looked for."""
        held = [coded(table[one]) for one in parts if one]
        columns = [one.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64) for one in held]
        hosts = np.unique(self._url_owners(held[0].dictionary.cast(pa.string()))[0])
        rows = np.flatnonzero(np.isin(columns[0], hosts) & (columns[1] >= 0))
        # a query is looked at only where host and path are those of a URL that is looked for
        pairs, which = np.unique(np.stack([one[rows] for one in columns[:2]]), axis=1, return_inverse=True)
        keys, texts = pages(_url_texts(held[:2], pairs))
        met = self._url_pages.find(keys, texts)[0] if self._url_pages is not None else texts[:0]
        rows = rows[np.isin(which.ravel(), met)]
        triples, codes = np.unique(np.stack([one[rows] for one in columns]), axis=1, return_inverse=True)
        whole = _url_texts(held, triples)
        return self._met(rows, codes.ravel().astype(np.int64), whole, ["url"], pa.scalar("url"), inside=False)

    def _hits(
        self, table: pa.Table, name: str, found: Sequence[tuple[Indices, Indices, Indices, _Met]], times: Indices
    ) -> pa.Table:
        """Fold the records that were met, those inside, before and after each indicator's windows apart."""
        width = 2 * len(self._starts)
        keys = np.unique(np.concatenate([rows * width + owners for rows, owners, _, _ in found]))
        rows, owners = keys // width, keys % width
        spread = []
        for mine, whose, codes, met in found:
            at = np.full(len(keys), -1, np.int64)
            at[np.searchsorted(keys, mine * width + whose)] = codes
            spread.append(Matched(at, met.texts))
        used, which = np.unique(owners, return_inverse=True)
        states = self._states(used, which, times[rows])
        kinds, codes = np.unique(which * len(WINDOWS) + states, return_inverse=True)
        subjects = self._subjects(used, kinds)
        return group_hits(table, rows, name, Subjects(codes.astype(np.int64), subjects), spread)

    def _subjects(self, used: Indices, kinds: Indices) -> list[Subject]:
        starts = self._starts[used % len(self._starts)]
        heads = self._table.select(["kind", "value", "label"]).take(pa.array(starts)).to_pylist()
        out = []
        for one in kinds.tolist():
            head = heads[one // len(WINDOWS)]
            kind, value, label = head["kind"], head["value"], head["label"]
            title = f"{label} ({value})" if label else f"{kind} {value}"
            if used[one // len(WINDOWS)] >= len(self._starts):
                kind, title = kind + IN_PART, title + _HOST_ONLY
            out.append(Subject(indicator_id(kind, value), "indicator", title, "", WINDOWS[one % len(WINDOWS)]))
        return out

    def _states(self, used: Indices, which: Indices, times: Indices) -> Indices:
        """Say where each record lies, as an index into `WINDOWS`.

        Inside one window is inside; before the first is before; anything else is after one that had ended. Lists without
        a window count only where no list gives one. An instant that is not known lies in no window.
        """
        begins = self._table["from_us"].to_numpy()
        ends = self._table["until_us"].to_numpy()
        out = np.zeros(len(times), np.int64)
        order = np.argsort(which, kind="stable")
        cuts = np.searchsorted(which[order], np.arange(len(used) + 1))
        for at, owner in enumerate((used % len(self._starts)).tolist()):
            span = slice(self._starts[owner], self._starts[owner + 1] if owner + 1 < len(self._starts) else None)
            pairs = {(int(a), int(b)) for a, b in zip(begins[span], ends[span], strict=True)} - {(NO_TIME, NO_TIME)}
            mine = order[cuts[at] : cuts[at + 1]]
            if pairs:
                out[mine] = _state(sorted(pairs), times[mine])
        return out


def _state(windows: Sequence[tuple[int, int]], times: Indices) -> Indices:
    inside = np.zeros(len(times), np.bool_)
    for first, last in windows:
        inside |= ((times >= first) | (first == NO_TIME)) & ((times <= last) | (last == NO_TIME))
    out = np.where(inside, 1, np.where(times < windows[0][0], 2, 3))
    return np.where(times == NO_TIME, 0, out)


def _shown(values: pa.StringArray, families: Sequence[str]) -> set[str]:
    """Give the families of which some text shows a value."""
    return {one for one in families if pc.any(pc.match_substring_regex(values, SHOWN[one])).as_py()}


def _some(values: pa.StringArray, at: Indices) -> list[str]:
    found: list[str] = values.take(pa.array(at)).to_pylist()
    return found


def _blocks(met: Sequence[_Met]) -> Iterator[list[tuple[Indices, Indices, Indices, _Met]]]:
    """Yield records and indicators that met, as (row, indicator, text, place), some indicators at a time."""
    owners = np.unique(np.concatenate([np.zeros(0, np.int64), *(one.pairs[1] for one in met)]))
    load = np.zeros(len(owners), np.int64)
    for one in met:
        lengths = pc.binary_length(one.texts).fill_null(0).to_numpy(zero_copy_only=False)
        counts = np.bincount(one.codes, minlength=len(one.texts)) * (1 + lengths // PAIR_BYTES)
        np.add.at(load, np.searchsorted(owners, one.pairs[1]), counts[one.pairs[0]])
    block = np.cumsum(load) // PAIRS_MAX
    for number in np.unique(block[load > 0]).tolist():
        yield [_expanded(one, block[np.searchsorted(owners, one.pairs[1])] == number) for one in met]


def _expanded(one: _Met, keep: Bools) -> tuple[Indices, Indices, Indices, _Met]:
    texts, owners = one.pairs[0][keep], one.pairs[1][keep]
    low = np.searchsorted(texts, np.arange(len(one.texts)))
    high = np.searchsorted(texts, np.arange(len(one.texts)), side="right")
    counts = (high - low)[one.codes]
    number = np.repeat(np.arange(len(one.codes)), counts)
    within = np.arange(len(number)) - np.repeat(np.cumsum(counts) - counts, counts)
    codes = one.codes[number]
    return one.rows[number], owners[low[codes] + within], codes, one


def _below_root(values: pa.StringArray) -> tuple[pa.StringArray, Indices]:
    """Give what the web server calls those paths that lie below a web root, and which they are."""
    root = "|".join(re.escape(one) for one in _WEB_ROOTS)
    within = pc.match_substring_regex(values, rf"(?:{root})\\").to_numpy(zero_copy_only=False)
    rows = np.flatnonzero(within)
    found = [
        next((rest for root in _WEB_ROOTS if (rest := value.partition(root + "\\")[2])), "")
        for value in _some(values, rows)
    ]
    held = [at for at, one in enumerate(found) if one]
    return pa.array(["\\" + found[at] for at in held], pa.string()), rows[held]


def _host_of(urls: pa.StringArray) -> pa.StringArray:
    return pc.replace_substring_regex(urls, r"(?s)/.*\z", "")


def _page_of(urls: pa.StringArray) -> pa.StringArray:
    return pc.replace_substring_regex(urls, r"(?s)\?.*\z", "")


def _connection_of(urls: pa.StringArray) -> pa.StringArray:
    """Give what a proxy writes of an encrypted connection to a URL's host."""
    host = _host_of(urls)
    known = pc.match_substring_regex(host, r":[0-9]+\z")
    return pc.if_else(known, host, pc.binary_join_element_wise(host, "443", ":"))


def _url_texts(columns: Sequence[pa.DictionaryArray], codes: Indices) -> pa.StringArray:
    """Put URLs together as a log has them; a path that holds a whole URL already is taken as it stands.

    Args:
        columns: hosts and paths, with or without queries.
        codes: (columns, texts) into them, -1 for none.
    """
    host, path, *query = (
        array.dictionary.cast(pa.string()).take(pa.array(np.maximum(line, 0), mask=line < 0))
        for array, line in zip(columns, codes, strict=True)
    )
    slash = pc.if_else(pc.starts_with(path, "/"), "", "/")
    alone = pc.match_substring(pc.utf8_slice_codeunits(path, 0, 24), "://")
    page = pc.if_else(alone, path, pc.binary_join_element_wise(host, slash, path, ""))
    if not query:
        return page
    said = pc.invert(pc.is_in(query[0], value_set=pa.array([None, "", "-"], pa.string())))
    whole = pc.binary_join_element_wise(page, pc.fill_null(query[0], ""), "?")
    return pc.if_else(pc.and_(said, pc.invert(alone)), whole, page)
