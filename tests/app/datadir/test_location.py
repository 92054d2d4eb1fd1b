"""Where the data directory is, as text."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.datadir.location import data_directory_name


@pytest.mark.parametrize("given", ["here", "./here", "~/there", "/a/b", "../x"])
def test_a_given_directory_is_the_one_that_pathlib_makes_of_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, given: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))

    assert Path(data_directory_name(given)) == Path(given).expanduser().absolute()


def test_a_home_that_is_not_there_is_an_error() -> None:
    with pytest.raises(RuntimeError, match="~nobody-of-that-name"):
        data_directory_name("~nobody-of-that-name/data")
