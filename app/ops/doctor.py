"""Tries every part for real and says how to mend what fails. Works while a server runs and while none does.

Without a running server it starts everything for as long as the checks take, when there is anything to check.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import stat
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from app.errors import MemoryServerError, StoreUnavailable
from app.local.bridge import ask
from app.local.folder import socket_path
from app.local.lock import DataDirectoryLock, holder
from app.logs import Redactor
from app.ops.status import call_tool, shake_hands
from app.settings import Settings

_ASK_TIMEOUT_S = 5.0
_CALL_TIMEOUT_S = 30.0  # as long as a call waits for a server that starts
_START_TIMEOUT_S = 60.0
_LOW_BYTES, _NO_BYTES = 1 << 30, 100 << 20  # PostgreSQL keeps up to 1 GB of log before it recycles
_LAG_S = 60.0  # thousands of changes right after an import are nothing to worry about, old ones are


class State(StrEnum):
    """How a check ended."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Check:
    """One part: what was tried, what came of it, how to mend it."""

    name: str
    state: State
    found: str
    mend: str | None = None


async def examine(settings: Settings) -> list[Check]:
    """Run all checks, those of a running server through its socket."""
    redactor = Redactor.of(settings)
    data_dir = settings.data_dir
    told = await asyncio.to_thread(ask, os.fspath(data_dir), "status", _ASK_TIMEOUT_S)
    checks = [*_data_directory(data_dir), _holder(data_dir, told)]
    if told is not None:
        checks += await asyncio.to_thread(_through_the_socket, data_dir)
    elif holder(data_dir) is None:
        checks += await _by_ourselves(settings)
    checks += [await _embeddings(settings), _clients()]
    return [Check(one.name, one.state, redactor.clean(one.found), one.mend) for one in checks]


def failed(checks: list[Check]) -> bool:
    """Whether anything is broken."""
    return any(check.state is State.FAILED for check in checks)


def to_json(checks: list[Check]) -> dict[str, Any]:
    """Return the report as JSON values."""
    return {"ok": not failed(checks), "checks": [asdict(check) for check in checks]}


def _data_directory(data_dir: Path) -> Iterator[Check]:
    name = "data directory"
    if not data_dir.exists():
        above = next(folder for folder in data_dir.parents if folder.exists())
        if os.access(above, os.W_OK | os.X_OK):
            yield Check(name, State.OK, f"{data_dir} is not there yet; the first start makes it")
        else:
            yield Check(
                name,
                State.FAILED,
                f"{data_dir} cannot be made",
                f"let this user write to {above}, or set MEMORY_DATA_DIR",
            )
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
    free = shutil.disk_usage(data_dir).free
    state = State.FAILED if free < _NO_BYTES else State.WARNING if free < _LOW_BYTES else State.OK
    yield Check(
        "space", state, f"{free / 1e9:.1f} GB free", None if state is State.OK else "free some space on that disk"
    )


def _holder(data_dir: Path, told: dict[str, Any] | None) -> Check:
    name = "server"
    if told is not None:
        where = f" on {told['url']}" if told.get("url") else ""
        return Check(name, State.OK, f"{told.get('mode')} {told['version']} runs, pid {told['pid']}{where}")
    held_by = holder(data_dir)
    if held_by is None:
        return Check(name, State.OK, "none runs; a client that connects starts one")
    pid = held_by.get("pid", "?")
    return Check(
        name,
        State.FAILED,
        f"pid {pid} ({held_by.get('mode', '?')}) holds the data directory and does not answer",
        f"wait if it is a command that works; else end it: kill {pid}",
    )


def _through_the_socket(data_dir: Path) -> list[Check]:
    """Ask the running server as a client does."""
    mend = f"see {data_dir / 'daemon.log'}, then start it anew: end it, and the next client starts one"
    try:
        version = shake_hands(data_dir, _CALL_TIMEOUT_S)["protocolVersion"]
        health = call_tool(data_dir, "memory_health", {"detailed": True}, _CALL_TIMEOUT_S)
    except (MemoryServerError, KeyError) as error:
        return [Check("MCP call", State.FAILED, str(error), mend)]
    checks = [Check("MCP call", State.OK, f"initialize ({version}) and memory_health answered")]
    broken_index = f"{mend}; if it stays so: {_rebuild(data_dir)}"
    for name, part in health["components"].items():
        good = part["status"] == "ok"
        checks.append(
            Check(
                {"postgres": "PostgreSQL"}.get(name, name),
                State.OK if good else State.FAILED,
                part["detail"] or part["status"],
                None if good else broken_index if name == "index" else mend,
            )
        )
    checks.append(_search(data_dir, broken_index))
    numbers = health.get("numbers", {})
    if "index_lag_changes" in numbers:
        checks.append(_lag(numbers, data_dir))
    return checks


def _search(data_dir: Path, mend: str) -> Check:
    """Make a round trip to the index: a search says when it had to do without."""
    try:
        degraded = call_tool(data_dir, "search_memory", {"query": "doctor", "limit": 1}, _CALL_TIMEOUT_S)["degraded"]
    except (MemoryServerError, KeyError) as error:
        return Check("search", State.FAILED, str(error), mend)
    if degraded:
        return Check("search", State.FAILED, "search_memory was answered without the index", mend)
    return Check("search", State.OK, "search_memory was answered from the index")


def _rebuild(data_dir: Path) -> str:
    return f"stop the server, remove the folder {data_dir / 'index'}, start again: it is rebuilt"


def _lag(numbers: dict[str, Any], data_dir: Path) -> Check:
    changes, seconds, memories = (numbers[name] for name in ("index_lag_changes", "index_lag_seconds", "memories"))
    found = f"{changes:,.0f} changes, {seconds:.1f} s behind {memories:,.0f} memories"
    if seconds > _LAG_S:
        mend = f"it catches up by itself; if it does not: {_rebuild(data_dir)}"
        return Check("index lag", State.WARNING, found, mend)
    return Check("index lag", State.OK, found)


async def _by_ourselves(settings: Settings) -> list[Check]:
    """Start what a server starts, try it, and stop it again."""
    if settings.database_url is None and not (settings.data_dir / "postgres" / "cluster").exists():
        return [Check("PostgreSQL", State.OK, "no database yet; the first start makes it")]
    mend = "check DATABASE_URL" if settings.database_url else f"see {settings.data_dir / 'postgres.log'}"
    try:
        async with asyncio.timeout(_START_TIMEOUT_S), _started(settings) as runtime:
            checks = []
            for name, title in (("postgres", "PostgreSQL"), ("index", "index")):
                answer = await runtime.probe(name)
                state = State.OK if answer["ok"] else State.FAILED
                found = f"{answer['detail']} in {answer['milliseconds']:.1f} ms"
                what_to_do = _rebuild(settings.data_dir) if name == "index" else mend
                checks.append(Check(title, state, found, None if answer["ok"] else what_to_do))
            numbers = await runtime.numbers()
            points = next((one.found for one in checks if one.name == "index"), "")
            if numbers.get("memories") and points.startswith("0 points"):
                checks.append(
                    Check(
                        "index count",
                        State.FAILED,
                        f"it is empty beside {numbers['memories']:,} memories",
                        _rebuild(settings.data_dir),
                    )
                )
            return [*checks, _lag(numbers, settings.data_dir)]
    except (MemoryServerError, TimeoutError) as error:
        why = str(error) or f"not up within {_START_TIMEOUT_S:.0f} s"
        return [
            Check(
                "PostgreSQL" if isinstance(error, StoreUnavailable | TimeoutError) else "start", State.FAILED, why, mend
            )
        ]


@contextlib.asynccontextmanager
async def _started(settings: Settings) -> AsyncIterator[Any]:
    """Run the app without its doors, under the lock of the data directory."""
    from app.serve.runtime import Runtime
    from app.store.embedded import EmbeddedPostgres

    lock = DataDirectoryLock(settings.data_dir)
    lock.acquire("", "doctor")
    postgres = None if settings.database_url is not None else EmbeddedPostgres(settings.data_dir)
    try:
        if postgres is not None:
            await asyncio.to_thread(postgres.start)
        runtime = Runtime(settings, postgres)
        try:
            await runtime.start()
            yield runtime
        finally:
            await runtime.stop()
    finally:
        if postgres is not None:
            await asyncio.to_thread(postgres.stop)
        lock.release()


async def _embeddings(settings: Settings) -> Check:
    from app.serve import probes

    if settings.embedding_api_key is None and settings.dashscope_api_key is None:
        return Check("embeddings", State.OK, "no service is set; search works without")
    try:
        return Check("embeddings", State.OK, await probes.embeddings(settings))
    except MemoryServerError as error:
        return Check("embeddings", State.FAILED, str(error), "check EMBEDDING_BASE_URL and EMBEDDING_API_KEY")


def _clients() -> Check:
    """Tell which clients of this user start us."""
    from app.local.clients import CLIENTS, Scope, is_ours
    from app.local.install import Machine
    from app.local.jsonc import Document, NotEditable

    machine, with_us, broken = Machine.here(), [], []
    for client in CLIENTS.values():
        for place in client.places(Scope.USER, machine.platform, machine.home, machine.environ, machine.project):
            try:
                entries = Document(place.file.read_text(encoding="utf-8"), comments=client.comments).get((client.key,))
            except FileNotFoundError:
                continue
            except (OSError, UnicodeDecodeError, NotEditable) as error:
                broken.append(f"{client.title}: {place.file} ({type(error).__name__})")
                continue
            if isinstance(entries, dict) and any(is_ours(entry) for entry in entries.values()):
                with_us.append(client.title)
    found = f"installed in {', '.join(with_us)}" if with_us else "installed in none of this user's clients"
    if broken:
        return Check(
            "clients", State.WARNING, f"{found}; cannot be read: {'; '.join(broken)}", "mend that file by hand"
        )
    return Check("clients", State.OK if with_us else State.WARNING, found, None if with_us else "claude-memory install")
