"""What a data directory remembers of tokens."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.datadir.token_marker import FILE_NAME, forget, had_token, note

URL = "postgresql://me:made-up@10.0.0.2:5432/memory?sslmode=require&password=x"


def test_a_token_is_remembered_for_its_database_until_it_is_forgotten(tmp_path: Path) -> None:
    directory = str(tmp_path)
    assert not had_token(directory, "")

    note(directory, "")
    assert had_token(directory, "")
    assert not had_token(directory, URL)

    note(directory, URL)
    assert had_token(directory, URL)
    assert not had_token(directory, URL.replace("memory?", "other?"))
    forget(directory)
    assert not had_token(directory, URL)
    forget(directory)


def test_no_part_of_a_password_is_written(tmp_path: Path) -> None:
    note(str(tmp_path), URL)

    assert (tmp_path / FILE_NAME).read_text() == "10.0.0.2:5432/memory\n"


@pytest.mark.parametrize("content", [b"", b"\xff", b"embedded"])
def test_a_damaged_file_says_nothing(tmp_path: Path, content: bytes) -> None:
    (tmp_path / FILE_NAME).write_bytes(content)

    assert not had_token(str(tmp_path), "")


def test_a_folder_that_cannot_be_written_is_no_harm(tmp_path: Path) -> None:
    note(str(tmp_path / "nowhere"), "")
    assert not had_token(str(tmp_path / "nowhere"), "")
