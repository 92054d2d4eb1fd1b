"""The job's identity token."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from ci.errors import CiError
from ci.github.oidc import identity_token, mask, write_private
from tests.support.answering import answering


def test_the_token_is_asked_for_the_audience() -> None:
    with answering() as server:
        server.body = b'{"value": "the token"}'
        environment = {"ACTIONS_ID_TOKEN_REQUEST_URL": f"{server.url}/token?v=1", "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "t"}

        assert identity_token("sts.aliyuncs.com", environment) == "the token"
        [asked] = server.asked
        assert asked.path.endswith("/token?v=1&audience=sts.aliyuncs.com")
        assert asked.headers["authorization"] == "Bearer t"


def test_a_job_without_the_right_is_told_which() -> None:
    with pytest.raises(CiError, match="id-token: write"):
        identity_token("sts.aliyuncs.com", {})


def test_a_refusal_is_one_line_without_the_token() -> None:
    with answering() as server:
        server.status = 403
        environment = {"ACTIONS_ID_TOKEN_REQUEST_URL": server.url, "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "secret"}

        with pytest.raises(CiError, match=r"gave no identity token \(HTTPError\)") as error:
            identity_token("sts.aliyuncs.com", environment)
        assert "secret" not in str(error.value)


@pytest.mark.parametrize("body", [b"{}", b"[]", b"no JSON"])
def test_an_answer_without_a_token_is_one_line(body: bytes) -> None:
    with answering() as server:
        server.body = body
        environment = {"ACTIONS_ID_TOKEN_REQUEST_URL": server.url, "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "t"}

        with pytest.raises(CiError, match="gave no identity token"):
            identity_token("sts.aliyuncs.com", environment)


def test_a_job_hides_the_token_in_its_log(capsys: pytest.CaptureFixture[str]) -> None:
    with answering() as server:
        server.body = b'{"value": "the token"}'
        environment = {"ACTIONS_ID_TOKEN_REQUEST_URL": server.url, "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "t"}

        identity_token("sts.aliyuncs.com", environment)
        assert capsys.readouterr().out == "", "elsewhere nothing would take it out again"
        identity_token("sts.aliyuncs.com", {**environment, "GITHUB_ACTIONS": "true"})
        assert capsys.readouterr().out == "::add-mask::the token\n"


def test_a_secret_is_one_command_whatever_is_in_it(capsys: pytest.CaptureFixture[str]) -> None:
    mask("a%b\nc", {"GITHUB_ACTIONS": "true"})

    assert capsys.readouterr().out == "::add-mask::a%25b%0Ac\n"


def test_no_other_user_can_read_a_file_that_was_there(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("a longer text")
    file.chmod(0o644)

    write_private(file, "text")

    assert (file.read_text(), stat.S_IMODE(file.stat().st_mode)) == ("text", 0o600)


def test_no_other_user_can_read_the_file(tmp_path: Path) -> None:
    write_private(tmp_path / "token", "text")

    assert stat.S_IMODE((tmp_path / "token").stat().st_mode) == 0o600
