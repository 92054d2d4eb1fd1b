"""Checks the data directory: whether it can be written, its disk space, its socket, and which process holds it."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rich.filesize import decimal

from app.datadir.folder import socket_path
from app.datadir.lock import holder
from app.ops.checks import Check, State
from app.store.embedded.account import NOBODY, OURS

_LOW_BYTES, _NO_BYTES = 1 << 30, 100 << 20  # PostgreSQL keeps up to 1 GB of log before it recycles


def check_data_directory(data_dir: Path) -> Iterator[Check]:
    """Check that this user can write to the directory and that others cannot, nor connect to its socket."""
    name = "data directory"
    if not data_dir.exists():
        yield _check_parent(data_dir)
        return
    try:
        with tempfile.TemporaryFile(dir=data_dir) as file:
            file.write(b"x" * 65_536)
    except OSError as error:
        yield Check(
            name,
            State.FAILED,
            f"{data_dir}: nothing can be written, {error.strerror}",
            "give the folder to this user, free some space, or set MEMORY_DATA_DIR",
        )
        return
    mode = stat.S_IMODE(data_dir.stat().st_mode)
    if mode & 0o022:
        yield Check(name, State.WARNING, f"{data_dir}: others may write there", f"chmod 700 {data_dir}")
    else:
        yield Check(name, State.OK, f"{data_dir}, writable")
    socket_file = Path(socket_path(data_dir))
    if socket_file.exists() and stat.S_IMODE(socket_file.stat().st_mode) & 0o077:
        yield Check("socket", State.FAILED, f"{socket_file}: others may connect", f"chmod 600 {socket_file}")


def _check_parent(data_dir: Path) -> Check:
    """Check that the first start can create the directory."""
    name = "data directory"
    parent = next(folder for folder in data_dir.parents if folder.exists())
    if os.access(parent, os.W_OK | os.X_OK):
        return Check(name, State.OK, f"{data_dir} does not exist yet; the first start creates it")
    return Check(
        name,
        State.FAILED,
        f"{data_dir} cannot be created",
        f"let this user write to {parent}, or set MEMORY_DATA_DIR",
    )


def check_space(data_dir: Path) -> Check:
    """Check how much of the disk is free."""
    free = shutil.disk_usage(data_dir).free
    state = State.FAILED if free < _NO_BYTES else State.WARNING if free < _LOW_BYTES else State.OK
    remedy = None if state is State.OK else "free some space on that disk"
    return Check("space", state, f"{decimal(free)} free", remedy)


def check_postgres_user(data_dir: Path) -> Check | None:
    """Say whom the embedded PostgreSQL runs as where root starts it; None where that is the user itself."""
    cluster = data_dir / "postgres" / "cluster"
    if not hasattr(os, "geteuid") or os.geteuid() != 0 or not cluster.exists():
        return None
    name, uid = "PostgreSQL's user", cluster.stat().st_uid
    if uid in OURS:
        return Check(name, State.OK, f"{uid}, which only this data directory's PostgreSQL runs as")
    who = "nobody, and other programs that run as nobody could read all memories" if uid == NOBODY else str(uid)
    return Check(name, State.WARNING, f"runs as {who}", "restart the server: it takes a user of its own")


def check_holder(data_dir: Path, status: dict[str, Any] | None, *, keeps_data: bool) -> Check:
    """Report what runs on the directory. status: what it answered over its socket; None: nothing answered.

    keeps_data: whether memories or index are there; otherwise servers on other machines may serve the same ones.
    """
    name = "server"
    if status is not None:
        where = f" on {status['url']}" if status.get("url") else ""
        return Check(name, State.OK, f"{status.get('mode')} {status['version']} runs, pid {status['pid']}{where}")
    held_by = holder(data_dir)
    if held_by is None:
        found = "none runs; a client that connects starts one" if keeps_data else "none here: the stores are asked"
        return Check(name, State.OK, found)
    pid = held_by.get("pid", "?")
    return Check(
        name,
        State.FAILED,
        f"pid {pid} ({held_by.get('mode', '?')}) holds the data directory and does not answer",
        f"wait if it is a command that is still working; else end it: kill {pid}",
    )
