"""Tells which address a request comes from: the connection's, or the one that a trusted proxy names.

Anyone can send X-Forwarded-For, so it is read from its end, as far as TRUSTED_PROXIES wrote it: each proxy adds the
address that it was called from, as a further entry or as a further line. The client is the last one that is no proxy
of ours. X-Forwarded-Proto and X-Forwarded-Host are not believed at all: PUBLIC_URL says what clients use.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

FORWARDED_FOR = "x-forwarded-for"
_ENTRIES_LIMIT = 20  # no chain of proxies is longer; more would only cost time
_ONE_CLIENT_IPV6 = 64  # bits: a household or a machine gets a network of its own, and may use any address in it
_NOWHERE = "unknown"


@dataclass(frozen=True, slots=True)
class Proxies:
    """The proxies whose word is taken. networks: as TRUSTED_PROXIES lists them."""

    networks: tuple[Network, ...]

    @classmethod
    def of(cls, trusted: Sequence[str]) -> Proxies:
        """Read a list of addresses and networks."""
        return cls(tuple(ipaddress.ip_network(one) for one in trusted))

    def client(self, peer: str | None, forwarded_for: Sequence[str]) -> Address | None:
        """Return the address of the client; None if the connection has none and no proxy can be known.

        peer: the other end of the connection. forwarded_for: the values of X-Forwarded-For, a text for each line.
        What a proxy passed on without understanding it (`unknown`, a name) hides who came before: the proxy counts.
        """
        found = None if peer is None else _address(peer)
        if found is None or not self._trusts(found):
            return found
        for entry in _from_the_end(forwarded_for):
            address = _address(entry)
            if address is None:
                break
            found = address
            if not self._trusts(found):
                break
        return found

    def _trusts(self, address: Address) -> bool:
        return any(address in network for network in self.networks)


def counted_as(address: Address | None) -> str:
    """Return the key by which limits count an address: IPv6 by its network of 64 bits."""
    if address is None:
        return _NOWHERE
    if address.version == 4:
        return str(address)
    return str(ipaddress.ip_network((address, _ONE_CLIENT_IPV6), strict=False))


def _from_the_end(lines: Sequence[str]) -> Iterator[str]:
    left = _ENTRIES_LIMIT
    for line in reversed(lines):
        for entry in reversed(line.rsplit(",", left)[-left:]):
            if not left:
                return
            left -= 1
            yield entry


def _address(text: str) -> Address | None:
    """Return the address in an entry, which may have a port, brackets, quotes and a zone; None if there is none."""
    text = text.strip().strip('"')
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
