"""Whose address counts: the connection's, or the one that proxies of ours name."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.http.proxies import Proxies, counted_as

OURS = Proxies.of(["10.0.0.0/8", "fd00::/8", "198.51.100.7"])


@pytest.mark.parametrize(
    ("peer", "lines", "client"),
    [
        pytest.param("192.0.2.9", ["203.0.113.1"], "192.0.2.9", id="anyone can send the header"),
        pytest.param("10.0.0.1", [], "10.0.0.1", id="the proxy itself"),
        pytest.param("10.0.0.1", ["203.0.113.1"], "203.0.113.1", id="one proxy"),
        pytest.param("10.0.0.1", ["1.1.1.1, 203.0.113.1"], "203.0.113.1", id="what the client forged before"),
        pytest.param("10.0.0.1", ["1.1.1.1", "203.0.113.1"], "203.0.113.1", id="forged in a line of its own"),
        pytest.param("10.0.0.1", ["203.0.113.1, 198.51.100.7,10.2.3.4"], "203.0.113.1", id="a chain of proxies"),
        pytest.param("10.0.0.1", ["1.1.1.1, 203.0.113.1", "198.51.100.7"], "203.0.113.1", id="a chain, line by line"),
        pytest.param("10.0.0.1", ["10.0.0.9"], "10.0.0.9", id="a client in the proxies' network"),
        pytest.param("::ffff:10.0.0.1", ["::ffff:203.0.113.1"], "203.0.113.1", id="IPv4 as IPv6"),
        pytest.param("10.0.0.1", ["203.0.113.1:5544"], "203.0.113.1", id="a port"),
        pytest.param("10.0.0.1", ['"[2001:db8::1]:5544"'], "2001:db8::1", id="IPv6 with port and quotes"),
        pytest.param("fd00::1%eth0", ["2001:db8::1"], "2001:db8::1", id="a zone"),
        pytest.param("10.0.0.1", ["203.0.113.1, unknown"], "10.0.0.1", id="unknown"),
        pytest.param("10.0.0.1", ["203.0.113.1, _hidden, 10.9.9.9"], "10.9.9.9", id="hidden behind another proxy"),
        pytest.param("10.0.0.1", ["203.0.113.1,"], "10.0.0.1", id="an empty entry"),
        pytest.param("10.0.0.1", ["1.1.1.1 203.0.113.1"], "10.0.0.1", id="no comma"),
        pytest.param("10.0.0.1", ["203.0.113.1" + ", 10.0.0.1" * 100_000], "10.0.0.1", id="no end"),
        pytest.param(None, ["203.0.113.1"], None, id="a connection without an address"),
        pytest.param("testclient", ["203.0.113.1"], None, id="a name"),
    ],
)
def test_the_client_is_the_last_address_that_is_no_proxy_of_ours(
    peer: str | None, lines: Sequence[str], client: str | None
) -> None:
    found = OURS.client(peer, lines)

    assert (None if found is None else str(found)) == client


@given(st.lists(st.text(max_size=40), max_size=5), st.ip_addresses())
def test_whatever_is_sent_what_the_nearest_proxy_adds_counts(sent: list[str], client: object) -> None:
    address = ipaddress.ip_address(str(client))
    real = getattr(address, "ipv4_mapped", None) or address
    found = OURS.client("10.0.0.1", [*sent, str(client)])

    assert any(real in network for network in OURS.networks if network.version == real.version) or found == real


def test_an_ipv6_client_counts_by_its_network() -> None:
    keys = {counted_as(ipaddress.ip_address(f"2001:db8:1:2::{number:x}")) for number in range(50)}
    assert keys == {"2001:db8:1:2::/64"}
    assert counted_as(ipaddress.ip_address("203.0.113.1")) == "203.0.113.1"
    assert counted_as(None) == "unknown"
