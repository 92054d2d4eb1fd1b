"""Addresses and blocks of addresses, judged by who they let in."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

from policies.thresholds import Networks


def is_open(block: str) -> bool:
    """Whether a block holds every address."""
    try:
        return ip_network(block, strict=False).prefixlen == 0
    except ValueError:
        return False


def is_private(block: str) -> bool:
    """Whether a block holds only addresses that the internet does not reach."""
    try:
        network = ip_network(block, strict=False)
    except ValueError:
        return False
    return network.prefixlen > 0 and network.is_private


def is_narrow(block: str, thresholds: Networks) -> bool:
    """Whether a block is private, or so small that its owner is known."""
    try:
        network = ip_network(block, strict=False)
    except ValueError:
        return False
    widest = thresholds.widest_ipv4 if network.version == 4 else thresholds.widest_ipv6
    return is_private(block) or network.prefixlen >= widest


def is_inside(address: str) -> bool:
    """Whether a port that is published at an address is reached by this host, or a private network, alone."""
    try:
        found = ip_address(address)
    except ValueError:
        return False
    return not found.is_unspecified and (found.is_loopback or found.is_private)
