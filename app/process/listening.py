"""Opens the socket a process listens on, or says why it cannot. Standard library only: it runs before other imports."""

from __future__ import annotations

# The C module below `socket`, which imports enum, selectors and more (8 ms) before the port is open.
import _socket
import errno
import os

from app.errors import MemoryServerError

TYPE_CHECKING = False  # `typing` takes 3 ms to import
if TYPE_CHECKING:
    import socket

BACKLOG = 2_048


class CannotListen(MemoryServerError):
    """The process cannot listen on the address."""

    code = "cannot_listen"
    status = 503


def bind(host: str, port: int) -> socket.socket:
    """Return a socket bound to an address. Raises OSError."""
    return whole_socket(bound_socket(host, port))


def whole_socket(bound: _socket.socket) -> socket.socket:
    """Convert a socket of the C module to one of the `socket` module."""
    import socket

    return socket.socket(fileno=bound.detach())


def bound_socket(host: str, port: int) -> _socket.socket:
    """Return a socket of the C module, bound to an address. Raises OSError."""
    name = host.encode() if host.isascii() else host  # text goes through the IDNA codec, 4 ms to import
    try:
        addresses = _socket.getaddrinfo(name, port, 0, _socket.SOCK_STREAM, 0, _socket.AI_PASSIVE)
    except UnicodeError as error:  # IDNA allows a name 63 characters a part
        raise _socket.gaierror(_socket.EAI_NONAME, "not a host name") from error
    # IPv4 first: clients that know only 127.0.0.1 must reach a server on `localhost`
    family, kind, protocol, _, address = min(addresses, key=lambda entry: entry[0] != _socket.AF_INET)
    listener = _socket.socket(family, kind, protocol)
    try:
        if os.name == "posix":
            listener.setsockopt(_socket.SOL_SOCKET, _socket.SO_REUSEADDR, 1)
        elif hasattr(_socket, "SO_EXCLUSIVEADDRUSE"):
            listener.setsockopt(_socket.SOL_SOCKET, _socket.SO_EXCLUSIVEADDRUSE, 1)
        if host == "::" and hasattr(_socket, "IPV6_V6ONLY"):
            listener.setsockopt(_socket.IPPROTO_IPV6, _socket.IPV6_V6ONLY, 0)  # all addresses, IPv4 too
        listener.bind(address)
    except OSError:
        listener.close()
        raise
    return listener


def check_host(host: str) -> None:
    """Raise CannotListen when a host, with or without brackets, is no address that this machine can listen on."""
    host = host.strip("[]")
    try:
        bound_socket(host, 0).close()
    except OSError as error:
        raise cannot_listen(host, 0, error) from error


def cannot_listen(host: str, port: int, error: OSError) -> CannotListen:
    """Return the error that says why we cannot listen on an address, and what to do."""
    return CannotListen(_why_not(host, port, error))


def _why_not(host: str, port: int, error: OSError) -> str:
    if isinstance(error, _socket.gaierror):
        return (
            f"HOST {host!r} is neither an address nor a host name that resolves; use 127.0.0.1, or 0.0.0.0 for all"
            " addresses"
        )
    if error.errno in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
        return f"HOST {host!r} is not an address of this machine; use 127.0.0.1, or 0.0.0.0 for all addresses"
    if error.errno == errno.EADDRINUSE:
        return f"port {port} on {host} is in use by another program; stop it, or choose another: --port {port + 1}"
    if error.errno == errno.EACCES:
        return f"port {port} needs more rights than this user has; choose one of 1024 or above, such as --port 8000"
    return f"cannot listen on {host} port {port}: {error.strerror}; choose another with --host and --port"
