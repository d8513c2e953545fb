"""Hits: the records that a rule or an indicator met, equal ones folded into one row per file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dwell.archive.lexicon import coded
from dwell.hunt.base import Rows
from dwell.hunt.packing import packed
from dwell.hunt.patterns import Indices
from dwell.hunt.picking import picked
from dwell.hunt.pieces import pieces
from dwell.hunt.words import Truth
from dwell.model.addresses import behind_balancers

__all__ = [
    "FACES",
    "GROUPS_MAX",
    "HITS",
    "MANY",
    "NO_HITS",
    "OTHERS",
    "REFS_MAX",
    "REF_BYTES",
    "ROW_BYTES",
    "Face",
    "Matched",
    "Meeting",
    "Subject",
    "Subjects",
    "batched",
    "combined",
    "group_apart",
    "group_hits",
    "together",
    "who",
]

REFS_MAX = 20
"""Records named per row; the number of all is in `count`."""
GROUPS_MAX = 20_000
"""Rows of one rule or indicator and file; beyond this, its records are told apart by who and how, not by what matched."""
TEXT_CHARS_MAX = 4_096
"""Of a matched text so much is kept; the record has it whole."""
TEXT_BYTES_MAX = 1 << 25
"""Matched texts of one rule or indicator and file; beyond this as beyond `GROUPS_MAX`."""

ROW_BYTES, REF_BYTES = 256, 80
"""What a row takes beside its title and its matched texts, and what each record that it names takes."""
BATCH_CELLS_MAX = 1 << 18
"""Of rows by places that may match, so many are worked out at once for several rules: each alone costs the same again."""
OTHERS = "(and other texts)"
"""Stands after the matched texts of a row whose records were not told apart by them."""
MANY = ("(in any file)", "(in any file, of any client and account)")
"""Stands after `OTHERS` in a row that holds records of all files together: told apart by who, and not even by that."""

_TIME = pa.timestamp("us", tz="UTC")
_REF = pa.struct([pa.field("evidence_id", pa.string()), pa.field("record_no", pa.int64())])
HITS = pa.schema(
    [
        pa.field("rule_id", pa.string(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),
        pa.field("title", pa.string(), nullable=False),
        pa.field("level", pa.string(), nullable=False),
        pa.field("window", pa.string()),
        pa.field("table", pa.string(), nullable=False),
        pa.field("host", pa.string()),
        pa.field("client", pa.string()),
        pa.field("account", pa.string()),
        pa.field("matched", pa.list_(pa.string())),
        pa.field("status", pa.int32()),
        pa.field("count", pa.int64(), nullable=False),
        pa.field("first_utc", _TIME),
        pa.field("last_utc", _TIME),
        pa.field("evidence_id", pa.string(), nullable=False),
        pa.field("record_no", pa.int64(), nullable=False),
        pa.field("refs", pa.list_(_REF)),
    ]
)
"""One row per rule, table, host, client, account, status, matched texts and evidence, of one data file.

`kind` is `rule`, `indicator` or `check`; `window` says where an indicator's hit lies: `inside`, `before`, `after`,
`no-window`.
`matched` holds `column=value`, values as written; of a YARA rule `$string=value` on a record, and `$string@offset=value`
on a file as a whole, whose table is `WHOLE_FILE` and whose records are offsets in bytes.
"""
NO_HITS = HITS.empty_table()
"""No rows, made once: it is needed for every data file."""


@dataclass(frozen=True, slots=True)
class Face:
    """Which columns of a table say who, and how it ended; the first that holds something counts.

    Attributes:
        client: the network address of what acted.
        account: the account it acted as.
        status: the status code, "" where the table has none.
        forwarded: what balancers wrote of the client before them, "" where the table has no such column.
    """

    client: tuple[str, ...] = ()
    account: tuple[str, ...] = ()
    status: str = ""
    forwarded: str = ""

    @property
    def columns(self) -> tuple[str, ...]:
        """Give all of them."""
        return (*self.client, *self.account, *(one for one in (self.status, self.forwarded) if one))


FACES: Mapping[str, Face] = {
    "iis": Face(("c-ip",), ("cs-username",), "sc-status", "X-Forwarded-For"),
    "httpproxy": Face(("ClientIpAddress",), ("AuthenticatedUser",), "HttpStatus"),
    "ews": Face(("ClientIpAddress",), ("AuthenticatedUser",), "HttpStatus"),
    "ncsa": Face(("c-ip",), ("cs-username",), "sc-status"),
    "haproxy": Face(("client_ip",), (), "status_code"),
    "squid": Face(("client",), ("username",), "status_code"),
    "zeek": Face(("id.orig_h",), ("username", "client"), "status_code"),
    "fortinet": Face(("srcip",), ("user",)),
    "paloalto": Face(("src",), ("srcuser",)),
    "cef": Face(("src",), ("suser", "duser", "usrName")),
    "cisco": Face(("client_ip", "src_ip"), ("username",)),
    "netflow": Face(("sourceIPv4Address", "sourceIPv6Address")),
    "signins": Face(("ipAddress",), ("userPrincipalName", "servicePrincipalName")),
    "entra_audit": Face(
        ("initiatedBy.user.ipAddress",),
        ("initiatedBy.user.userPrincipalName", "initiatedBy.app.displayName", "identity"),
    ),
    "graph_activity": Face(("ipAddress",), ("userId", "appId"), "responseStatusCode"),
    "google_workspace": Face(("ipAddress",), ("actor.email",)),
    "mapihttp": Face(("ClientIP",), ("AuthenticatedUser", "AuthenticatedUserEmail", "UPN"), "HttpStatusCode"),
    "rps_http": Face(("ClientIpAddress",), ("AuthenticatedUser",), "HttpStatus"),
    "rps_cmdlet": Face((), ("AuthenticatedUser",)),
    "message_tracking": Face(("original-client-ip", "client-ip"), ("sender-address",)),
    "mailbox_audit": Face(("ClientIPAddress",), ("LogonUserDisplayName",)),
    "admin_audit": Face((), ("Caller",)),
    "ual": Face(("ClientIPAddress", "ClientIP"), ("UserId",)),
    "evtx": Face(("IpAddress", "SourceIp"), ("TargetUserName", "SubjectUserName", "User", "CmdletCaller")),
}


@dataclass(frozen=True, slots=True)
class Matched:
    """What matched, over the rows of one hit list.

    Attributes:
        codes: (rows,) into the texts, -1 where nothing here matched.
        texts: `column=value`.
    """

    codes: Indices
    texts: pa.StringArray


@dataclass(frozen=True, slots=True)
class Subject:
    """What the hits are hits of."""

    rule_id: str
    kind: str
    title: str
    level: str
    window: str | None = None


@dataclass(frozen=True, slots=True)
class Subjects:
    """What the hits are hits of, where they are of many things.

    Attributes:
        codes: (rows,) into the subjects.
        subjects: each of them.
    """

    codes: Indices
    subjects: Sequence[Subject]


@dataclass(frozen=True, slots=True)
class Meeting:
    """What a rule met among records of one kind.

    Attributes:
        table: who and when, of all rows that some rule met.
        rows: those of this rule in it.
        frame_rows: the same in the frame.
        subject: the rule.
        matched: the texts by which it was met.
    """

    table: pa.Table
    rows: Indices
    frame_rows: Indices
    subject: Subject
    matched: Sequence[Matched]


def batched(meetings: Iterable[Meeting]) -> Iterator[list[Meeting]]:
    """Put meetings among the same rows together, as long as they are small."""
    waiting: list[Meeting] = []
    for one in meetings:
        sizes = [(len(each.rows), len(each.matched)) for each in (*waiting, one)]
        if waiting and sum(rows for rows, _ in sizes) * (1 + max(places for _, places in sizes)) > BATCH_CELLS_MAX:
            yield waiting
            waiting = []
        waiting.append(one)
    if waiting:
        yield waiting


def together(mine: Sequence[Meeting]) -> tuple[Indices, Subjects, list[Matched]]:
    """Put what several rules met among the same rows into one, by row.

    Returns:
        The rows, a row once for each rule that met it; the rules; what matched, over these rows.
    """
    rows = np.concatenate([one.rows for one in mine])
    order = np.argsort(rows, kind="stable")
    whose = np.repeat(np.arange(len(mine)), [len(one.rows) for one in mine])
    matched = []
    for at in range(max(len(one.matched) for one in mine)):
        codes = [np.full(len(one.rows), -1, np.int64) for one in mine]
        texts: list[pa.Array] = [pa.array([], pa.string())]
        shift = 0
        for place, one in enumerate(mine):
            if at < len(one.matched):
                held = one.matched[at]
                codes[place] = np.where(held.codes < 0, -1, held.codes + shift)
                texts.append(held.texts.cast(pa.string()))
                shift += len(held.texts)
        matched.append(Matched(np.concatenate(codes)[order], pa.concat_arrays(texts)))
    return rows[order], Subjects(whose[order], [one.subject for one in mine]), matched


def _plain(table: pa.Table, names: Sequence[str]) -> tuple[Indices, pa.StringArray]:
    """Give the first of some columns that holds something, as codes and texts; a dash is nothing."""
    out = np.full(table.num_rows, -1, np.int64)
    texts: list[pa.StringArray] = []
    shift = 0
    for name in names:
        if name not in table.column_names:
            continue
        array = coded(table[name])
        values = array.dictionary.cast(pa.string())
        codes = array.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
        if len(values):
            nothing = pc.is_in(values, value_set=pa.array(["-", ""])).to_numpy(zero_copy_only=False)
            codes = np.where((codes >= 0) & nothing[np.maximum(codes, 0)], -1, codes)
        free = (out < 0) & (codes >= 0)
        out[free] = codes[free] + shift
        texts.append(values)
        shift += len(values)
    return out, pa.concat_arrays(texts) if texts else pa.array([], pa.string())


def _clients(table: pa.Table, face: Face) -> tuple[Indices, pa.StringArray]:
    """Give the client of each row, as codes and texts, looking through balancers of our own."""
    codes, texts = _plain(table, face.client)
    hops, chains = _plain(table, (face.forwarded,) if face.forwarded else ())
    if not len(chains) or not (hops >= 0).any():
        return codes, texts
    pairs, place = np.unique(np.stack([codes, hops]), axis=1, return_inverse=True)
    peers, told = texts.to_pylist(), chains.to_pylist()
    found = [
        behind_balancers(peers[code] if code >= 0 else None, told[hop] if hop >= 0 else None)
        for code, hop in pairs.T.tolist()
    ]
    named = pa.array(found, pa.string()).dictionary_encode()
    to = named.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    return to[place.ravel()], named.dictionary


def _take(texts: pa.StringArray, codes: Indices) -> pa.Array:
    if not len(texts):
        return pa.nulls(len(codes), pa.string())
    return texts.take(pa.array(np.maximum(codes, 0), mask=codes < 0))


def _united(matched: Sequence[Matched], rows: int) -> tuple[Indices, pa.StringArray]:
    """Give the matched texts as a matrix (rows, places) of codes into one list of texts, equal ones told once."""
    if not matched:
        return np.full((rows, 0), -1, np.int64), pa.array([], pa.string())
    whole = pa.concat_arrays([one.texts.cast(pa.string()) for one in matched]).dictionary_encode()
    order = np.argsort(pc.sort_indices(whole.dictionary).to_numpy())  # codes in the order of the texts
    to = order[whole.indices.to_numpy(zero_copy_only=False)] if len(whole) else np.zeros(0, np.int64)
    columns = []
    shift = 0
    for one in matched:
        here = to[shift : shift + len(one.texts)]
        shift += len(one.texts)
        columns.append(np.where(one.codes < 0, -1, here[np.maximum(one.codes, 0)] if len(here) else -1))
    matrix = np.sort(np.stack(columns, axis=1), axis=1)
    matrix[:, 1:][matrix[:, 1:] == matrix[:, :-1]] = -1
    return np.sort(matrix, axis=1), whole.dictionary.take(pc.sort_indices(whole.dictionary))


def combined(columns: Sequence[Indices]) -> Indices:
    """Give one code per distinct combination."""
    key = np.zeros(len(columns[0]), np.int64)
    for codes in columns:
        low = int(codes.min(initial=0))
        width = int(codes.max(initial=0)) - low + 1
        if key.size and int(key.max()) > (2**62) // max(width, 1):
            key = np.unique(key, return_inverse=True)[1].astype(np.int64)
        key = key * width + (codes - low)
    return key


def group_hits(
    table: pa.Table,
    rows: Indices,
    name: str,
    subject: Subject | Subjects,
    matched: Sequence[Matched],
    *,
    pack: bool = False,
) -> pa.Table:
    """Fold the records that were met into hits.

    Args:
        table: the frame's rows, in the order of time.
        rows: which of them were met, ascending; a row stands there once for each subject that met it.
        name: the archive table.
        subject: the rule, or the indicators.
        matched: what matched, over `rows`.
        pack: whether the hits are given packed.
    """
    return group_apart(table, rows, name, subject, matched, pack=pack)[0]


def group_apart(
    table: pa.Table,
    rows: Indices,
    name: str,
    subject: Subject | Subjects,
    matched: Sequence[Matched],
    apart: Indices | None = None,
    *,
    pack: bool = False,
) -> tuple[pa.Table, Indices]:
    """Fold the records that were met into hits, those of several data files apart.

    Args:
        table: rows of all the files, those of each in the order of time.
        rows: which of them were met, ascending; a row stands there once for each subject that met it.
        name: the archive table.
        subject: the rule, or the indicators.
        matched: what matched, over `rows`.
        apart: the file of each of `rows`, none of more than `GROUPS_MAX` records; None for one file of any size.
        pack: whether the hits are given packed.

    Returns:
        Rows in `HITS`, and the file of each.
    """
    face = FACES.get(name, Face())
    files = np.zeros(len(rows), np.int64) if apart is None else apart
    of = Subjects(np.zeros(len(rows), np.int64), (subject,)) if isinstance(subject, Subject) else subject
    wanted = ("evidence_id", "record_no", "time_utc", "host", *face.columns)
    part = picked(table, [one for one in wanted if one in table.column_names], rows)
    evidence = _plain(part, ("evidence_id",))
    host, client, account = _plain(part, ("host",)), _clients(part, face), _plain(part, face.account)
    status = np.full(len(rows), -1, np.int64)
    if face.status and face.status in part.column_names:
        status = part[face.status].fill_null(-1).to_numpy().astype(np.int64)
    matrix, texts = _united(matched, len(rows))
    fixed = [files, of.codes, evidence[0], host[0], client[0], account[0], status]
    key = combined([*fixed, *matrix.T])
    _, first, inverse, counts = np.unique(key, return_index=True, return_inverse=True, return_counts=True)
    whose = combined(fixed[:2])
    beyond = _beyond(whose, first, matrix, texts, GROUPS_MAX)
    if beyond.any():
        key = combined([*fixed, *np.where(beyond, -1, matrix.T)])
        _, first, inverse, counts = np.unique(key, return_index=True, return_inverse=True, return_counts=True)
        # a row still tells the first of its texts, unless these alone are too many
        shown = np.where(_beyond(whose, first, matrix, texts, len(rows))[:, None], -1, matrix)
        matrix = np.column_stack([shown, np.where(beyond, len(texts), -1)])
        texts = pa.concat_arrays([texts, pa.array([OTHERS], pa.string())])
    order = np.argsort(inverse, kind="stable")
    ends = np.cumsum(counts)
    told = {field: pa.array([getattr(one, field) for one in of.subjects], pa.string()) for field in Subject.__slots__}

    def piece(some: slice) -> pa.Table:
        """Give some of the groups."""
        head, many = first[some], counts[some]
        starts = ends[some] - many
        last = order[ends[some] - 1]
        whose = pa.array(of.codes[head])
        columns = {
            **{field: texts_of.take(whose) for field, texts_of in told.items()},
            "table": pa.array([name] * len(head), pa.string()),
            "host": _take(host[1], host[0][head]),
            "client": _take(client[1], client[0][head]),
            "account": _take(account[1], account[0][head]),
            "matched": _lists(matrix[head], texts),
            "status": pa.array(status[head], pa.int32(), mask=status[head] < 0),
            "count": pa.array(many, pa.int64()),
            "first_utc": part["time_utc"].take(pa.array(head)).combine_chunks(),
            "last_utc": part["time_utc"].take(pa.array(last)).combine_chunks(),
            "evidence_id": _take(evidence[1], evidence[0][head]),
            "record_no": part["record_no"].take(pa.array(head)).combine_chunks(),
            "refs": _refs(part, order, starts, many),
        }
        hits = pa.table([columns[field] for field in HITS.names], schema=HITS)
        return packed(hits) if pack else hits

    titles = pc.binary_length(told["title"]).to_numpy(zero_copy_only=False)
    weights = ROW_BYTES + REF_BYTES * np.minimum(counts, REFS_MAX) + _text_bytes(matrix[first], texts)
    cuts = pieces(weights + titles[of.codes[first]])
    return pa.concat_tables(list(map(piece, cuts)) or [NO_HITS]), files[first]


def _text_bytes(matrix: Indices, texts: pa.StringArray) -> Indices:
    """Give how many bytes the texts of each row of a matrix of codes take; -1 is none."""
    lengths = np.append(pc.binary_length(texts).to_numpy(zero_copy_only=False), 0).astype(np.int64)
    out: Indices = lengths[matrix].sum(axis=1)
    return out


def _beyond(whose: Indices, first: Indices, matrix: Indices, texts: pa.StringArray, groups_max: int) -> Truth:
    """Say of each row whether its rule or indicator meets too much in its file to be told apart by what matched.

    Args:
        whose: one code for each file and rule or indicator, by row.
        first: the first row of each group.
        matrix: what matched, by row.
        texts: the texts.
        groups_max: groups that are not too many.
    """
    groups = np.bincount(whose[first], minlength=int(whose.max(initial=0)) + 1)
    held = np.bincount(whose[first], weights=_text_bytes(matrix[first], texts), minlength=len(groups))
    out: Truth = ((groups > groups_max) | (held > TEXT_BYTES_MAX))[whose]
    return out


def who(table: pa.Table | Rows, rows: Indices, face: Face) -> dict[str, pa.Array]:
    """Give evidence, record, instant, host, client and account of some rows.

    Args:
        table: the frame's rows.
        rows: which of them, ascending.
        face: which columns say who.
    """
    wanted = ("evidence_id", "record_no", "time_utc", "host", *face.columns)
    part = picked(table, [one for one in wanted if one in table.column_names], rows)
    told = {
        "evidence_id": _plain(part, ("evidence_id",)),
        "host": _plain(part, ("host",)),
        "client": _clients(part, face),
        "account": _plain(part, face.account),
    }
    out = {name: _take(texts, codes) for name, (codes, texts) in told.items()}
    return out | {one: part[one].combine_chunks() for one in ("record_no", "time_utc")}


def _lists(matrix: Indices, texts: pa.StringArray) -> pa.ListArray:
    held = matrix >= 0
    offsets = np.concatenate(([0], np.cumsum(held.sum(axis=1)))).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), _take(texts, matrix[held]))


def _refs(part: pa.Table, order: Indices, starts: Indices, counts: Indices) -> pa.ListArray:
    few = np.minimum(counts, REFS_MAX)
    rank = np.arange(int(few.sum())) - np.repeat(np.cumsum(few) - few, few)
    chosen = pa.array(order[np.repeat(starts, few) + rank])
    offsets = np.concatenate(([0], np.cumsum(few))).astype(np.int32)
    evidence = part["evidence_id"].take(chosen).combine_chunks()
    numbers = part["record_no"].take(chosen).combine_chunks()
    evidence = evidence.cast(pa.string())
    return pa.ListArray.from_arrays(
        pa.array(offsets), pa.StructArray.from_arrays([evidence, numbers], fields=list(_REF))
    )
