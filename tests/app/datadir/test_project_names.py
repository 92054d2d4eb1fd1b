"""The names of projects: the first repository keeps the folder's name, the next one gets a longer one."""

from __future__ import annotations

import fcntl
import json
from pathlib import Path

import pytest

from app.datadir.project_names import FILE_NAME, NamesUnreadable, ProjectNames


def checkout(folder: Path, remote: str | None) -> str:
    """Make what is looked at of a repository, and return its path."""
    (folder / ".git").mkdir(parents=True)
    if remote is not None:
        (folder / ".git" / "config").write_text(f'[core]\n\tbare = false\n[remote "origin"]\n\turl = {remote}\n')
    return str(folder)


def test_two_repositories_of_one_folder_name_are_two_projects(tmp_path: Path) -> None:
    names = ProjectNames(tmp_path / "data")
    acme = checkout(tmp_path / "a" / "api", "https://github.com/acme/api")
    globex = checkout(tmp_path / "b" / "api", "https://github.com/globex/api.git")
    third = checkout(tmp_path / "c" / "api", None)

    assert [names.of(folder) for folder in (acme, globex, third)] == ["api", "globex/api", "c/api"]
    assert [ProjectNames(tmp_path / "data").of(folder) for folder in (third, acme, globex)] == [
        "c/api",
        "api",
        "globex/api",
    ]


def test_a_checkout_under_another_name_is_the_same_project(tmp_path: Path) -> None:
    names = ProjectNames(None)
    first = checkout(tmp_path / "shop", "git@github.com:ada/shop.git")
    renamed = checkout(tmp_path / "shop-2", "https://ada:secret@github.com/ada/shop")

    assert [names.of(folder) for folder in (first, renamed)] == ["shop", "shop"]
    assert names.repositories() == {"shop": ["github.com/ada/shop"]}


def test_a_folder_keeps_its_name_when_it_becomes_a_repository_and_when_it_is_gone(tmp_path: Path) -> None:
    folder = tmp_path / "src" / "shop"
    names = ProjectNames(tmp_path / "data")
    before = names.of(str(folder))
    checkout(folder, "https://github.com/ada/shop")
    during = ProjectNames(tmp_path / "data").of(str(folder))
    (folder / ".git" / "config").unlink()
    (folder / ".git").rmdir()
    after = ProjectNames(tmp_path / "data").of(str(folder))

    assert (before, during, after) == ("shop", "shop", "shop")


def test_a_renamed_project_keeps_its_repositories(tmp_path: Path) -> None:
    names = ProjectNames(tmp_path / "data")
    shop, api = (checkout(tmp_path / name, f"https://github.com/ada/{name}") for name in ("shop", "api"))
    assert (names.of(shop), names.of(api)) == ("shop", "api")

    names.rename("api", "shop")

    assert [ProjectNames(tmp_path / "data").of(folder) for folder in (shop, api)] == ["shop", "shop"]
    assert names.of(api) == "shop"


def test_no_file_is_written_where_there_is_no_data_directory(tmp_path: Path) -> None:
    assert ProjectNames(None).of("/home/ada/tea") == "tea"
    assert list(tmp_path.iterdir()) == []


def test_the_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    ProjectNames(tmp_path).of("/home/ada/tea")

    assert (tmp_path / FILE_NAME).stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("content", ["no JSON", "[]", json.dumps({"projects": {"a": 1}, "folders": {}})])
def test_a_damaged_file_is_told_and_stays(tmp_path: Path, content: str) -> None:
    (tmp_path / FILE_NAME).write_text(content)

    with pytest.raises(NamesUnreadable, match="repair it or remove it"):
        ProjectNames(tmp_path).of("/home/ada/tea")
    assert (tmp_path / FILE_NAME).read_text() == content


def test_without_the_lock_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = ProjectNames(tmp_path)
    names.of(checkout(tmp_path / "a" / "api", "https://github.com/acme/api"))
    before = (tmp_path / FILE_NAME).read_bytes()
    monkeypatch.setattr("app.datadir.project_names._WAIT_S", 0.05)

    with (tmp_path / f".{FILE_NAME}.lock").open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(NamesUnreadable, match="held by another process"):
            ProjectNames(tmp_path).rename("api", "other")

    assert (tmp_path / FILE_NAME).read_bytes() == before
