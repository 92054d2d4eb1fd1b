"""How a deployed app is reached: an address that a token may be sent to, and the token on a request."""

from __future__ import annotations

from pathlib import Path

import pytest
import requests

from infra.command_errors import WrongUsage
from infra.reaching import Bearer, checked_address, read_token


@pytest.mark.parametrize("url", ["https://memory.example/", "http://127.0.0.1:8000", "http://localhost"])
def test_an_address_that_a_token_may_go_to(url: str) -> None:
    assert checked_address(url, "it") == url.rstrip("/")


@pytest.mark.parametrize("url", ["http://memory.example", "memory.example", "", "ftp://memory.example"])
def test_other_addresses_are_refused(url: str) -> None:
    with pytest.raises(WrongUsage, match="must begin with https"):
        checked_address(url, "it")


def test_a_file_with_a_token_gives_it(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("cm_made-up\n", encoding="utf-8")

    assert read_token(tmp_path / "token") == "cm_made-up"


@pytest.mark.parametrize("text", ["", "two words", "é"])
def test_a_file_with_anything_else_is_refused_without_showing_it(text: str, tmp_path: Path) -> None:
    (tmp_path / "token").write_text(text, encoding="utf-8")

    with pytest.raises(WrongUsage, match="--token-file") as refused:
        read_token(tmp_path / "token")
    assert not text or text not in str(refused.value)


def test_the_token_becomes_a_header() -> None:
    request = requests.Request("GET", "https://memory.example", auth=Bearer("cm_made-up")).prepare()

    assert request.headers["Authorization"] == "Bearer cm_made-up"
