"""EmbeddedPostgres: runs a data directory's PostgreSQL and keeps it running while this process lives."""

from __future__ import annotations

import atexit
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from app.datadir.space import shortage, words_for
from app.errors import MemoryServerError, StoreFull, StoreUnavailable
from app.store.embedded import binaries, processes
from app.store.embedded.cluster import Cluster, closing_descriptor
from app.store.embedded.configuration import DATABASE, PORT, USER
from app.store.embedded.ownership import Ownership
from app.store.embedded.reserve import WRITES_NEED_BYTES, Reserve

# A start after a crash replays at most max_wal_size of log; on a slow disk that takes minutes.
_START_PATIENCE_S = 180.0
# How long to retry a start while something we cannot see (old backends, another container) holds the files.
_HELD_PATIENCE_S = 10.0
_HELD = ("pre-existing shared memory block", 'postmaster.pid" already exists')
_STOP_STEPS = (("SIGINT", 10.0), ("SIGQUIT", 5.0), ("SIGKILL", 15.0))  # fast, immediate, by force
_STABLE_S = 5.0  # after running this long, a failure no longer counts as repeated
_LONGEST_PAUSE_S = 5.0


class EmbeddedPostgres:
    """One PostgreSQL on a Unix socket, for one data directory, owned by one process.

    All methods may be called from any thread. `connect_args` and `dsn` work before the start: they are the same in
    every process of this user on this data directory.

    The first start may fail. After it, a server that dies is restarted until that succeeds, since the cause, such as
    a full disk, may pass.

    waits_for_space: on a disk without space, even the first start is tried until it succeeds or `stop` is called.

    on_event: called from the supervisor's thread with a line when the server is created, when it dies, each time
    another reason keeps it from starting, and when it runs again.
    longest_pause_s: the longest wait before a start, after starts that failed.
    failure: why the server does not run now. restarts: number of restarts of a dead server.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        on_event: Callable[[str], None] | None = None,
        longest_pause_s: float = _LONGEST_PAUSE_S,
        waits_for_space: bool = False,
    ) -> None:
        self.data_dir = data_dir.absolute()
        self.failure: StoreUnavailable | None = None
        self.restarts = 0
        self._on_event = on_event
        self._longest_pause_s = longest_pause_s
        self._waits_for_space = waits_for_space
        self._guard = threading.Lock()  # one start or stop at a time
        self._stopping = threading.Event()
        self._settled = threading.Event()  # the first start succeeded or failed
        self._came_up = False  # it succeeded
        self._supervisor: threading.Thread | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._ready = False
        self._ownership = Ownership(self.data_dir)
        self._files: Cluster | None = None

    @property
    def connect_args(self) -> dict[str, Any]:
        """Arguments of asyncpg.connect; all of them, so that a PGPORT in the environment has no effect."""
        return {"host": str(self._cluster.sockets), "port": PORT, "user": USER, "database": DATABASE}

    @property
    def dsn(self) -> str:
        """The same as a URL, also for psql and pg_dump."""
        from urllib.parse import quote

        folder = quote(str(self._cluster.sockets), safe="")
        return f"postgresql:///{DATABASE}?host={folder}&port={PORT}&user={USER}"

    @property
    def running(self) -> bool:
        """Whether the server accepts connections, as far as the supervisor knows."""
        return self._ready and self.pid is not None

    @property
    def pid(self) -> int | None:
        """The postmaster's pid; None while it does not run."""
        process = self._process
        return process.pid if process is not None and process.returncode is None else None

    def start(self) -> None:
        """Start the server, creating the database if there is none; return when it accepts connections.

        Raises Conflict when another process owns the data directory, StoreUnavailable when it cannot start.
        Does nothing if it runs, or is being restarted.
        """
        with self._guard:
            if self._supervisor is not None and self._supervisor.is_alive():
                return
            self._ownership.release()  # of a supervisor that ended by an internal error
            try:
                self._take_ownership()
                self._begin()
            except BaseException as error:  # even a KeyboardInterrupt must leave no server
                self._end()
                if isinstance(error, OSError):
                    raise self._unusable(error) from error
                raise
            atexit.register(self.stop)

    def shortage(self) -> str | None:
        """Return why nothing more should be stored on the disk now, in one line without its path; None if it can be."""
        try:
            problem = shortage(self.data_dir, WRITES_NEED_BYTES)
        except OSError:  # it is not there: PostgreSQL's own trouble
            return None
        if problem is None and self._ready:
            self._reserve.keep()
        return problem

    def refusal(self, writes: bool) -> StoreUnavailable | None:
        """Return why the server must not be asked now, None if it may be. writes: whether for a user's data."""
        if (failure := self.failure) is not None and self._supervisor is not None:
            return type(failure)(f"{failure}; nothing of this call was stored")
        if writes and (problem := self.shortage()):
            return StoreFull(f"{problem}; nothing of this call was stored, searching still works")
        return None

    def stop(self) -> None:
        """Stop the server, or a start in progress; return when none of its processes is left. Idempotent."""
        self._stopping.set()
        with self._guard:
            self._end()
            atexit.unregister(self.stop)

    @property
    def _reserve(self) -> Reserve:
        return Reserve(self._cluster.home)

    @property
    def _cluster(self) -> Cluster:
        if self._files is None:
            self._files = Cluster.of(self.data_dir)
        return self._files

    def _take_ownership(self) -> None:
        """Create the data directory if it is missing, and take ownership of it."""
        if sys.platform == "win32":
            raise StoreUnavailable("the embedded PostgreSQL runs on Linux and macOS; set DATABASE_URL to a server")
        self.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._ownership.take()

    def _begin(self) -> None:
        """Start the supervisor and wait until its first start succeeds or fails."""
        self.failure = None
        self._stopping.clear()
        self._settled.clear()
        self._came_up = False
        self._supervisor = threading.Thread(target=self._supervise, name="postgres", daemon=True)
        self._supervisor.start()
        self._settled.wait()
        if self.failure is not None and not self._came_up:
            raise self.failure

    def _end(self) -> None:
        """End server and supervisor with stronger and stronger signals, then release the data directory."""
        self._stopping.set()
        supervisor = self._supervisor
        for name, patience_s in _STOP_STEPS:
            if supervisor is None or not supervisor.is_alive():
                break
            if (process := self._process) is not None:
                process.send_signal(getattr(signal, name))
            supervisor.join(patience_s)
        self._supervisor = None
        self._ownership.release()

    def _supervise(self) -> None:
        """Run the supervisor thread, the server's parent: when it ends, Linux ends the server."""
        try:
            self._keep_running()
        except StoreUnavailable as error:
            self.failure = error
        except OSError as error:
            self.failure = self._unusable(error)
        finally:
            self._ready = False
            if self.failure is None and not self._stopping.is_set():
                self.failure = StoreUnavailable("the supervisor of PostgreSQL ended by an internal error; start again")
            elif self.failure is None and not self._settled.is_set():
                self.failure = StoreUnavailable("the embedded PostgreSQL was stopped while it was starting")
            if self.failure is not None and self._settled.is_set():
                self._report(str(self.failure))
            self._settled.set()

    def _keep_running(self) -> None:
        pause = _Pause(self._longest_pause_s)
        programs: Path | None = None
        while not self._stopping.is_set():
            lived_s = 0.0
            try:
                programs = programs or self._prepared()
                process = self._launch(programs)
            except (MemoryServerError, OSError, subprocess.SubprocessError) as error:
                reason = self._unusable(error) if isinstance(error, OSError) else error
                is_full = isinstance(reason, StoreFull)
                if not self._came_up and not (is_full and self._waits_for_space):
                    raise
                if is_full:
                    self._reserve.give_up()
                failure = (StoreFull if is_full else StoreUnavailable)(
                    f"PostgreSQL could not be started: {reason}; starting it again"
                )
            else:
                began = time.monotonic()
                self._note_running()
                ending = _ending(process.wait())
                self._ready = False
                lived_s = time.monotonic() - began
                failure = StoreUnavailable(f"PostgreSQL {ending}; starting it again")
            if self._stopping.is_set():
                break
            before, self.failure = self.failure, failure
            if str(before) != str(failure):  # report a disk that stays full once
                self._report(str(failure))
            self._stopping.wait(pause.next(lived_s=lived_s))
        self.failure = None
        self._end_left_overs()

    def _prepared(self) -> Path:
        """Make the cluster ready to start, and return the folder of its programs."""
        if self._cluster.account.switched:
            from app.store.embedded.settling import settle

            settle(self._cluster)
        programs = binaries.find(self._cluster.account, self.data_dir)
        if not self._cluster.path.exists():
            from app.store.embedded.creation import create

            create(self._cluster, programs, self._stopping.is_set)
            self._report(f"created a PostgreSQL database in {self._cluster.path}")
        self._cluster.prepare()
        return programs

    def _note_running(self) -> None:
        """Record that the server accepts connections."""
        again, self._came_up, self.failure = self._came_up, True, None
        self.restarts += again
        self._reserve.keep()
        self._ready = True
        self._settled.set()
        if again:
            self._report("PostgreSQL runs again")

    def _launch(self, programs: Path) -> subprocess.Popen[bytes]:
        """Start the postmaster and wait until it accepts connections.

        An old backend that we cannot see, or a server in another container, may still hold the files for a moment:
        PostgreSQL then refuses to start, so retry for a while.
        """
        deadline = time.monotonic() + _HELD_PATIENCE_S
        while True:
            self._end_left_overs()
            with closing_descriptor(self._cluster.open_log()) as log:
                begin = os.fstat(log).st_size
                process = self._process = processes.spawn(
                    self._cluster.command(programs),
                    account=self._cluster.account,
                    folder=self._cluster.path,
                    log=log,
                )
            if self._became_ready(process):
                return process
            output = self._cluster.last_words(begin)
            held = any(words in output for words in _HELD)
            if self._stopping.is_set() or not held or time.monotonic() > deadline:
                raise self._cluster.explain("does not start", output)
            self._stopping.wait(0.1)

    def _became_ready(self, process: subprocess.Popen[bytes]) -> bool:
        """Wait until the server is ready; if it does not become ready, end it."""

        def decided() -> bool:
            return process.poll() is not None or self._cluster.postmaster() == (process.pid, True)

        processes.wait_until(lambda: decided() or self._stopping.is_set(), patience_s=_START_PATIENCE_S)
        if process.poll() is None and self._cluster.postmaster() == (process.pid, True):
            return True
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            with suppress(subprocess.TimeoutExpired):
                process.wait(10)
        if process.poll() is None:
            process.kill()
            process.wait()
        return False

    def _end_left_overs(self) -> None:
        """Remove everything of an earlier server: its processes and its stale locks."""
        postmaster = self._cluster.postmaster()
        if postmaster is not None:
            processes.end_left_overs(self._cluster.mark, self._cluster.account, postmaster[0])
        self._cluster.clear_stale_locks()

    def _unusable(self, error: OSError) -> StoreUnavailable:
        if words_for(error):
            return self._cluster.full(error, "cannot be used")
        where = error.filename or self.data_dir
        return StoreUnavailable(
            f"cannot use {where} for the embedded PostgreSQL: {error.strerror or error};"
            " it must be a folder that this user can write to; fix it, or set another MEMORY_DATA_DIR"
        )

    def _report(self, line: str) -> None:
        if self._on_event is not None:
            with suppress(Exception):  # an error in the callback must not end the supervision
                self._on_event(line)


class _Pause:
    """How long to wait before the next start: not at all after a long run, then twice as long each time."""

    def __init__(self, longest_s: float) -> None:
        self._longest_s = longest_s
        self._next_s = 0.0

    def next(self, *, lived_s: float) -> float:
        pause_s = 0.0 if lived_s > _STABLE_S else self._next_s
        self._next_s = min(self._longest_s, pause_s * 2 or 0.1)
        return pause_s


def _ending(status: int) -> str:
    if status < 0:
        return f"was ended by {signal.Signals(-status).name}"
    return f"ended by itself (status {status})"
