"""Checks Host and Origin headers: protects users without a token from web pages.

A page that a user merely visits can send requests to 127.0.0.1, and by rebinding its own name to that address
it can even read the answers. The browser gives it away: in Host (the page's name) and in Origin.

| listens on | token | a Host is accepted when it is |
|---|---|---|
| loopback | any | a loopback name, or in ALLOWED_HOSTS |
| elsewhere, ALLOWED_HOSTS set | any | a loopback name, the address listened on, or in ALLOWED_HOSTS |
| elsewhere | required | any: a page cannot know the token, so a name proves nothing |
| elsewhere | off | an IP address or a name without a dot: public DNS can rebind neither |

METRICS_PORT needs no token, so a name must always prove something there: beyond loopback it accepts what a server
without tokens accepts, and the names in ALLOWED_HOSTS.

An Origin header, if present, must be loopback's or in ALLOWED_ORIGINS. PUBLIC_URL's name and origin are accepted too.
/health and /ready skip both checks: load balancers call them by address, and the answer holds nothing private.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from app.errors import MemoryServerError, shown
from app.http.reply import Header
from app.settings.fields import Settings
from app.settings.forms import is_loopback
from app.settings.values import Auth

CORS_METHODS = b"GET, POST, OPTIONS"
CORS_HEADERS = (
    b"authorization, content-type, accept, last-event-id, mcp-session-id, mcp-protocol-version, mcp-method, mcp-name,"
    b" x-request-id"
)
CORS_EXPOSED = b"mcp-session-id, mcp-protocol-version, www-authenticate, retry-after, x-request-id"
CORS_MAX_AGE_S = b"600"
# For the sign-in endpoints (app.serve.oauth): a page of any origin may call them, and read why it was refused.
ANY_ORIGIN: list[Header] = [
    (b"access-control-allow-origin", b"*"),
    (b"access-control-expose-headers", b"www-authenticate, retry-after, x-request-id"),
]
ANY_ORIGIN_PREFLIGHT: list[Header] = [
    (b"access-control-allow-methods", b"GET, POST, DELETE, OPTIONS"),
    (b"access-control-allow-headers", b"authorization, content-type, accept, mcp-protocol-version"),
    (b"access-control-max-age", CORS_MAX_AGE_S),
]


class HostRefused(MemoryServerError):
    """The name in the Host header is not one of this server's."""

    code = "host_refused"
    status = 421


class OriginRefused(MemoryServerError):
    """A web page of an origin that is not allowed sent the request."""

    code = "origin_refused"
    status = 403


class BadHeader(MemoryServerError):
    """Host or Origin came more than once, or Host is missing."""

    code = "bad_header"
    status = 400


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def host_name(value: str) -> str | None:
    """Return the name in a Host header in lower case, without port and brackets; None when it is invalid."""
    try:
        parts = urlsplit(f"//{value}")
        _ = parts.port  # raises on an invalid port
    except ValueError:
        return None
    if not parts.hostname or parts.netloc != value or "@" in value or any(c in value for c in " \t/\\,"):
        return None
    return parts.hostname.rstrip(".") or None


def _named(settings: Settings) -> frozenset[str]:
    """Return the names that the settings give the server."""
    hosts = {host_name(host) or host.lower() for host in settings.allowed_hosts}
    if settings.host not in ("0.0.0.0", "::"):  # noqa: S104 - compared, not bound
        hosts.add(settings.host.lower())
    if settings.public_url is not None:
        hosts.add(urlsplit(settings.public_url).hostname or "")
    return frozenset(hosts)


@dataclass(frozen=True, slots=True)
class Guard:
    """The rules of one server; `hosts` None accepts any name."""

    hosts: frozenset[str] | None
    plain_hosts: bool  # also accept IP addresses and names without a dot
    origins: frozenset[str]
    cors: bool

    @classmethod
    def of(cls, settings: Settings) -> Guard:
        """Read the rules of PORT from the settings."""
        any_host, plain = False, False
        if not is_loopback(settings.host) and not settings.allowed_hosts:
            any_host = settings.auth is Auth.REQUIRED
            plain = not any_host
        origins = {origin.rstrip("/").lower() for origin in settings.allowed_origins}
        if settings.public_url is not None:
            origins.add(settings.public_url)
        return cls(
            hosts=None if any_host else _named(settings),
            plain_hosts=plain,
            origins=frozenset(origins),
            cors=settings.enable_cors,
        )

    def for_metrics(self, settings: Settings) -> Guard:
        """Return the rules of METRICS_PORT on the same server."""
        plain = not is_loopback(settings.host)
        return replace(self, hosts=_named(settings), plain_hosts=plain, origins=frozenset(), cors=False)

    def check(self, hosts: list[bytes], origins: list[bytes]) -> None:
        """Raise HostRefused, OriginRefused or BadHeader unless both headers are acceptable."""
        if len(hosts) != 1 or len(origins) > 1:
            raise BadHeader(f"Host: got {len(hosts)}, Origin: got {len(origins)}; takes one Host, at most one Origin")
        host = hosts[0].decode("latin-1")
        if not self.accepts_host(host):
            raise HostRefused(f"Host {shown(host)} is not a name of this server; add it to ALLOWED_HOSTS")
        if origins and not self.accepts_origin(origins[0].decode("latin-1")):
            origin = shown(origins[0].decode("latin-1"))
            raise OriginRefused(f"web origin {origin} may not call this server; add it to ALLOWED_ORIGINS")

    def accepts_host(self, value: str) -> bool:
        """Whether a Host header's value is one of this server's names."""
        if self.hosts is None:
            return True
        name = host_name(value)
        if name is None:
            return False
        if name in self.hosts or is_loopback(name):
            return True
        return self.plain_hosts and ("." not in name or _is_address(name))

    def accepts_origin(self, value: str) -> bool:
        """Whether an Origin header's value is loopback's or allowed; `null` never is."""
        if value.lower() in self.origins:
            return True
        try:
            parts = urlsplit(value)
            return parts.scheme in ("http", "https") and bool(parts.hostname) and is_loopback(parts.hostname or "")
        except ValueError:
            return False

    def cors_headers(self, origins: list[bytes]) -> list[Header]:
        """Return the headers that let a page of an allowed origin read the answer. Never `*`, never credentials."""
        if not self.cors or len(origins) != 1 or not self.accepts_origin(origins[0].decode("latin-1")):
            return []
        return [
            (b"access-control-allow-origin", origins[0]),
            (b"access-control-expose-headers", CORS_EXPOSED),
            (b"vary", b"Origin"),
        ]

    def preflight_headers(self, origins: list[bytes]) -> list[Header]:
        """Return the headers that answer a browser's preflight request, in addition to cors_headers."""
        if not self.cors_headers(origins):
            return []
        return [
            (b"access-control-allow-methods", CORS_METHODS),
            (b"access-control-allow-headers", CORS_HEADERS),
            (b"access-control-max-age", CORS_MAX_AGE_S),
        ]
