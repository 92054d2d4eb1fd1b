"""Publishing to the MCP registry: the job's identity is exchanged for a session, and the file is sent with it."""

from __future__ import annotations

import json

import pytest

from ci.errors import CiError
from ci.github.mcp_registry import publish
from tests.support.answering import Answering, answering

SERVER = {"name": "io.github.ours/claude-memory", "version": "1.2.3"}


def job(server: Answering) -> dict[str, str]:
    return {"ACTIONS_ID_TOKEN_REQUEST_URL": f"{server.url}/token", "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "t"}


def test_the_file_is_published_as_the_job() -> None:
    with answering() as server:
        server.body = b'{"value": "identity", "registry_token": "session"}'

        publish(SERVER, job(server), server.url)

        identity, exchange, publication = server.asked
        assert "audience=http" in identity.path
        assert (exchange.path, json.loads(exchange.body)) == ("/v0/auth/github-oidc", {"oidc_token": "identity"})
        assert (publication.path, json.loads(publication.body)) == ("/v0/publish", SERVER)
        assert publication.headers["authorization"] == "Bearer session"


def test_a_refusal_says_what_the_registry_said() -> None:
    with answering() as token, answering() as registry:
        token.body = b'{"value": "identity"}'
        registry.status, registry.body = 400, b'{"title": "Bad Request", "detail": "version exists"}'

        with pytest.raises(CiError, match=r"refused .*/v0/auth/github-oidc with 400: .*version exists"):
            publish(SERVER, job(token), registry.url)


def test_a_refusal_is_shown_without_a_token() -> None:
    with answering() as token, answering() as registry:
        token.body = b'{"value": "identity"}'
        registry.status, registry.body = 401, b'{"detail": "identity is not eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0.c2ln"}'

        with pytest.raises(CiError, match=r"with 401: \{\"detail\": \"\[token\] is not \[token\]\"\}"):
            publish(SERVER, job(token), registry.url)


@pytest.mark.parametrize("body", [b"{}", b"[]", b"no JSON"])
def test_an_answer_without_a_session_is_one_line(body: bytes) -> None:
    with answering() as token, answering() as registry:
        token.body, registry.body = b'{"value": "identity"}', body

        with pytest.raises(CiError, match="gave no session"):
            publish(SERVER, job(token), registry.url)


def test_a_job_hides_both_tokens_in_its_log(capsys: pytest.CaptureFixture[str]) -> None:
    with answering() as server:
        server.body = b'{"value": "identity", "registry_token": "session"}'

        publish(SERVER, {**job(server), "GITHUB_ACTIONS": "true"}, server.url)

    assert capsys.readouterr().out == "::add-mask::identity\n::add-mask::session\n"


def test_a_registry_that_is_away_is_one_line() -> None:
    with answering() as token:
        token.body = b'{"value": "identity"}'

        with pytest.raises(CiError, match=r"did not answer \(ConnectionError\); run the job again"):
            publish(SERVER, job(token), "http://127.0.0.1:9")
