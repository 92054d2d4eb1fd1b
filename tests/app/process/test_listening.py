"""The socket a process listens on, or why it cannot."""

from __future__ import annotations

import errno
import socket

import pytest

from app.process.listening import CannotListen, bind, cannot_listen, check_host


@pytest.mark.parametrize(("host", "family"), [("127.0.0.1", socket.AF_INET), ("localhost", socket.AF_INET)])
def test_a_name_with_both_kinds_of_address_is_listened_on_with_ipv4(host: str, family: int) -> None:
    with bind(host, 0) as listener:
        assert listener.family == family
        assert listener.getsockname()[0] == "127.0.0.1"


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="this machine has no IPv6")
def test_all_addresses_of_ipv6_are_those_of_ipv4_too() -> None:
    with bind("::", 0) as listener:
        listener.listen()
        socket.create_connection(("127.0.0.1", listener.getsockname()[1]), 5).close()


def test_a_port_in_use_is_said_with_the_next_one() -> None:
    with bind("127.0.0.1", 0) as first:
        first.listen()
        port = first.getsockname()[1]
        with pytest.raises(OSError) as error:
            bind("127.0.0.1", port)
    assert f"port {port} on 127.0.0.1 is in use" in str(cannot_listen("127.0.0.1", port, error.value))
    assert f"--port {port + 1}" in str(cannot_listen("127.0.0.1", port, error.value))


@pytest.mark.parametrize(
    ("host", "why"),
    [
        ("192.0.2.1", "is not an address of this machine"),
        ("300.1.1.1", "is neither an address nor a host name that resolves"),
        ("no.such.host.invalid", "is neither an address nor a host name that resolves"),
        ("ä" * 70, "is neither an address nor a host name that resolves"),
    ],
)
def test_what_is_no_address_of_this_machine_is_said_so(host: str, why: str) -> None:
    with pytest.raises(CannotListen, match=f"{host}' {why}; use 127.0.0.1, or 0.0.0.0 for all addresses"):
        check_host(host)


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0", "localhost"])
def test_an_address_of_this_machine_is_none_to_complain_of(host: str) -> None:
    check_host(host)


@pytest.mark.parametrize(
    ("number", "says"),
    [(errno.EACCES, "choose one of 1024 or above"), (errno.EPERM, "cannot listen on 127.0.0.1 port 80")],
)
def test_other_reasons_say_what_to_do_too(number: int, says: str) -> None:
    assert says in str(cannot_listen("127.0.0.1", 80, OSError(number, "not permitted")))
