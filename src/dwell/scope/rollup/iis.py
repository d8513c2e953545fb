"""IIS lines to sessions: who asked for whose mailbox, by the path, the query and the name that IIS wrote down.

The front end's log names the mailbox in `/owa/x@y/` and in `MailboxId=`; elsewhere the mailbox is taken to be the
authenticated user's own, and the session says `assumed`. The `User=` of ActiveSync is what the client wrote, and not
believed. A line that IIS wrote without a user is no access: it is a request that was challenged, refused, or needed no
name. What the back end (port 444) wrote down is the same request a second time, and its sessions say so; of ActiveSync
only the back end knows what was sent to the device (`rollup.eas`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from dwell.model.addresses import address, forwarded_client, is_hop, passed_through, trusted_hops
from dwell.scope.rollup import asked, eas, fold, layers
from dwell.scope.rollup.asked import Asked
from dwell.scope.rollup.doors import came_to_doors
from dwell.scope.rollup.fold import Column, Places
from dwell.scope.rollup.layers import Logged
from dwell.scope.rollup.protocols import protocol_of, stated_mailbox
from dwell.scope.rollup.requests import sampled
from dwell.scope.rollup.shapes import Outcome
from dwell.scope.rollup.told import Joined, Told, layers_of, sessions_of

__all__ = [
    "COLUMNS",
    "DICTIONARY",
    "ID_COLUMNS",
    "ID_TEXTS",
    "NEEDS",
    "fold_file",
    "logged_in",
    "outcome_of",
    "through_balancers",
    "told_in",
]

TEXTS = ("cs-uri-stem", "cs-username", "c-ip", "cs-user-agent", "X-Forwarded-For", "host")
METHOD = "cs-method"
COLUMNS = (
    "evidence_id", "record_no", "time_utc", *TEXTS, *asked.PARTS, asked.LOG, METHOD, "s-port", "sc-status", "sc-bytes",
    "cafeReqId",
)  # fmt: skip
DICTIONARY = ("evidence_id", *TEXTS, *asked.PARTS, METHOD)
REQUEST_ID = "cafeReqId"
ID_TEXTS = ("cs-uri-stem", "c-ip", "X-Forwarded-For", "host")
ID_COLUMNS = ("time_utc", *ID_TEXTS, "s-port", "sc-status", REQUEST_ID)
"""What other layers are held against; `ID_TEXTS` are read as codes."""
NEEDS = ("sessions", "grounds", "hours", "requests", "layers", "doors")

Flags = npt.NDArray[np.bool_]
FTP = frozenset(
    (
        "controlchannelopened", "controlchannelclosed", "datachannelopened", "datachannelclosed", "abor", "acct",
        "appe", "auth", "ccc", "cdup", "cwd", "dele", "eprt", "epsv", "feat", "host", "list", "mdtm", "mkd", "mode", "nlst",
        "noop", "opts", "pass", "pasv", "pbsz", "port", "prot", "pwd", "quit", "rein", "rest", "retr", "rmd", "rnfr",
        "rnto", "site", "size", "smnt", "stat", "stor", "stou", "stru", "syst", "type", "user", "xcup", "xcwd", "xmkd",
        "xpwd", "xrmd",
    )
)  # fmt: skip
"""Commands of FTP, and what IIS writes for its channels: no web server answered these."""

BACK_END = 444
_STATUS_MAX = 999
"""No status is higher; what a log has there all the same is neither a yes nor a no."""


def _outcomes() -> npt.NDArray[np.int8]:
    out = np.full(_STATUS_MAX + 1, int(Outcome.OTHER), np.int8)
    out[200:300] = out[304] = int(Outcome.OK)
    out[[401, 403, 440, 456]] = int(Outcome.REFUSED)
    return out


_OUTCOMES = _outcomes()


def outcome_of(status: Places) -> Places:
    """Give the `Outcome` of HTTP status codes: 2xx and 304 are a yes, 401, 403 and 440 a no, anything else is neither."""
    found: Places = _OUTCOMES[np.clip(status, 0, _STATUS_MAX)]
    return found


def through_balancers(client: Column, forwarded: Column) -> Column:
    """Give the client address per row, looking through balancers of our own."""
    peers = [address(one) for one in client.values]
    if not forwarded.values or bool((forwarded.codes < 0).all()):
        return fold.mapped(client, peers)
    texts: dict[str, int] = {}
    by_chain = fold.placed(forwarded, [forwarded_client(one) for one in forwarded.values], texts)
    by_peer = fold.placed(client, peers, texts)
    # a chain is believed of a hop of our own only
    believed = client.flags([is_hop(one) for one in peers]) & (by_chain >= 0)
    return Column(np.where(believed, by_chain, by_peer), list(texts))


def _via(client: Column, forwarded: Column) -> Column:
    """Give the ranges of trusted hops per row that the client was read behind."""
    if not trusted_hops() or not forwarded.values:
        return Column(np.full(len(client.codes), -1, np.int64), [])
    return _of_pairs(client, forwarded, _hops_passed)


def _hops_passed(peer: str | None, chain: str | None) -> str | None:
    written = [] if chain is None else [address(one) for one in chain.replace("+", " ").split(",")]
    return passed_through([*written, address(peer)]) if written else None


def _of_pairs(client: Column, forwarded: Column, said: Callable[[str | None, str | None], str | None]) -> Column:
    """Give what is said of each peer with its chain; every distinct pair is looked at once."""
    pairs = fold.group([client.codes, forwarded.codes])
    inverse, first = fold.numbered(pairs)
    found = [
        said(
            client.values[client.codes[one]] if client.codes[one] >= 0 else None,
            forwarded.values[forwarded.codes[one]] if forwarded.codes[one] >= 0 else None,
        )
        for one in first
    ]
    return fold.mapped(Column(inverse, [str(one) for one in range(len(found))]), found)


def _of_phones(protocol: Column) -> npt.NDArray[np.bool_]:
    """Say which rows are of ActiveSync."""
    return np.asarray(protocol.codes == (protocol.values.index("eas") if "eas" in protocol.values else -2))


def _mailboxes(stem: Column, query: Asked, told: npt.NDArray[np.bool_]) -> tuple[Column, Column]:
    """Give the stated mailbox and its basis per row: the path first, then the query, then what ActiveSync says, if told."""
    stated = [fold.mapped(stem, [stated_mailbox(one) for one in stem.values]), query.mailbox]
    if told.any():
        by_server = eas.mailboxes(query.log)
        stated.append(Column(np.where(told, by_server.codes, -1), by_server.values))
    mailbox = fold.first(*stated)
    return mailbox, fold.stated(mailbox)


def _acts(query: Asked, phones: npt.NDArray[np.bool_]) -> tuple[Places, Places]:
    """Give the `Act` per row: by the query's action, and for phones by what the server says it sent, where it is more.

    Beside it, whether the action changed something (`protocols.wrote_by`).
    """
    act, wrote = query.acts(phones)
    if phones.any() and (told := eas.acts(query.log)).any():
        act = np.where(phones, np.maximum(act, told), act)
    return act, wrote


def logged(columns: Mapping[str, Column], back: Flags, ok: Flags) -> Logged:
    """Give what rows say to other layers; the back end takes the front end for the client.

    Args:
        columns: `ID_TEXTS`.
        back: which rows are the back end's.
        ok: which were answered with a yes.
    """
    host, folder = columns["host"], layers.folders(columns["cs-uri-stem"])
    both = (layers.FRONT, layers.BACK)
    if not back.any():
        return Logged(REQUEST_ID, np.zeros(len(back), np.int8), both, folder, ok, host)
    chained = back & (columns["X-Forwarded-For"].codes >= 0)
    # what comes to the back end by itself has an id that no front end gave
    behind = chained if chained.any() else back
    peer = columns["c-ip"]
    front = Column(np.where(behind, peer.codes, -1), peer.values)
    return Logged(REQUEST_ID, back.astype(np.int8), both, folder, ok, host, front, ~back | behind)


def logged_in(table: pa.Table) -> Logged:
    """Give what rows of a table with `ID_COLUMNS` say to other layers."""
    columns = {one: fold.texts(table, one, dash=one != "host") for one in ID_TEXTS}
    return logged(columns, _of_back_end(table), _said_yes(table))


def _of_back_end(table: pa.Table) -> Flags:
    return np.asarray(fold.numbers(table, "s-port") == BACK_END)


def _said_yes(table: pa.Table) -> Flags:
    return np.asarray(outcome_of(fold.numbers(table, "sc-status")) == int(Outcome.OK))


def _of_the_web(table: pa.Table) -> pa.Table:
    """Leave out what IIS's FTP service wrote: its log has the form of a web log, and shows nothing of the web."""
    method = fold.texts(table, METHOD)
    ftp = np.array([*((one or "").lower() in FTP for one in method.values), False])
    return table.filter(pa.array(~ftp[method.codes])) if ftp.any() else table


def _texts(table: pa.Table) -> dict[str, Column]:
    return {one: fold.texts(table, one, dash=one != "host") for one in TEXTS}


def told_in(table: pa.Table, name: str = "iis", columns: Mapping[str, Column] | None = None) -> Told:
    """Give what rows tell of accesses.

    Args:
        table: the rows.
        name: the archive table; only IIS's own holds ids.
        columns: their `TEXTS`, where these were read already.
    """
    columns = _texts(table) if columns is None else columns
    stem, query = columns["cs-uri-stem"], Asked.stored(table)
    protocol = fold.mapped(stem, [protocol_of(one) for one in stem.values])
    back = _of_back_end(table)
    phones = _of_phones(protocol)
    mailbox, basis = _mailboxes(stem, query, phones & back)
    status = fold.numbers(table, "sc-status")
    outcome = outcome_of(status)
    keys = {
        "host": columns["host"],
        "protocol": protocol,
        "actor": columns["cs-username"],
        "mailbox": mailbox,
        "basis": basis,
        "client": through_balancers(columns["c-ip"], columns["X-Forwarded-For"]),
        "via": _via(columns["c-ip"], columns["X-Forwarded-For"]),
        "agent": columns["cs-user-agent"],
        "layer": Column(back.astype(np.int8), ["front", "back"]),
        "device": eas.devices(query.device, phones),
    }
    act, wrote = _acts(query, phones)
    return Told(
        name,
        keys,
        (protocol.codes >= 0) & (columns["cs-username"].codes >= 0) & (fold.instants(table) >= 0),
        outcome,
        status >= 0,
        act,
        fold.numbers(table, "sc-bytes"),
        logged(columns, back, outcome == int(Outcome.OK)) if name == "iis" else None,
        wrote=wrote,
        closed=layers.of_mailboxes(stem),
    )


def fold_file(table: pa.Table, joined: Joined | None = None, *, name: str = "iis") -> dict[str, pa.Table]:
    """Fold one data file; `name` is the archive table."""
    columns = _texts(table)
    told = told_in(table, name, columns)
    return {
        **sessions_of(told, table, joined),
        "hours": fold.hours(_of_the_web(table)),
        "requests": sampled(table, REQUEST_ID),
        **layers_of(told, table),
        "doors": came_to_doors(table, columns, fold.texts(table, METHOD), _of_back_end(table)),
    }
