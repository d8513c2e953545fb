"""IMAP4 and POP3: what a session said holds for its later records, and for no other session's."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from fuzz.contract import check
from hypothesis import given
from hypothesis import strategies as st

from dwell.sources import mail_sessions
from dwell.sources.imap4 import Imap4
from dwell.sources.pop3 import Pop3
from dwell.sources.registry import identify
from dwell.sources.source import Sniff

COLUMNS = "dateTime,sessionId,seqNumber,sIp,cIp,user,duration,rqsize,rpsize,command,parameters,context,puid"
Row = tuple[str, str, str, str, str]


def log(rows: Sequence[Row], kind: str = "IMAP4 Log") -> bytes:
    """Write a log of (session, user, command, parameters, context)."""
    lines = [f"#Log-type: {kind}", f"#Fields: {COLUMNS}"]
    lines += [
        f"2021-01-04T08:00:00.000Z,{session},{at},192.0.2.1:143,198.51.100.7:65468,{user},1,2,3,{command},{given},{context},"
        for at, (session, user, command, given, context) in enumerate(rows)
    ]
    return "\n".join(lines).encode()


SESSIONS = st.lists(
    st.tuples(
        st.sampled_from(["", "s1", "s2", "s3"]),
        st.sampled_from(["", "", "anna", "d/anna/minister", "a/b/c/d"]),
        st.sampled_from(["noop", "SELECT", "examine", "close", "fetch"]),
        st.sampled_from(["", "INBOX", "Sent Items"]),
        st.sampled_from(["", "R=OK", "R=NO", "R=A1 BAD x", "X=R=NO"]),
    ),
    max_size=20,
)


def plainly(rows: Sequence[Row]) -> list[tuple[str | None, str | None, str | None]]:
    """Give user, mailbox and folder of each record, one by one."""
    held: dict[str, list[str | None]] = {}
    out = []
    for session, user, command, given_text, context in rows:
        fresh: list[str | None] = [None, None, None]
        state = held.setdefault(session, fresh) if session else fresh
        if user:
            parts = user.split("/")
            state[:2] = [user, parts[2] if len(parts) == 3 else user]
        refused = context in ("R=NO", "R=A1 BAD x")
        if command.lower() in ("select", "examine") and given_text and not refused:
            state[2] = given_text
        if command == "close":
            state[2] = None
        out.append((state[0], state[1], state[2]))
    return out


@given(SESSIONS)
def test_a_record_knows_what_its_session_said_before(rows: list[Row]) -> None:
    found = check(Imap4(), log(rows)).rows
    assert [(row["session_user"], row["session_mailbox"], row["session_folder"]) for row in found] == plainly(rows)
    assert [row["user"] for row in found] == [user or None for _, user, *_ in rows]


@given(rows=SESSIONS, size=st.integers(1, 400))
def test_batches_do_not_matter(rows: list[Row], size: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("dwell.sources.lines.BLOCK_BYTES", size)
        found = check(Imap4(), log(rows)).rows
    assert [(row["session_user"], row["session_mailbox"], row["session_folder"]) for row in found] == plainly(rows)


def test_what_is_kept_of_sessions_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mail_sessions, "SESSIONS_MAX", 2)
    monkeypatch.setattr("dwell.sources.lines.BLOCK_BYTES", 1)
    rows: list[Row] = [(f"s{number}", f"u{number}", "noop", "", "") for number in range(4)]
    again: list[Row] = [(f"s{number}", "", "noop", "", "") for number in range(4)]
    found = check(Imap4(), log([*rows, *again])).rows
    assert [row["session_user"] for row in found[4:]] == ["u0", "u1", None, None]


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("192.0.2.1:993,198.51.100.7:1,anna,1,2,3,noop,,,", "imap4"),
        ("192.0.2.1:1993,198.51.100.7:1,anna,1,2,3,noop,,,", "imap4"),
        ("[2001:db8::1]:995,[2001:db8::2]:1,anna,1,2,3,noop,,,", "pop3"),
        ("192.0.2.1:4143,198.51.100.7:1,anna,1,2,3,retr,1,,", "pop3"),
        ("192.0.2.1:4143,198.51.100.7:1,anna,1,2,3,select,INBOX,,", "imap4"),
        ("192.0.2.1:4143,198.51.100.7:1,anna,1,2,3,noop,,,", None),
        ("no endpoint,198.51.100.7:1,anna,1,2,3,fetch,,,", None),
    ],
)
def test_without_header_port_and_command_tell_the_protocol(line: str, wanted: str | None) -> None:
    data = f"2021-01-04T08:00:00.000Z,s1,1,{line}\n".encode()
    guesses = identify(Sniff(data, "x.log", complete=True))
    assert (guesses[0].source if guesses else None) == wanted


def test_both_read_the_log_types_that_start_with_their_name() -> None:
    for one, kind in ((Imap4(), "IMAP4 Protocol Log"), (Pop3(), "POP3 Log")):
        data = log([("s1", "anna", "noop", "", "")], kind)
        assert identify(Sniff(data, "", complete=True))[0].source == one.key
        assert check(one, data).rows[0]["session_user"] == "anna"
