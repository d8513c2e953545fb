"""What each layer of a mail server logged of requests that several of them know by one id, hour by hour.

The front end's IIS log, HttpProxy, the log of the service and the back end's IIS log write the same id. Here the ids of an
hour become a count and two sums of a hash of each: where two layers have the same of both, they tell of the same requests,
and nobody has to look at a single one. Where they differ, `scope.reconcile` does.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from dwell.scope.rollup import fold
from dwell.scope.rollup.fold import Codes, Column, Places
from dwell.scope.rollup.shapes import LAYERS

__all__ = [
    "BACK",
    "ECP_ACTIVITY",
    "ECP_SERVER",
    "EWS",
    "FOLDERS",
    "FRONT",
    "MAPI",
    "OTHER",
    "OWA",
    "PROXY",
    "TABLE_OF",
    "Logged",
    "counted",
    "folder_of",
    "folders",
    "is_own",
    "of_mailboxes",
    "of_service",
    "request_numbers",
]

FRONT, BACK, PROXY, EWS, MAPI, OWA = "front", "back", "httpproxy", "ews", "mapihttp", "owa"
ECP_SERVER, ECP_ACTIVITY = "ecp_server", "ecp_activity"
TABLE_OF = {
    FRONT: "iis", BACK: "iis", PROXY: "httpproxy", EWS: "ews", MAPI: "mapihttp", OWA: "owa", ECP_SERVER: "ecp_server",
    ECP_ACTIVITY: "ecp_activity",
}  # fmt: skip
"""The table that holds each layer. Of OWA's and ECP's logs it is not known which requests have a row: they are joined,
and not counted."""
FOLDERS = (
    "owa", "ecp", "ews", "mapi", "rpc", "microsoft-server-activesync", "autodiscover", "oab", "powershell", "api", "rest",
    "pushnotifications",
)  # fmt: skip
"""Virtual directories of Exchange: what a kind of request is told by. All else is one kind."""
OTHER = len(FOLDERS)
_LONG, _SHORT, _WORD = 36, 32, 8
_BLANKS = np.uint64(0x2020_2020_2020_2020)
"""The bit that tells a small letter from a capital one, in each of eight bytes."""
_ODD = (np.uint64(0x9E37_79B9_7F4A_7C15), np.uint64(0xC2B2_AE3D_27D4_EB4F), np.uint64(0x1656_67B1_9E37_79F9))
_HALF = np.uint64(32)
_LOW = np.uint64(0xFFFF_FFFF)

Numbers = npt.NDArray[np.uint64]
Flags = npt.NDArray[np.bool_]


def folder_of(stem: str | None) -> int:
    """Give the virtual directory of a path, as place in `FOLDERS`; `OTHER` for any other."""
    name = (stem or "").lower().lstrip("/").partition("/")[0].partition(":")[0]
    return FOLDERS.index(name) if name in FOLDERS else OTHER


def of_mailboxes(stem: Column) -> Places:
    """Give -1 per row whose path is MAPI's way into a mailbox, and not into the address book; 0 for all others."""
    found: Places = stem.each([-int((one or "").lower().startswith("/mapi/emsmdb")) for one in stem.values], 0, np.int8)
    return found


def folders(stem: Column) -> Places:
    """Give the virtual directory per row."""
    found: Places = stem.each([folder_of(one) for one in stem.values], OTHER, np.int8)
    return found


def is_own(address: str | None) -> bool:
    """Say whether an address is one by which a server speaks to itself."""
    return address is None or address.startswith(("127.", "::1", "fe80:", "169.254."))


def request_numbers(column: pa.ChunkedArray | pa.Array) -> tuple[Numbers, Flags]:
    """Give a number for each request id, and which rows have one: 36 characters, or 32 without dashes, in any case.

    Two ids are taken for one where their first and last eight digits agree: 64 random bits.

    Args:
        column: texts; anything else than an id counts as none.
    """
    plain = column.cast(pa.string())
    if isinstance(plain, pa.ChunkedArray):
        plain = plain.combine_chunks() if plain.num_chunks != 1 else plain.chunk(0)
    ids = plain
    found = np.zeros(len(ids), np.uint64)
    if ids.null_count == len(ids):
        return found, np.zeros(len(ids), np.bool_)
    starts = np.frombuffer(ids.buffers()[1], np.int32)[ids.offset : ids.offset + len(ids) + 1]
    length = np.diff(starts)
    data = ids.buffers()[2]
    for size, last in ((_LONG, _LONG - _WORD), (_SHORT, _SHORT - _WORD)):
        mine = length == size
        if ids.null_count:  # what stands behind a null is nothing that was written
            mine &= ids.is_valid().to_numpy(zero_copy_only=False)
        if mine.any():
            first, second = (_words(data, starts[:-1][mine] + at) for at in (0, last))
            found[mine] = _mixed(first, second)
    known = (length == _LONG) | (length == _SHORT)
    if ids.null_count:
        known &= ids.is_valid().to_numpy(zero_copy_only=False)
    return found, known


def _words(data: pa.Buffer, starts: npt.NDArray[np.int32]) -> Numbers:
    """Give the eight bytes from each place on as a number, letters in lower case."""
    steps = np.diff(starts)
    if len(steps) and steps[0] > 0 and bool((steps == steps[0]).all()):
        even: Numbers = np.ndarray((len(starts),), "<u8", data, int(starts[0]), (int(steps[0]),))
        return np.asarray(even | _BLANKS, np.uint64)
    anywhere: Numbers = np.ndarray((data.size - _WORD + 1,), "<u8", data, strides=(1,))
    return np.asarray(anywhere[starts] | _BLANKS, np.uint64)


def _mixed(first: Numbers, second: Numbers) -> Numbers:
    """Make one number of two; ids are random, so that little has to be stirred."""
    mixed = np.asarray(first * _ODD[0] + (second ^ (second >> _HALF)) * _ODD[1], np.uint64)
    return np.asarray((mixed ^ (mixed >> _HALF)) * _ODD[2], np.uint64)


@dataclass(frozen=True, slots=True)
class Logged:
    """What rows of a log say of the requests that other layers log as well.

    Attributes:
        ids: the column of the request id.
        layer: per row, code into `layers`.
        layers: names of the layers.
        folder: virtual directory per row.
        ok: whether it was answered with a yes.
        host: the host per row.
        front: the front end that handed the request over, as the log names it; None where it is the host itself.
        handed: which rows' ids are a front end's; None for all.
        texts: the ids where they are no column of the table; None where they are.
    """

    ids: str
    layer: Places
    layers: tuple[str, ...]
    folder: Places
    ok: Flags
    host: Column
    front: Column | None = None
    handed: Flags | None = None
    texts: pa.Array | None = None

    def numbers(self, table: pa.Table) -> tuple[Numbers, Flags]:
        """Give a number for each id, and which rows have one."""
        return request_numbers(table[self.ids] if self.texts is None else self.texts)

    def known(self, table: pa.Table) -> tuple[Numbers, Flags]:
        """Give a number for each id, and which rows have one that a front end gave."""
        number, known = self.numbers(table)
        return number, known if self.handed is None else known & self.handed

    def fronts(self) -> Column:
        """Give the front end per row, as the log names it."""
        return Column(np.zeros(len(self.layer), np.int8), [None]) if self.front is None else self.front


def counted(table: pa.Table, logged: Logged) -> pa.Table:
    """Count the requests of a data file per evidence file, host, layer, kind and hour.

    Args:
        table: the file, with `time_utc`, `evidence_id` and the ids.
        logged: what its rows say.
    """
    when = fold.instants(table)
    number, known = logged.known(table)
    evidence, came = fold.texts(table, "evidence_id"), logged.fronts()
    kind = (logged.layer.astype(np.int16) * (OTHER + 1) + logged.folder) * 2 + logged.ok
    hour = when // fold.HOUR_US
    parts = [one.codes for one in (evidence, logged.host, came)]
    rows: Codes | None = None
    if (when < 0).any():
        rows = np.flatnonzero(when >= 0)
        kind, hour, number, known = kind[rows], hour[rows], number[rows], known[rows]
        parts = [one[rows] for one in parts]
    if not len(hour):
        return LAYERS.empty_table()
    rank, first = fold.numbered(fold.group([*parts, kind, hour]))
    size = len(first)
    lines = requests = np.bincount(rank, minlength=size)
    if not known.all():
        rank, number = rank[known], number[known]
        requests = np.bincount(rank, minlength=size)
    # of up to two million a group the sums of halves are exact; of more two layers differ, and are looked at one by one
    sums = [np.bincount(rank, weights=half, minlength=size) for half in (number & _LOW, number >> _HALF)]
    taken = first if rows is None else rows[first]
    told = kind[first]
    return pa.table(
        [
            evidence.text(taken),
            logged.host.text(taken),
            came.text(taken),
            pa.array([logged.layers[one] for one in (told // (2 * (OTHER + 1))).tolist()], pa.string()),
            pa.array((told // 2 % (OTHER + 1)).astype(np.int8)),
            pa.array(told % 2 == 1),
            pa.array(hour[first]),
            pa.array(lines.astype(np.int64)),
            pa.array(requests.astype(np.int64)),
            *(pa.array(one.astype(np.int64)) for one in sums),
        ],
        schema=LAYERS,
    )


def of_service(
    layer: str, folder: str, front: Column | None, host: Column, outcome: Places, texts: pa.Array | None = None
) -> Logged:
    """Give what the log of a service behind the front end says.

    Args:
        layer: the service's layer.
        folder: its virtual directory.
        front: the front end that handed each request over; where none is named at all, it is the host itself. None where
            the log never names one.
        host: the host per row.
        outcome: `Outcome` per row.
        texts: the ids, where they are no column.
    """
    rows = len(outcome)
    front = Column(np.full(rows, -1, np.int8), []) if front is None else front
    named = fold.mapped(front, [one or None for one in front.values])
    yes = np.asarray(outcome == 0)
    code = np.full(rows, FOLDERS.index(folder), np.int8)
    # other servers and probes call a service directly, with an id that no front end gave and without its name
    handed = np.asarray(named.codes >= 0)
    return Logged(
        "RequestId", np.zeros(rows, np.int8), (layer,), code, yes, host, named, handed if handed.any() else None, texts
    )
