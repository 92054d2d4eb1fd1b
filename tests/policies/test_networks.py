"""Addresses: who they let in."""

from __future__ import annotations

import pytest

from policies.networks import is_inside, is_narrow, is_open, is_private
from policies.thresholds import Networks


@pytest.mark.parametrize(
    ("block", "is_open_", "private", "narrow"),
    [
        ("0.0.0.0/0", True, False, False),
        ("::/0", True, False, False),
        ("203.0.0.0/8", False, False, False),
        ("198.18.0.0/8", False, False, False),
        ("93.184.216.0/24", False, False, True),
        ("93.184.216.34", False, False, True),
        ("10.20.0.0/16", False, True, True),
        ("2606:2800::/32", False, False, False),
        ("2606:2800:220::/48", False, False, True),
        ("fd00::/8", False, True, True),
        ("::ffff:0:0/96", True, False, False),
        ("::/64", True, False, False),
        ("::ffff:0.0.0.0/104", False, False, False),
        ("::ffff:10.20.0.0/112", False, True, True),
        ("::ffff:93.184.216.0/120", False, False, True),
        ("0.0.0.0/8", False, False, False),
        ("240.0.0.0/4", False, False, False),
        ("2001:db8::/32", False, False, False),
        ("10.0.0.0/7", False, False, False),
        ("nonsense", False, False, False),
    ],
)
def test_a_block_is_open_private_or_narrow(block: str, is_open_: bool, private: bool, narrow: bool) -> None:
    assert is_open(block) is is_open_
    assert is_private(block) is private
    assert is_narrow(block, Networks()) is narrow


@pytest.mark.parametrize(
    ("address", "inside"),
    [
        ("127.0.0.1", True),
        ("::1", True),
        ("10.77.0.2", True),
        ("0.0.0.0", False),
        ("::", False),
        ("::ffff:0.0.0.0", False),
        ("::ffff:127.0.0.1", True),
        ("::ffff:93.184.216.34", False),
        ("0.0.0.1", False),
        ("203.0.113.1", False),
        ("fe80::1", True),
        ("93.184.216.34", False),
        ("", False),
    ],
)
def test_an_address_is_of_this_host_or_its_private_network(address: str, inside: bool) -> None:
    assert is_inside(address) is inside
