"""Which addresses are internal, against the ranges themselves as the standard library has them."""

from __future__ import annotations

import ipaddress

from hypothesis import example, given
from hypothesis import strategies as st

from dwell.model.addresses import is_internal

_RANGES = [
    ipaddress.ip_network(one)
    for one in (
        "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8", "169.254.0.0/16", "0.0.0.0/8", "fc00::/7",
        "fe80::/10", "::1/128",
    )
]  # fmt: skip


@given(st.one_of(st.ip_addresses(), *(st.ip_addresses(network=one) for one in _RANGES)))
@example(ipaddress.ip_address("100.64.0.1"))
@example(ipaddress.ip_address("172.32.0.1"))
@example(ipaddress.ip_address("172.31.255.255"))
def test_an_address_is_internal_where_a_range_holds_it(
    one: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    assert is_internal(str(one)) == any(one.version == each.version and one in each for each in _RANGES)
