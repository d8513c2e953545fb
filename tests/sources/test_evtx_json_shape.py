"""Events read many at a time are those read one by one, whatever stands among them."""

from __future__ import annotations

import pytest

from dwell.sources.evtx_json_shape import read_event, read_events

PLAIN = (
    '{"Event":{"System":{"EventID":4624,"Channel":"Security","Provider":{"#attributes":{"Name":"P"}}},'
    '"EventData":{"TargetUserName":"anna","LogonType":3}}}'
)
USER_DATA = (
    '{"Event":{"System":{"EventID":{"#text":104,"#attributes":{"Qualifiers":1}},"Channel":"System"},'
    '"UserData":{"LogFileCleared":{"#attributes":{"xmlns":"x"},"Channel":"Application"}}}}'
)
BOTH = '{"Event":{"UserData":{"A":{"B":"1"}},"System":{"EventID":1},"EventData":{"C":"2"}}}'
NO_DATA = '{"Event":{"System":{"EventID":1},"EventData":null}}'
UNNAMED = (
    '{"Event":{"System":{"EventID":1,"Channel":"MSExchange Management"},'
    '"EventData":{"Data":{"#text":["Get-Mailbox","x"]}}}}'
)
ODD = '{"Event":{"System":{"EventID":"many","Channel":"c"},"Other":{"x":[1,{"y":2}]}}}'
BROKEN = '{"Event":'
NO_SYSTEM = '{"Event":{}}'


@pytest.mark.parametrize("odd", [PLAIN, BOTH, ODD, BROKEN, NO_SYSTEM, "", "1", f"{PLAIN},{PLAIN}"])
def test_many_are_as_each(odd: str) -> None:
    texts = [PLAIN, USER_DATA, odd, NO_DATA, UNNAMED]
    assert read_events(texts) == [read_event(text) for text in texts]


def test_none_are_none() -> None:
    assert read_events([]) == []


def test_user_data_are_named_by_their_paths() -> None:
    read = read_event(USER_DATA)
    assert read is not None
    system, data = read
    assert (system.EventID, system.Qualifiers, system.Channel) == (104, 1, "System")
    assert data == {"LogFileCleared.Channel": "Application"}


def test_both_kinds_of_data_are_kept() -> None:
    read = read_event(BOTH)
    assert read is not None
    assert read[1] == {"A.B": "1", "C": "2"}
