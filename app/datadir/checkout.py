"""Tells which repository a folder belongs to, so that all its checkouts, work trees and sub-folders are one project.

Standard library only, and no `git`: hooks call it, which must be quick. A folder of another machine, or one that is
gone, is judged by its path.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

_WINDOWS = re.compile(r"[A-Za-z]:[\\/]|\\\\")
_WORK_TREE = re.compile(r"(?P<root>.+?)/\.claude/worktrees/[^/]+(?:/.*)?")
# Other agents keep work trees in the person's home: Cursor as REPOSITORY/NAME, Codex as NAME/REPOSITORY.
_WORK_TREE_IN_HOME = re.compile(
    r".*/\.(?:cursor/worktrees/(?P<cursor>[^/]+)/[^/]+|codex/worktrees/[^/]+/(?P<codex>[^/]+)).*"
)
_REMOTE = re.compile(r'^\s*\[remote "([^"]+)"\]\s*$')
_SECTION = re.compile(r"^\s*\[")
_URL = re.compile(r"^\s*url\s*=\s*(.+?)\s*$")
_SCP = re.compile(r"(?:[^@/\s]+@)?([\w.-]+):(?!//)(.+)")
_WITH_SCHEME = re.compile(r"\w[\w+.-]*://(?:[^@/]*@)?([^/:]+)(?::\d+)?/(.+)")
_CONFIG_LIMIT_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Checkout:
    """A folder's repository. root: its main folder. remote: where it comes from, such as github.com/ada/shop."""

    root: str
    remote: str | None = None

    @property
    def identity(self) -> str:
        """Return what tells it from others: its remote; without one its folder and the one above."""
        return self.remote or "/".join(PurePosixPath(self.root).parts[-2:]).lstrip("/")

    @property
    def name(self) -> str:
        """Return the name of its main folder."""
        return PurePosixPath(self.root).name

    @property
    def longer_names(self) -> tuple[str, ...]:
        """Return names for when another repository has its name: with what stands before it in its identity."""
        above = PurePosixPath(self.identity).parts[:-1]
        return tuple("/".join((*above[-count:], self.name)) for count in range(1, len(above) + 1))


def checkout_of(folder: str) -> Checkout | None:
    """Return the repository of a folder; one without is its own. None for a folder without a name."""
    path = _plain(folder)
    if (tree := _WORK_TREE.fullmatch(path)) is not None:
        path = tree["root"]
    elif (tree := _WORK_TREE_IN_HOME.fullmatch(path)) is not None and not Path(path).is_dir():
        name = tree["cursor"] or tree["codex"]
        return Checkout(name)
    checkout = Checkout(*_repository(path))
    return checkout if checkout.name else None


def _plain(folder: str) -> str:
    """Return a path with slashes and without a slash at its end."""
    if _WINDOWS.match(folder):
        folder = folder.replace("\\", "/")
    return str(PurePosixPath(folder))


def _repository(path: str) -> tuple[str, str | None]:
    """Return a repository's main folder and its remote, as far as this machine has them."""
    home = Path.home()
    folder = Path(path)
    for above in (folder, *folder.parents) if folder.is_absolute() else ():
        if above == home or above in home.parents:
            break  # a home that is a repository holds settings, not all the projects below it
        try:
            common = _common(above / ".git")
        except OSError:
            continue
        if common is not None:
            return str(_main(above, common)), _remote(common / "config")
    return path, None


def _common(git: Path) -> Path | None:
    """Return the folder that all work trees of a repository share; None when there is no repository. Raises OSError."""
    if git.is_dir():
        return git
    if not git.is_file():
        return None
    line = _beginning(git)
    if not line.startswith("gitdir:"):
        return None
    own = (git.parent / line.removeprefix("gitdir:").strip()).resolve()
    shared = own / "commondir"
    if shared.is_file():
        return (own / _beginning(shared).strip()).resolve()
    if own.parent.name == "worktrees":
        return own.parent.parent  # git has forgotten this work tree
    return own  # a submodule: a repository of its own


def _beginning(file: Path) -> str:
    with file.open("rb") as opened:
        return opened.read(4_096).decode("utf-8", "replace")


def _main(folder: Path, common: Path) -> Path:
    if common.name == ".git":
        return common.parent
    if ".git" in common.parts and "modules" in common.parts:
        return folder
    return common.with_name(common.name.removesuffix(".git"))  # bare, with work trees


def _remote(config: Path) -> str | None:
    """Return where a repository comes from, such as github.com/ada/shop; None without a remote."""
    try:
        with config.open("rb") as file:
            text = file.read(_CONFIG_LIMIT_BYTES).decode("utf-8", "replace")
    except OSError:
        return None
    urls: dict[str, str] = {}
    remote = None
    for line in text.splitlines():
        if (found := _REMOTE.match(line)) is not None:
            remote = found[1]
        elif _SECTION.match(line):
            remote = None
        elif remote is not None and (found := _URL.match(line)) is not None:
            urls.setdefault(remote, found[1])
    url = urls.get("origin") or next(iter(urls.values()), None)
    return None if url is None else _address(url)


def _address(url: str) -> str:
    """Return host and path of a remote, without user, port and `.git`."""
    found = _WITH_SCHEME.fullmatch(url) or (None if url.startswith("/") else _SCP.fullmatch(url))
    address = f"{found[1]}/{found[2]}" if found is not None else url
    return address.rstrip("/").removesuffix(".git").strip("/").lower()
