"""The address of a server elsewhere, and the file with the token for it."""

from __future__ import annotations

from argparse import ArgumentTypeError, Namespace
from pathlib import Path

import pytest

from app.commands.remote import server_url, token_of
from app.errors import InvalidInput


def test_a_token_is_read_without_the_end_of_its_line(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("cm_abc\n")

    assert token_of(Namespace(token_file=str(tmp_path / "token"))) == "cm_abc"
    assert token_of(Namespace(token_file=None)) is None


@pytest.mark.parametrize("content", [b"", b"\n", b"two words", b"a\nb", "ä".encode(), b"a\x00b"])
def test_a_file_with_anything_else_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "token").write_bytes(content)

    with pytest.raises(InvalidInput, match="a file with a token and nothing else"):
        token_of(Namespace(token_file=str(tmp_path / "token")))


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="No such file"):
        token_of(Namespace(token_file=str(tmp_path / "token")))


def test_an_address_with_a_password_is_refused_without_showing_it() -> None:
    assert server_url("https://memory.example") == "https://memory.example"
    with pytest.raises(ArgumentTypeError) as refused:
        server_url("https://me:hidden@memory.example")
    assert "hidden" not in str(refused.value)
