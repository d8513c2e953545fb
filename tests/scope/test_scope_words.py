"""Names, addresses and agents, each brought into one form: by hand, and for anything at all."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dwell.model.addresses import address, first_hop, is_internal, network
from dwell.scope.words import Name, agent, app_of, kind_of, name_of, program_text

GUID = "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0"


@pytest.mark.parametrize(
    ("text", "kind", "value", "domain"),
    [
        ("MINISTRY\\Jan.Maes", "sam", "jan.maes", "ministry"),
        ("MINISTRY/Jan.Maes", "sam", "jan.maes", "ministry"),
        ("ministry%5Cjan.maes", "sam", "jan.maes", "ministry"),
        ("Jan.Maes@Gov.Example", "smtp", "jan.maes@gov.example", ""),
        ("SMTP:jan@gov.example", "smtp", "jan@gov.example", ""),
        ("Smtp~jan@gov.example", "smtp", "jan@gov.example", ""),
        ("jan%40gov.example", "smtp", "jan@gov.example", ""),
        ("Sid~S-1-5-21-1-2-3-1104", "sid", "s-1-5-21-1-2-3-1104", ""),
        (f"MailboxGuid~{GUID}@gov.example", "guid", GUID, ""),
        (GUID.replace("-", "").upper(), "guid", GUID, ""),
        (f"{{{GUID}}}", "guid", GUID, ""),
        ("/o=Ministry/ou=First/cn=Recipients/cn=Jan", "dn", "/o=ministry/ou=first/cn=recipients/cn=jan", ""),
        ("министр@мвд.example", "smtp", "министр@мвд.example", ""),
        ("МВД\\Министр", "sam", "министр", "мвд"),
        ("jan.maes", "sam", "jan.maes", ""),
    ],
)
def test_every_form_of_a_name(text: str, kind: str, value: str, domain: str) -> None:
    assert name_of(text) == Name(kind, value, domain)


@pytest.mark.parametrize("text", [None, "", "-", "  ", "Anonymous", "anonymous", "unknown", "MINISTRY\\"])
def test_no_name_is_nobody(text: str | None) -> None:
    assert name_of(text) is None


@given(st.text())
def test_a_name_is_one_form_whatever_it_was(text: str) -> None:
    found = name_of(text)
    assert name_of(text.swapcase()) == name_of(text.swapcase())
    if found is not None:
        assert found.value == found.value.lower()
        assert found.value
        assert found.kind in {"smtp", "sam", "sid", "guid", "dn"}


@given(st.uuids())
def test_a_guid_is_one_guid_with_dashes_braces_or_neither(found: object) -> None:
    text = str(found)
    forms = (text, text.upper(), text.replace("-", ""), f"{{{text}}}", f"MailboxGuid~{text}@a.example")
    assert {name_of(one) for one in forms} == {Name("guid", text)}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("203.0.113.9:49152", "203.0.113.9"),
        ("[2001:db8::1]:49152", "2001:db8::1"),
        ("[2001:DB8::1]", "2001:db8::1"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("fe80::1%12", "fe80::1"),
        (' "203.0.113.9" ', "203.0.113.9"),
        ("localhost", None),
        ("<null>", None),
        ("NOTANIPV4 (x)", None),
        ("999.1.1.1", None),
        (None, None),
        ("", None),
    ],
)
def test_every_form_of_an_address(text: str | None, expected: str | None) -> None:
    assert address(text) == expected


@given(st.ip_addresses())
def test_an_address_lies_in_its_network(found: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    text = address(str(found))
    assert text is not None
    assert address(text) == text
    lan = network(text)
    assert lan is not None
    bits = 24 if "." in text and ":" not in text else 48
    assert lan.endswith(f"/{bits}")
    assert ipaddress.ip_address(text) in ipaddress.ip_network(lan)


@given(st.ip_addresses(v=4))
def test_internal_is_what_the_standards_say(found: ipaddress.IPv4Address) -> None:
    ranges = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8", "169.254.0.0/16", "0.0.0.0/8")
    assert is_internal(str(found)) == any(found in ipaddress.ip_network(one) for one in ranges)


@given(st.ip_addresses(v=6))
def test_internal_in_the_new_protocol(found: ipaddress.IPv6Address) -> None:
    inside = any(found in ipaddress.ip_network(one) for one in ("fc00::/7", "fe80::/10", "::1/128"))
    assert is_internal(str(found)) == inside


@given(st.text())
def test_no_text_breaks_an_address(text: str) -> None:
    found = address(text)
    assert network(text) is None or found is not None or "/" not in text
    assert is_internal(None) is False


@pytest.mark.parametrize(
    ("hops", "expected"),
    [
        (["203.0.113.9"], "203.0.113.9"),
        (["203.0.113.9", "10.0.0.5"], "203.0.113.9"),
        (["198.51.100.1", "203.0.113.9", "10.0.0.5", "10.0.0.6"], "203.0.113.9"),
        (["10.0.0.1", "203.0.113.9"], "203.0.113.9"),
        (["203.0.113.9", None, "10.0.0.5"], "10.0.0.5"),
        (["203.0.113.9", None], None),
        (["10.7.7.7", "10.0.0.5"], "10.7.7.7"),
        ([], None),
    ],
)
def test_only_our_own_hops_are_believed(hops: list[str | None], expected: str | None) -> None:
    """What stands in front of the first outside address, read from the end, an outsider may have written."""
    assert first_hop(hops) == expected


@given(st.lists(st.one_of(st.none(), st.sampled_from(["198.51.100.1", "10.9.9.9", "2001:db8::1"])), max_size=6))
def test_a_written_front_never_changes_the_client(front: list[str | None]) -> None:
    assert first_hop([*front, "203.0.113.9", "10.0.0.5"]) == "203.0.113.9"


def test_minor_versions_of_a_browser_are_one_agent() -> None:
    first = "Mozilla/5.0+(Windows+NT+10.0)+AppleWebKit/537.36+Chrome/73.0.3683.86+Safari/537.36"
    second = "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/73.0.3683.103 Safari/537.36"
    assert agent(first) == agent(second)
    assert agent(first) != agent(second.replace("Chrome/73", "Chrome/74"))
    assert agent(f"Client=OWA;{second};") == agent(first)
    assert {agent(one) for one in (None, "", "-")} == {"(none)"}


@pytest.mark.parametrize(
    ("told", "alone"),
    [
        ("Client=ActiveSync;UserAgent=Android-EAS/2.0;", "Android-EAS/2.0"),
        (
            "Client=ActiveSync;UserAgent=Apple-iPhone7C2/1602.92;Action=/Proxy/default.eas?User=anna&DeviceId=Appl1",
            "Apple-iPhone7C2/1602.92",
        ),
        ("Client=WebServices;ExchangeServicesClient/15.00.0847.030;", "ExchangeServicesClient/15.00.0847.030"),
        (
            "Client=WebServices;Mozilla/5.0 (Macintosh; Intel Mac OS X) Mail;",
            "Mozilla/5.0 (Macintosh; Intel Mac OS X) Mail",
        ),
    ],
)
def test_a_program_is_one_agent_whatever_audit_records_write_around_it(told: str, alone: str) -> None:
    assert agent(told) == agent(alone)


@pytest.mark.parametrize("told", ["Client=OWA;Action=ViaProxy", "Client=WebServices;Action=ConfigureGroupMailbox",
                                  "Client=WebServices;", "Client=ActiveSync;UserAgent="])  # fmt: skip
def test_what_names_no_program_is_left_as_it_is_written(told: str) -> None:
    assert agent(told) == (told if not told.endswith("UserAgent=") else "(none)")


@given(st.text())
def test_an_agent_is_short_and_stable(text: str) -> None:
    found = agent(text)
    assert 0 < len(found) <= 300
    assert agent(text.replace(" ", "+")) == found


GRAPH, NOBODY = "00000003-0000-0000-c000-000000000000", "00000000-0000-0000-0000-000000000000"


@pytest.mark.parametrize(
    ("info", "client_app", "app", "who"),
    [
        ("Client=REST;;", GUID, GRAPH, GUID),
        ("Client=REST;;", GUID.upper(), None, GUID),
        ("client=rest;Client=RESTSystem;;", "", GUID, GUID),
        ("Client=REST;;", f"{{{GUID}}}", "", GUID),
        ("Client=REST;;", GUID.replace("-", ""), "", GUID),
        (None, GUID, GRAPH, GUID),
        # what is asked is nobody who asks, and what is no id tells nobody
        ("Client=REST;;", None, GRAPH, ""),
        ("Client=REST;;", NOBODY, GRAPH, ""),
        ("Client=REST;;", "x" * 9_000, "'; drop", ""),
        # other programs go by what they call themselves
        ("Client=OWA;Mozilla/5.0", GUID, GUID, ""),
        (None, GUID, GUID, ""),
    ],
)
def test_an_application_that_reads_by_rest_is_told_by_its_id(
    info: str | None, client_app: str | None, app: str | None, who: str
) -> None:
    family = agent(program_text(info, client_app, app))
    assert app_of(family) == who
    assert kind_of(family) == agent(info)
    assert (kind_of(f"{family} (inside)"), app_of(f"{family} (inside)")) == (f"{agent(info)} (inside)", who)


@given(st.text())
def test_no_browser_takes_another_kind_by_naming_an_application(text: str) -> None:
    for one in (text, f"application {GUID} Mozilla/5.0 {text}"):
        assert kind_of(agent(one)) == agent(one)
