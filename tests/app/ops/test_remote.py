"""Asking a server elsewhere: with the token, never in the clear, never beyond the address that was given."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from app.errors import NotPermitted, Unavailable
from app.ops import remote
from app.settings.fields import Settings
from tests.support.answering import Answering, answering


@pytest.fixture
def server() -> Iterator[Answering]:
    """A server elsewhere."""
    with answering() as server:
        yield server


@pytest.fixture
def settings(plain_settings: Settings) -> Settings:
    """Settings with a token."""
    return plain_settings.model_copy(update={"memory_token": SecretStr("cm_token")})


def test_the_body_comes_back_and_the_token_goes_along(server: Answering, settings: Settings) -> None:
    server.body = b"\x00 bytes as they are"

    assert remote.get(settings, server.url, "/report?x=1") == b"\x00 bytes as they are"
    [asked] = server.asked
    assert (asked.method, asked.path, asked.headers["authorization"]) == ("GET", "/report?x=1", "Bearer cm_token")


def test_without_a_token_none_is_sent(
    server: Answering, plain_settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login somebody password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))

    remote.get(plain_settings, server.url, "/report")

    assert "authorization" not in server.asked[0].headers


def test_a_redirect_is_not_followed(server: Answering, settings: Settings) -> None:
    server.status, server.headers = 302, {"location": f"{server.url}/elsewhere"}

    with pytest.raises(Unavailable, match="answered 302"):
        remote.get(settings, server.url, "/report")
    assert len(server.asked) == 1


def test_a_token_does_not_cross_the_network_in_the_clear(settings: Settings) -> None:
    with pytest.raises(NotPermitted, match="in the clear"):
        remote.get(settings, "http://memory.example", "/report")


@pytest.mark.parametrize(
    ("status", "body", "message"),
    [
        pytest.param(401, b'{"error": {"message": "no token"}}', "answered 401: no token; set MEMORY_TOKEN", id="401"),
        pytest.param(403, b"no JSON", "answered 403: no reason given; it needs a token with that scope", id="403"),
        pytest.param(500, b"[]", "answered 500: no reason given$", id="500"),
    ],
)
def test_a_refusal_is_told_with_its_reason_and_what_to_do(
    server: Answering, settings: Settings, status: int, body: bytes, message: str
) -> None:
    server.status, server.body = status, body

    with pytest.raises(Unavailable, match=message):
        remote.get(settings, server.url, "/report")


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        pytest.param("http://127.0.0.1:9", "ConnectError", id="nobody there"),
        pytest.param("http://exam\x01ple", "InvalidURL", id="no address"),
        pytest.param("ftp://127.0.0.1", "UnsupportedProtocol", id="another protocol"),
    ],
)
def test_an_address_that_does_not_answer_is_one_line(settings: Settings, url: str, reason: str) -> None:
    settings = settings.model_copy(update={"memory_token": None})

    with pytest.raises(Unavailable, match=rf"does not answer \({reason}\); check the address"):
        remote.get(settings, url, "/report")


def test_a_server_that_says_nothing_is_not_waited_for_long(server: Answering, settings: Settings) -> None:
    server.silent = True

    with pytest.raises(Unavailable, match=rf"does not answer \({httpx.ReadTimeout.__name__}\)"):
        remote.get(settings, server.url, "/report", read_timeout_s=0.05)


def test_a_message_is_posted_as_json(server: Answering, settings: Settings) -> None:
    server.body = b'{"result": 1}'

    assert remote.post(settings, server.url, "/mcp", {"id": 1}) == b'{"result": 1}'
    [asked] = server.asked
    assert (asked.method, asked.path, asked.body.replace(b" ", b"")) == ("POST", "/mcp", b'{"id":1}')
    assert asked.headers["accept"] == "application/json, text/event-stream"
    assert asked.headers["authorization"] == "Bearer cm_token"
