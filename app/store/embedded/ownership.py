"""The lock that says which process owns a data directory's PostgreSQL; the kernel frees it when that process ends."""

from __future__ import annotations

import os
from pathlib import Path

from app.datadir.space import NO_SPACE
from app.errors import Conflict
from app.store.embedded import processes

_LOCK_PATIENCE_S = 0.3  # a killed owner keeps its lock until the kernel has reaped it


class Ownership:
    """The lock of one data directory's PostgreSQL."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._lock: int | None = None

    def take(self) -> None:
        """Acquire the lock. Raises Conflict when another process has it."""
        lock = os.open(self._data_dir / "postgres.lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        if not processes.wait_until(lambda: _acquire(lock), patience_s=_LOCK_PATIENCE_S):
            holder = _holder(lock)
            os.close(lock)
            raise Conflict(
                f"{self._data_dir} is in use by {holder}, which runs its PostgreSQL;"
                " stop that process, or set another MEMORY_DATA_DIR"
            )
        self._lock = lock
        try:
            os.ftruncate(lock, 0)
            os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
        except OSError as error:
            if error.errno not in NO_SPACE:  # the pid is for messages only
                raise

    def release(self) -> None:
        """Release the lock; idempotent."""
        if self._lock is not None:
            os.ftruncate(self._lock, 0)
            os.close(self._lock)
            self._lock = None


def _acquire(lock: int) -> bool:
    """Acquire the lock if no one has it; report whether it is ours."""
    import fcntl  # not on Windows

    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _holder(lock: int) -> str:
    """Return a name for the process with the lock; it writes its pid just after locking, so read more than once."""
    pid = 0

    def known() -> bool:
        nonlocal pid
        content = os.pread(lock, 20, 0).strip()
        pid = int(content) if content.isdigit() else 0
        return pid > 0 and processes.exists(pid)

    return f"process {pid}" if processes.wait_until(known, patience_s=0.5) else "another process"
