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
from urllib.parse import urlsplit

from rich.filesize import decimal

from app import __version__
from app.bridge.protocol import ask
from app.clients.conversation import NoConversation, OverHttp, Refused, Told, converse, over_bridge
from app.datadir.folder import socket_path
from app.datadir.lock import DataDirectoryLock, holder
from app.errors import MemoryServerError, StoreUnavailable, Unavailable
from app.logs import Redactor
from app.ops.upkeep import upkeep
from app.runtime.composition import index_setup
from app.settings.fields import Settings
from app.settings.forms import is_loopback
from app.settings.loading import broken_of
from app.settings.rules import Broken
from app.settings.unread import unread_names

_ASK_TIMEOUT_S = 5.0
_START_TIMEOUT_S = 60.0
_FILL_TIMEOUT_S = 40.0  # of them for an index that is built for the first time
_LOW_BYTES, _NO_BYTES = 1 << 30, 100 << 20  # PostgreSQL keeps up to 1 GB of log before it recycles
_LAG_S = 60.0  # thousands of changes right after an import are nothing to worry about, old ones are


_MEND_THERE = "run `claude-memory doctor` on the machine it runs on"
_MEND_OF_SERVER = f"see the server's log, or {_MEND_THERE}"
_MENDS_OF_HTTP = {
    None: "check the address, and that the server runs and can be reached from here",
    200: "check the address: what answers there speaks no MCP",
    401: "set MEMORY_TOKEN, or give --token-file, with a token of that server: claude-memory token create --user NAME",
    403: "the token lacks a scope (read is needed), or the way there asks for more",
    404: "check the path: a server has /mcp and /sse",
    405: "check the path: a server has /mcp and /sse",
    421: "add the host name of the URL to the server's ALLOWED_HOSTS",
    429: "wait a minute, or raise RATE_LIMIT_PER_MINUTE there",
}


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


@dataclass(frozen=True, slots=True)
class Mends:
    """What to do about a part that fails; it depends on where the part runs."""

    server: str
    postgres: str
    index: str

    @classmethod
    def of(cls, settings: Settings, mode: str | None) -> Mends:
        """Return them for what runs as `mode`, see app.datadir.lock; None: nothing does."""
        data_dir = settings.data_dir
        if mode == "daemon":
            server = f"see {data_dir / 'daemon.log'}, then start it anew: end it, and the next client starts one"
        else:
            server = "see the server's log, then start it anew"
        postgres = f"see {data_dir / 'postgres.log'}, then start the server anew"
        if settings.database_url is not None:
            postgres = "check DATABASE_URL, and that PostgreSQL runs there; a server connects again by itself"
        return cls(server, postgres, index_setup(settings).remedy)


async def examine(settings: Settings) -> list[Check]:
    """Run all checks, those of a running server through its socket."""
    redactor = Redactor.of(settings)
    data_dir = settings.data_dir
    told = await asyncio.to_thread(ask, os.fspath(data_dir), "status", _ASK_TIMEOUT_S)
    broken = broken_of(settings)
    checks = [*_settings(broken), *_data_directory(data_dir)]
    if data_dir.exists() and (
        settings.database_url is None or index_setup(settings).folder is not None
    ):  # else it keeps nothing
        checks.append(_space(data_dir))
    checks.append(_holder(data_dir, told))
    if told is not None:
        checks += await _as_a_client(data_dir, Mends.of(settings, told.get("mode")))
    elif holder(data_dir) is None and not broken:
        checks += await _by_ourselves(settings)
    if not broken:
        checks.append(await _embeddings(settings))
    checks += [_clients(), *_setting_names()]
    return [Check(one.name, one.state, redactor.clean(one.found), one.mend) for one in checks]


async def examine_mcp(settings: Settings, url: str) -> list[Check]:
    """Speak MCP to a server at a URL, with MEMORY_TOKEN where it is set."""
    token = settings.memory_token
    http = OverHttp(url, token)
    checks = []
    if token is not None and url.startswith("http://") and not is_loopback(urlsplit(url).hostname or ""):
        checks.append(Check("token", State.WARNING, "it crosses the network in clear", "put TLS in front: https://"))
    try:
        told = await converse(http.session(), lambda: http.status)
    except Refused as error:
        return [*checks, Check("MCP call", State.FAILED, str(error), "do as it says, or check the address")]
    except NoConversation as error:
        mend = _MENDS_OF_HTTP.get(error.http_status) or _MEND_OF_SERVER
        found = str(error) if error.http_status in (None, 200) else f"HTTP {error.http_status}: {error}"
        return [*checks, Check("MCP call", State.FAILED, Redactor.of(settings).clean(found), mend)]
    found = f"{told.server} brought initialize ({told.protocol}), {told.tools} tools and memory_health"
    checks.append(Check("MCP call", State.OK, found))
    checks += _components(told, {}, _MEND_THERE)
    return [*checks, _search(told, _MEND_THERE)]


def failed(checks: list[Check]) -> bool:
    """Whether anything is broken."""
    return any(check.state is State.FAILED for check in checks)


def to_json(checks: list[Check]) -> dict[str, Any]:
    """Return the report as JSON values."""
    return {"ok": not failed(checks), "checks": [asdict(check) for check in checks]}


def _settings(broken: list[Broken]) -> Iterator[Check]:
    if not broken:
        yield Check("settings", State.OK, "every value is valid, and all go together")
    for one in broken:
        yield Check(f"settings: {one.rule.name}", State.FAILED, one.sentence, "do as it says")


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


def _space(data_dir: Path) -> Check:
    free = shutil.disk_usage(data_dir).free
    state = State.FAILED if free < _NO_BYTES else State.WARNING if free < _LOW_BYTES else State.OK
    mend = None if state is State.OK else "free some space on that disk"
    return Check("space", state, f"{decimal(free)} free", mend)


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


async def _as_a_client(data_dir: Path, mends: Mends) -> list[Check]:
    """Ask the running server as a client does."""
    try:
        told = await converse(over_bridge(data_dir))
    except Unavailable as error:
        mend = mends.postgres if f" {StoreUnavailable.code}: " in str(error) else mends.server
        return [Check("MCP call", State.FAILED, str(error), mend)]
    checks = [_mcp_call(told)]
    checks += _components(told, {"postgres": mends.postgres, "index": mends.index}, mends.server)
    checks.append(_search(told, mends.index))
    numbers = told.health.get("numbers", {})
    if "index_lag_changes" in numbers:
        checks.append(_lag(numbers, mends.index))
    return checks + _upkeep(numbers)


def _mcp_call(told: Told) -> Check:
    found = f"a bridge brought initialize ({told.protocol}), {told.tools} tools and memory_health"
    return Check("MCP call", State.OK, found)


def _components(told: Told, mends: dict[str, str], mend: str) -> Iterator[Check]:
    """Tell what a server says of its parts."""
    for name, part in told.health["components"].items():
        good = part["status"] == "ok"
        yield Check(
            {"postgres": "PostgreSQL"}.get(name, name),
            State.OK if good else State.FAILED,
            str(part.get("detail") or part["status"]),
            None if good else mends.get(name, mend),
        )


def _search(told: Told, mend: str) -> Check:
    """Tell of a round trip to the index: a search says when it had to do without."""
    if told.degraded is None:
        return Check("search", State.FAILED, f"search_memory was not answered: {told.search_refused}", mend)
    if told.degraded:
        return Check("search", State.FAILED, "search_memory was answered without the index", mend)
    return Check("search", State.OK, "search_memory was answered from the index")


def _lag(numbers: dict[str, Any], mend: str) -> Check:
    changes, seconds, memories = (numbers[name] for name in ("index_lag_changes", "index_lag_seconds", "memories"))
    found = f"{changes:,.0f} changes, {seconds:.1f} s behind {memories:,.0f} memories"
    if seconds > _LAG_S:
        return Check("index lag", State.WARNING, found, f"it catches up by itself; if it does not: {mend}")
    return Check("index lag", State.OK, found)


def _upkeep(numbers: dict[str, Any]) -> list[Check]:
    return [
        Check(one.name, State.OK if one.mend is None else State.WARNING, one.found, one.mend) for one in upkeep(numbers)
    ]


async def _by_ourselves(settings: Settings) -> list[Check]:
    """Start what a server starts, try it, and stop it again."""
    if settings.database_url is None and not (settings.data_dir / "postgres" / "cluster").exists():
        return [Check("PostgreSQL", State.OK, "no database yet; the first start makes it")]
    mends = Mends.of(settings, None)
    try:
        async with asyncio.timeout(_START_TIMEOUT_S), _started(settings) as runtime:
            await runtime.wait_for_index(_FILL_TIMEOUT_S)
            checks = []
            for name, title, mend in (("postgres", "PostgreSQL", mends.postgres), ("index", "index", mends.index)):
                answer = await runtime.probe(name)
                state = State.OK if answer["ok"] else State.FAILED
                found = f"{answer['detail']} in {answer['milliseconds']:.1f} ms"
                checks.append(Check(title, state, found, None if answer["ok"] else mend))
            numbers = await runtime.numbers()
            points = next((one.found for one in checks if one.name == "index"), "")
            if numbers.get("memories") and points.startswith("0 points"):
                checks.append(
                    Check(
                        "index count",
                        State.FAILED,
                        f"it is empty beside {numbers['memories']:,} memories",
                        mends.index,
                    )
                )
            checks.append(_lag(numbers, mends.index))
            checks += _upkeep(numbers)
            return checks + await _mcp_of_our_own(runtime, mends)
    except (MemoryServerError, TimeoutError) as error:
        why = str(error) or f"not up within {_START_TIMEOUT_S:.0f} s"
        if isinstance(error, StoreUnavailable | TimeoutError):
            return [Check("PostgreSQL", State.FAILED, why, mends.postgres)]
        return [Check("start", State.FAILED, why, "do as it says")]


async def _mcp_of_our_own(runtime: Any, mends: Mends) -> list[Check]:
    """Serve the socket for as long as one bridge asks: the whole way of a call, and nothing is left running."""
    from app.datadir.unix_socket import listen
    from app.serve.lines import LineSessions
    from app.serve.mcp import build_server

    data_dir = runtime.settings.data_dir
    about = {"version": __version__, "pid": os.getpid(), "mode": "doctor"}
    path = socket_path(data_dir)
    sessions = LineSessions(build_server(runtime), runtime.settings, lambda: dict(about), lambda: None)
    await sessions.start(listen(path))
    try:
        told = await converse(over_bridge(data_dir))
    except Unavailable as error:
        return [Check("MCP call", State.FAILED, str(error), "run `claude-memory stdio --debug`: it says more")]
    finally:
        await sessions.stop()
        os.unlink(path)  # noqa: PTH108
    return [_mcp_call(told), _search(told, mends.index)]


@contextlib.asynccontextmanager
async def _started(settings: Settings) -> AsyncIterator[Any]:
    """Run the app without its doors, under the lock of the data directory."""
    from app.runtime.runtime import Runtime
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
    from app.runtime import probes

    if settings.embedding_model is None:
        return Check("embeddings", State.OK, "no model is set (EMBEDDING_MODEL); search goes by words alone")
    try:
        return Check("embeddings", State.OK, await probes.embeddings(settings))
    except MemoryServerError as error:
        return Check("embeddings", State.FAILED, str(error), "do as it says, or unset EMBEDDING_MODEL")


def _setting_names() -> Iterator[Check]:
    if line := unread_names():
        yield Check("setting names", State.WARNING, line, "correct these names, or take them out")


def _clients() -> Check:
    """Tell which clients of this user start us."""
    from app.clients.catalogue import CLIENTS, Scope
    from app.clients.entry import is_ours
    from app.clients.install import Machine
    from app.clients.jsonc import Document
    from app.clients.jsonc_reading import NotEditable

    machine, with_us, broken = Machine.here(), [], []
    for client in CLIENTS.values():
        for place in client.places(Scope.USER, machine.platform, machine.home, machine.environ, machine.project):
            try:
                entries = Document(place.file.read_text(encoding="utf-8"), comments=client.comments).get((client.key,))
            except FileNotFoundError:
                continue
            except (OSError, UnicodeDecodeError, NotEditable) as error:
                why = str(error) if isinstance(error, NotEditable) else type(error).__name__
                broken.append(f"{client.title}: {place.file} ({why})")
                continue
            if isinstance(entries, dict) and any(is_ours(entry) for entry in entries.values()):
                with_us.append(client.title)
    found = f"installed in {', '.join(with_us)}" if with_us else "installed in none of this user's clients"
    if broken:
        return Check(
            "clients", State.WARNING, f"{found}; cannot be read: {'; '.join(broken)}", "mend that file by hand"
        )
    return Check("clients", State.OK if with_us else State.WARNING, found, None if with_us else "claude-memory install")
