"""Addresses and blocks of addresses, judged by who they let in."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from policies.thresholds import Networks

# What the internet does not reach. Python's is_private has more: addresses of no one, and those of documentation.
_PRIVATE = tuple(
    ip_network(block)
    for block in (
        "10.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "::1/128",
        "fc00::/7",
        "fe80::/10",
    )
)
_MAPPED = IPv6Network("::ffff:0:0/96")  # IPv4 as IPv6 writes it


def is_open(block: str) -> bool:
    """Whether a block holds every address."""
    network = _network(block)
    return network is not None and network.prefixlen == 0


def is_private(block: str) -> bool:
    """Whether a block holds only addresses that the internet does not reach."""
    network = _network(block)
    return network is not None and _is_private(network)


def is_narrow(block: str, thresholds: Networks) -> bool:
    """Whether a block is private, or so small that its owner is known."""
    network = _network(block)
    if network is None:
        return False
    widest = thresholds.widest_ipv4 if network.version == 4 else thresholds.widest_ipv6
    return _is_private(network) or network.prefixlen >= widest


def is_inside(address: str) -> bool:
    """Whether a port that is published at an address is reached by this host, or a private network, alone."""
    try:
        found = _unwrapped(ip_address(address))
    except ValueError:
        return False
    return _is_private(ip_network(found))


def _is_private(network: IPv4Network | IPv6Network) -> bool:
    return any(network.version == one.version and network.subnet_of(one) for one in _PRIVATE)  # type: ignore[arg-type] # of one version


def _network(block: str) -> IPv4Network | IPv6Network | None:
    """Return a block, of IPv4 where it holds nothing else; None for what is none."""
    try:
        network = ip_network(block, strict=False)
    except ValueError:
        return None
    if isinstance(network, IPv6Network):
        if network.subnet_of(_MAPPED):
            return ip_network((_unwrapped(network.network_address), network.prefixlen - _MAPPED.prefixlen))
        if network.supernet_of(_MAPPED):
            return IPv4Network("0.0.0.0/0")
    return network


def _unwrapped(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address
