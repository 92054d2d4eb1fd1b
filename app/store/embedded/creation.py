"""Creates a cluster: a complete one on disk, or none."""

from __future__ import annotations

import os
import signal
import stat
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from app.datadir.space import shortage
from app.durable import sync
from app.errors import StoreFull, StoreUnavailable
from app.store.embedded import processes, settling
from app.store.embedded.account import Account
from app.store.embedded.cluster import Cluster, closing_descriptor
from app.store.embedded.configuration import FIRST_STATEMENTS

_NEW_BYTES = 48 << 20  # a new cluster takes 32 MB
_PATIENCE_S = 120.0  # usually half a second; a slow disk may need more
_INITDB = (
    *("--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C"),
    *("--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
    "--wal-segsize=4",  # the first start takes 100 ms less than with the default 16, and uses less disk
    "--no-sync",  # _flush does it in a fifth of the time
    "--no-instructions",
    *("-c", "shared_buffers=32MB", "-c", "max_connections=40"),  # otherwise initdb tries out what the machine allows
)
_SINGLE_USER = ("-j", "-c", "log_checkpoints=off", "template1")  # -j: an empty line ends a statement


def create(cluster: Cluster, programs: Path, stopped: Callable[[], bool]) -> None:
    """Create the cluster beside its final path, then rename it, so that a killed start leaves none instead of half.

    stopped: polled meanwhile; True stops the creation. Only the owner of the data directory may call this.
    """
    import shutil  # takes 4 ms, needed once

    _make_home(cluster)
    for old in cluster.home.glob("cluster.new-*"):
        shutil.rmtree(old, ignore_errors=True)
    if problem := shortage(cluster.home, _NEW_BYTES):
        raise StoreFull(f"the embedded PostgreSQL cannot be created in {cluster.data_dir}: {problem}")
    draft = cluster.home / f"cluster.new-{os.getpid()}-{time.time_ns()}"  # the initdb of a killed start may still write
    draft.mkdir(mode=0o700)
    account = cluster.account
    creator = settling.named() if account.switched else account
    creator.give(draft)
    try:
        _fill(cluster, creator, draft, programs, stopped)
        if account.switched:
            settling.hand_over(draft, creator.uid, account)
        _flush(draft)
        draft.rename(cluster.path)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    sync(cluster.home)
    sync(cluster.data_dir)


def _fill(cluster: Cluster, creator: Account, draft: Path, programs: Path, stopped: Callable[[], bool]) -> None:
    name = cluster.name_inside(draft)
    _run_program(cluster, creator, [programs / "initdb", "-D", name, *_INITDB], draft, stopped)
    single: list[str | Path] = [programs / "postgres", "--single", "-D", name, *_SINGLE_USER]
    _run_program(cluster, creator, single, draft, stopped, FIRST_STATEMENTS)


def _make_home(cluster: Cluster) -> None:
    mode = 0o711 if cluster.account.switched else 0o700
    cluster.home.mkdir(exist_ok=True)
    if stat.S_IMODE(cluster.home.stat().st_mode) != mode:
        cluster.home.chmod(mode)  # the umask reduces mkdir's mode


def _run_program(
    cluster: Cluster,
    creator: Account,
    arguments: Sequence[str | Path],
    folder: Path,
    stopped: Callable[[], bool],
    statements: str = "",
) -> None:
    """Run a program to its end with statements as input and the server's log as output."""
    with closing_descriptor(cluster.open_log()) as log, _pipe_with(statements) as stdin:
        begin = os.fstat(log).st_size
        child = processes.spawn(
            arguments, account=creator, folder=folder, log=log, stdin=stdin, death_signal=signal.SIGTERM
        )
        try:
            processes.wait_until(lambda: stopped() or child.poll() is not None, patience_s=_PATIENCE_S)
        finally:
            if child.poll() is None:
                child.terminate()
            status = child.wait()
    output = cluster.last_words(begin)
    if stopped():
        raise StoreUnavailable("the embedded PostgreSQL was stopped while it was being created")
    if status or "ERROR" in output or "FATAL" in output:  # single-user mode reports a failed statement only in the log
        raise cluster.explain(f"could not be created ({Path(arguments[0]).name})", output)


@contextmanager
def _pipe_with(text: str) -> Iterator[int]:
    """Lend the reading end of a pipe that contains a short text."""
    reading, writing = os.pipe()
    with closing_descriptor(writing):
        os.write(writing, text.encode())
    with closing_descriptor(reading):
        yield reading


def _flush(folder: Path) -> None:
    """Sync a whole folder to disk: by syncfs if available (30 ms), else by a thousand fsyncs (170 ms or more)."""
    if sys.platform == "linux":
        import ctypes

        with closing_descriptor(os.open(folder, os.O_RDONLY)) as descriptor:
            if ctypes.CDLL(None).syncfs(descriptor) == 0:
                return
    for root, _, files in os.walk(folder):
        for name in files:
            sync(Path(root, name))
        sync(Path(root))
