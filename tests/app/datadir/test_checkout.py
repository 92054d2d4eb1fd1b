"""Which repository a folder belongs to: by git's files where they are, else by its path."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from app.datadir.checkout import Checkout, checkout_of


def git(folder: Path, *arguments: str) -> None:
    subprocess.run(
        ["git", "-c", "user.name=ada", "-c", "user.email=ada@example.org", *arguments],
        cwd=folder,
        check=True,
        capture_output=True,
    )


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Return a checkout with a commit and a remote."""
    if shutil.which("git") is None:
        pytest.skip("git is not on PATH")
    folder = tmp_path / "src" / "shop"
    folder.mkdir(parents=True)
    git(folder, "init", "-q")
    git(folder, "commit", "-q", "--allow-empty", "-m", "begin")
    git(folder, "remote", "add", "origin", "git@github.com:Ada/Shop.git")
    return folder


def test_a_folder_inside_a_repository_belongs_to_it(repository: Path) -> None:
    (repository / "web" / "src").mkdir(parents=True)

    assert checkout_of(str(repository / "web" / "src")) == Checkout(str(repository), "github.com/ada/shop")
    assert checkout_of(str(repository / "gone")) == Checkout(str(repository), "github.com/ada/shop")


@pytest.mark.parametrize("forgotten", [False, True])
def test_a_work_tree_belongs_to_its_repository(repository: Path, tmp_path: Path, *, forgotten: bool) -> None:
    git(repository, "worktree", "add", "-q", str(tmp_path / "elsewhere"))
    if forgotten:
        shutil.rmtree(repository / ".git" / "worktrees")

    assert checkout_of(str(tmp_path / "elsewhere")) == Checkout(str(repository), "github.com/ada/shop")


def test_a_work_tree_of_a_bare_repository_belongs_to_it(repository: Path, tmp_path: Path) -> None:
    git(tmp_path, "clone", "-q", "--bare", str(repository), "depot.git")
    git(tmp_path / "depot.git", "remote", "set-url", "origin", "https://token@example.org:8443/ada/depot.git/")
    git(tmp_path / "depot.git", "worktree", "add", "-q", str(tmp_path / "main"))

    assert checkout_of(str(tmp_path / "main")) == Checkout(str(tmp_path / "depot"), "example.org/ada/depot")


def test_a_submodule_is_a_repository_of_its_own(repository: Path, tmp_path: Path) -> None:
    other = tmp_path / "tea"
    other.mkdir()
    git(other, "init", "-q")
    git(other, "commit", "-q", "--allow-empty", "-m", "begin")
    git(repository, "-c", "protocol.file.allow=always", "submodule", "add", "-q", str(other), "lib")

    found = checkout_of(str(repository / "lib"))

    assert found is not None
    assert (found.root, found.remote) == (str(repository / "lib"), str(other).strip("/").lower())


def test_a_home_that_is_a_repository_is_not_the_project_of_all_below_it(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (repository / "tea").mkdir()
    monkeypatch.setattr(Path, "home", lambda: repository)

    assert checkout_of(str(repository / "tea")) == Checkout(str(repository / "tea"))


@pytest.mark.parametrize(
    ("folder", "root", "identity"),
    [
        pytest.param("/home/ada/src/tea", "/home/ada/src/tea", "src/tea", id="a folder that is not here"),
        pytest.param("/home/ada/src/tea/", "/home/ada/src/tea", "src/tea", id="slash at the end"),
        pytest.param("C:\\src\\tea", "C:/src/tea", "src/tea", id="Windows"),
        pytest.param("/src/tea/.claude/worktrees/brave-fox-1a", "/src/tea", "src/tea", id="a work tree of Claude Code"),
        pytest.param("C:\\src\\tea\\.claude\\worktrees\\fox\\web", "C:/src/tea", "src/tea", id="of Windows, inside"),
        pytest.param("/home/ada/.cursor/worktrees/tea/x1", "tea", "tea", id="a work tree of Cursor"),
        pytest.param("/home/ada/.codex/worktrees/x1/tea", "tea", "tea", id="a work tree of Codex"),
        pytest.param("/tea", "/tea", "tea", id="at the top"),
    ],
)
def test_a_folder_that_is_not_here_is_judged_by_its_path(folder: str, root: str, identity: str) -> None:
    found = checkout_of(folder)

    assert found is not None
    assert (found.root, found.identity) == (root, identity)


@pytest.mark.parametrize("folder", ["/", "", "."])
def test_a_folder_without_a_name_has_no_project(folder: str) -> None:
    assert checkout_of(folder) is None


def test_longer_names_have_more_of_what_tells_it_from_others() -> None:
    assert Checkout("/src/api", "github.com/acme/api").longer_names == ("acme/api", "github.com/acme/api")
    assert Checkout("/home/ada/globex/api").longer_names == ("globex/api",)
