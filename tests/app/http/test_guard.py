"""Which names and origins may reach the server."""

from __future__ import annotations

from typing import Any

import pytest

from app.http.guard import BadHeader, Guard, HostRefused, OriginRefused, host_name
from app.settings.fields import Settings


def guard(**settings: Any) -> Guard:
    return Guard.of(Settings(_env_file=None, **settings))


@pytest.mark.parametrize(
    "host",
    ["localhost", "LOCALHOST:8000", "127.0.0.1", "127.0.0.1:1", "127.9.9.9", "[::1]:8000", "[::1]", "localhost."],
)
def test_loopback_takes_its_own_names_at_any_port(host: str) -> None:
    guard().check([host.encode()], [])


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8000",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "evil@localhost",
        "",
        " ",
        "localhost:x",
        "localhost:99999",
        "[::1",
        "localhost/..",
        "a b",
        "localhost,evil",
        "10.0.0.1",
        "ÿ",
        "\x00",
    ],
)
def test_loopback_refuses_every_other_name(host: str) -> None:
    with pytest.raises(HostRefused, match="ALLOWED_HOSTS"):
        guard().check([host.encode("latin-1")], [])


def test_named_hosts_are_taken_beside_loopback() -> None:
    named = guard(allowed_hosts="memory.example, other.example:444", host="0.0.0.0", auth="required")

    for host in (b"memory.example", b"Memory.Example:8443", b"other.example", b"localhost"):
        named.check([host], [])
    with pytest.raises(HostRefused):
        named.check([b"10.0.0.1"], [])


def test_with_tokens_required_beyond_loopback_any_name_is_taken() -> None:
    guard(host="0.0.0.0", auth="required").check([b"whatever.example"], [])


def test_without_tokens_beyond_loopback_no_name_that_dns_could_rebind_is_taken() -> None:
    bare = guard(host="0.0.0.0", auth="off")

    for host in (b"10.1.2.3:8000", b"[2001:db8::1]", b"memory:8000", b"localhost"):
        bare.check([host], [])
    with pytest.raises(HostRefused):
        bare.check([b"evil.example"], [])


@pytest.mark.parametrize(
    ("hosts", "origins"), [([], []), ([b"localhost", b"localhost"], []), ([b"localhost"], [b"http://localhost"] * 2)]
)
def test_headers_that_may_come_once_come_once(hosts: list[bytes], origins: list[bytes]) -> None:
    with pytest.raises(BadHeader):
        guard().check(hosts, origins)


@pytest.mark.parametrize(
    "origin",
    ["http://localhost:6274", "https://127.0.0.1", "http://[::1]:3000", "https://app.example", "HTTPS://APP.example"],
)
def test_loopback_and_named_origins_may_call(origin: str) -> None:
    guard(allowed_origins="https://app.example/").check([b"localhost"], [origin.encode()])


@pytest.mark.parametrize(
    "origin",
    [
        "null",
        "http://evil.example",
        "https://app.example.evil.example",
        "http://app.example",
        "file://",
        "",
        "x",
        "http://[::1",
        "http://localhost.evil.example",
        "http://localhost@evil.example",
        "ÿ",
    ],
)
def test_other_origins_may_not(origin: str) -> None:
    with pytest.raises(OriginRefused, match="ALLOWED_ORIGINS"):
        guard(allowed_origins="https://app.example").check([b"localhost"], [origin.encode("latin-1")])


def test_cors_is_off_until_it_is_asked_for() -> None:
    assert guard(allowed_origins="https://app.example").preflight_headers([b"https://app.example"]) == []


def test_cors_names_the_origin_and_never_all_of_them_or_credentials() -> None:
    allowing = guard(enable_cors=True, allowed_origins="https://app.example")
    origin = [b"https://app.example"]
    headers = dict(allowing.cors_headers(origin) + allowing.preflight_headers(origin))

    assert headers[b"access-control-allow-origin"] == b"https://app.example"
    assert headers[b"vary"] == b"Origin", "a cache must not give one origin's answer to another"
    assert b"mcp-session-id" in headers[b"access-control-expose-headers"]
    assert b"authorization" in headers[b"access-control-allow-headers"]
    assert b"access-control-allow-credentials" not in headers


def test_cors_answers_no_other_origin() -> None:
    allowing = guard(enable_cors=True, allowed_origins="https://app.example")

    for origins in ([b"https://evil.example"], [b"null"], [], [b"https://app.example"] * 2):
        assert allowing.preflight_headers(origins) == []
        assert allowing.cors_headers(origins) == []


def test_the_name_of_a_host_header_is_read_strictly() -> None:
    assert host_name("Example.COM:80") == "example.com"
    assert host_name("[::1]:80") == "::1"
    assert host_name("a:b") is None
