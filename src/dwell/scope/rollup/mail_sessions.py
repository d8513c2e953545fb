"""IMAP and POP commands to sessions: what the two protocols' logs have in common.

The user is the one that the session named, the mailbox the alias where the user is `domain/user/alias`, else the user's
own, which is what the protocol opens. A fetch of a body is a read: which message it was is not logged, only its number in
the folder. A fetch of flags, headers or sizes shows a list. The back end writes the same session a second time, with the
front end for its client: its sessions say so and have no client.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dwell.model.addresses import address
from dwell.scope.rollup import fold
from dwell.scope.rollup.fold import Codes, Column
from dwell.scope.rollup.shapes import Act, Outcome

__all__ = ["COLUMNS", "DICTIONARY", "NEEDS", "folded"]

TEXTS = ("sIp", "cIp", "session_user", "session_mailbox", "host")
COLUMNS = ("evidence_id", "record_no", "time_utc", *TEXTS, "command", "parameters", "context", "rpsize")
DICTIONARY = ("evidence_id", *TEXTS)
NEEDS = ("sessions", "hours")

_BACK_END = (":1143", ":1993", ":1110", ":1995")
_SIGN_IN = r"^(?:login|authenticate|auth|pass|apop)\b"
_READ = (
    r"(?i)^retr\b|^(?:uid )?fetch\b.*(?:\bbody(?:\.peek)?\[(?:\]|[0-9]|text|mime)|"
    r"\bbinary(?:\.peek)?\[|\brfc822(?:\.text|[^.\w]|$))"
)
"""Commands that fetch a body or a part of one, RFC 3501 6.4.5, RFC 3516, RFC 1939."""
_LISTED = (
    r"(?i)^(?:uid )?(?:fetch|search|sort|thread)\b|^(?:select|examine|list|lsub|xlist|status|uidl|stat|top|namespace)\b"
)
_OPENED = r"(?i)^(?:uid )?(?:store|copy|move|expunge)\b|^(?:idle|append|dele|create|delete|rename|close|check)\b"
_NO = r'(?i)(?:^|;)(?:R="*(?:[A-Za-z0-9.]+ )?(?:NO|BAD|-ERR)\b|ErrMsg=)'

Flags = npt.NDArray[np.bool_]


def _matches(texts: pa.Array, pattern: str) -> Flags:
    found: Flags = pc.match_substring_regex(texts, pattern).to_numpy(zero_copy_only=False)
    return found


def _account(user: Column) -> Column:
    """Give whose password was used: `domain/user/alias` is the user's, the mailbox is the alias."""
    parts = [(one or "").split("/") for one in user.values]
    return fold.mapped(
        user,
        [
            f"{one[0]}\\{one[1]}" if len(one) == 3 else text or None
            for one, text in zip(parts, user.values, strict=True)
        ],
    )


def _plain(table: pa.Table, name: str) -> pa.Array:
    column = pc.fill_null(table[name].combine_chunks(), "")
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


def _acts(said: pa.Array) -> Codes:
    """Give the `Act` per row, 0 where a command opens no mailbox."""
    act = np.select(
        [_matches(said, _READ), _matches(said, _LISTED), _matches(said, _OPENED) | _matches(said, f"(?i){_SIGN_IN}")],
        [int(Act.READ), int(Act.LISTED), int(Act.OPENED)],
        0,
    )
    return act.astype(np.int64)


def folded(table: pa.Table, name: str, protocol: str) -> dict[str, pa.Table]:
    """Fold one data file.

    Args:
        table: the rows.
        name: the archive table.
        protocol: what the sessions are called.
    """
    columns = {one: fold.texts(table, one) for one in TEXTS}
    said = pc.binary_join_element_wise(_plain(table, "command"), _plain(table, "parameters"), " ")
    act = _acts(said)
    actor, mailbox = _account(columns["session_user"]), columns["session_mailbox"]
    failed = _matches(_plain(table, "context"), _NO)
    refused = failed & _matches(said, f"(?i){_SIGN_IN}")
    outcome = np.select([refused, failed], [int(Outcome.REFUSED), int(Outcome.OTHER)], int(Outcome.OK)).astype(np.int64)
    back = columns["sIp"].flags([one is not None and one.endswith(_BACK_END) for one in columns["sIp"].values])
    peers = columns["cIp"]
    client = fold.mapped(peers, [address(one) for one in peers.values])
    keys = {
        "host": columns["host"],
        "protocol": fold.constant(table, protocol),
        "actor": actor,
        "mailbox": mailbox,
        "basis": fold.stated(mailbox),
        "client": Column(np.where(back, -1, client.codes).astype(np.int64), client.values),
        "agent": Column(np.full(table.num_rows, -1, np.int64), []),
        "layer": Column(back.astype(np.int64), ["front", "back"]),
    }
    found = fold.sessions(
        name,
        keys,
        rows=np.flatnonzero((act > 0) & (actor.codes >= 0) & (fold.instants(table) >= 0)),
        table=table,
        outcome=outcome,
        act=act,
        sent=fold.numbers(table, "rpsize"),
    ).sessions
    return {"sessions": found, "hours": fold.hours(table)}
