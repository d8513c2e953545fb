r"""What the ActiveSync server says of a request, in the `Log=` that it appends to the query of the back end's IIS line.

Tokens come in order, those of each folder together: `Fid:5_Ty:Em_Filt2_St:S_Srv:6a0c0d…`. Of each folder that was
synchronised `Srv` (also written `Svr`) counts what was sent to the device, `a` for added items. Mail that was sent
(`Ty:Em`) is a folder synchronised; an item or attachment that the device asked for by itself is a read. Items of
calendars, contacts and tasks open the mailbox and no more is claimed. A sync that sent nothing opened it as well.

The server appends, so that the last `Log=` counts; what a client wrote into its own query stands before it. Where the
server wrote none, as on a front end, a client can at most make its own requests look heavier.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dwell.archive.lexicon import coded
from dwell.scope.rollup import fold
from dwell.scope.rollup.fold import Column, Places
from dwell.scope.rollup.shapes import Act

__all__ = ["acts", "devices", "mailboxes"]

_TURN = r"#[0-9]+$"
"""What the name of a token has that its row has had before."""
_SENT = r"^[1-9][0-9]*a"
_FETCHED = r"^[0-9]+a[0-9]+c[0-9]+d[1-9]"
_ASKED_FOR = ("ItOfi", "ItOfa", "ItOfea", "Att")
_DEVICE = r"^(?P<v>[0-9A-Za-z]{1,64})$"

Flags = npt.NDArray[np.bool_]


def acts(log: pa.MapArray) -> Places:
    """Give the `Act` per row, 0 where the server appended nothing."""
    found = np.zeros(len(log), np.int8)
    if log.null_count == len(log):
        return found
    edges = log.offsets.to_numpy()
    keys, values = (coded(one[edges[0] : edges[-1]]) for one in (log.keys, log.items))
    rows = np.repeat(np.arange(len(log)), np.diff(edges))
    bare = pc.replace_substring_regex(keys.dictionary.cast(pa.string()), _TURN, "")
    key = keys.indices.to_numpy()
    value = values.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    texts = values.dictionary.cast(pa.string())

    def named(*names: str) -> Flags:
        return np.asarray(pc.is_in(bare, pa.array(names)).to_numpy(zero_copy_only=False)[key], np.bool_)

    def valued(pattern: str) -> Flags:
        met = pc.match_substring_regex(texts, pattern).to_numpy(zero_copy_only=False)
        return np.asarray(np.append(met, False)[value], np.bool_)

    folder = named("Fid", "Ty")
    # the token that says which folder, or which class, those after it are of
    last = np.maximum.accumulate(np.where(folder, np.arange(len(key)), -1))
    mail = np.append(named("Ty") & valued("^Em$"), False)[last] & (np.append(rows, -1)[last] == rows)
    fetched = (named(*_ASKED_FOR) & valued("^[1-9]")) | (named("Cli") & valued(_FETCHED))
    found[rows[fetched]] = int(Act.READ)
    found[rows[named("Srv", "Svr") & mail & valued(_SENT)]] = int(Act.SYNCED)
    return found


def mailboxes(log: pa.MapArray) -> Column:
    """Give the mailbox that the server says it opened, by its address."""
    return fold.texts(pa.table({"v": pc.map_lookup(log, pa.scalar("SmtpAdrs"), "first")}), "v")


def devices(device: Column, phones: Flags) -> Column:
    """Give the id of the device per row, as the client writes it, of rows that are of ActiveSync; in upper case.

    Args:
        device: what the queries name.
        phones: which rows are of ActiveSync.
    """
    mine = Column(np.where(phones, device.codes, -1), device.values)
    return fold.mapped(mine, [None if one is None else one.upper() for one in fold.extracted(device, _DEVICE)])
