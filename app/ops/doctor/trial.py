"""Starts what a server starts, tries it and stops it again: the checks for when no server runs."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from typing import Any

from app import __version__
from app.clients.conversation import converse, over_bridge
from app.counted import counted
from app.datadir.folder import socket_path
from app.datadir.lock import DataDirectoryLock
from app.errors import MemoryServerError, StoreUnavailable, Unavailable
from app.ops.checks import Check, State
from app.ops.doctor.answers import check_call, check_lag, check_search
from app.ops.doctor.remedies import Remedies
from app.ops.upkeep import upkeep
from app.settings.fields import Settings

_START_TIMEOUT_S = 60.0
_FILL_TIMEOUT_S = 40.0  # of them for an index that is built for the first time


async def try_out(settings: Settings) -> list[Check]:
    """Start the parts of a server and check them, when there is a database to start on."""
    if settings.database_url is None and not (settings.data_dir / "postgres" / "cluster").exists():
        return [Check("PostgreSQL", State.OK, "no database yet; the first start creates it")]
    remedies = Remedies.of(settings, None)
    try:
        async with asyncio.timeout(_START_TIMEOUT_S), _started(settings) as runtime:
            await runtime.wait_for_index(_FILL_TIMEOUT_S)
            return [*await _check_parts(runtime, remedies), *await _check_call(runtime, remedies)]
    except (MemoryServerError, TimeoutError) as error:
        why = str(error) or f"not up within {_START_TIMEOUT_S:.0f} s"
        if isinstance(error, StoreUnavailable | TimeoutError):
            return [Check("PostgreSQL", State.FAILED, why, remedies.postgres)]
        return [Check.failed("start", why, "run `claude-memory serve --debug`: it says more")]


async def _check_parts(runtime: Any, remedies: Remedies) -> list[Check]:
    """Probe the database and the index, and compare what they hold."""
    checks = []
    details = {}
    for name, title, remedy in (("postgres", "PostgreSQL", remedies.postgres), ("index", "index", remedies.index)):
        answer = await runtime.probe(name)
        details[name] = answer["detail"]
        found = f"{answer['detail']} in {answer['milliseconds']:.1f} ms"
        state, what_to_do = (State.OK, None) if answer["ok"] else (State.FAILED, remedy)
        checks.append(Check(title, state, found, what_to_do))
    numbers = await runtime.numbers()
    if numbers.get("memories") and str(details["index"]).startswith("0 points"):
        found = f"it is empty beside {counted(numbers['memories'], 'memory', 'memories')}"
        checks.append(Check("index count", State.FAILED, found, remedies.index))
    checks.append(check_lag(numbers, remedies.index))
    return checks + [Check.of(finding) for finding in upkeep(numbers, memu=runtime.settings.memory_backend != "local")]


async def _check_call(runtime: Any, remedies: Remedies) -> list[Check]:
    """Serve the socket while one bridge calls: the whole path of a call, and nothing is left running."""
    from app.datadir.unix_socket import listen
    from app.serve.lines import LineSessions
    from app.serve.mcp import build_server

    data_dir = runtime.settings.data_dir
    about = {"version": __version__, "pid": os.getpid(), "mode": "doctor"}
    path = socket_path(data_dir)
    sessions = LineSessions(build_server(runtime), runtime.settings, lambda: dict(about), lambda: None)
    await sessions.start(listen(path))
    try:
        answers = await converse(over_bridge(data_dir))
    except Unavailable as error:
        return [Check("MCP call", State.FAILED, str(error), "run `claude-memory stdio --debug`: it says more")]
    finally:
        await sessions.stop()
        os.unlink(path)  # noqa: PTH108
    return [check_call(answers), check_search(answers, remedies.index)]


@contextlib.asynccontextmanager
async def _started(settings: Settings) -> AsyncIterator[Any]:
    """Run the app without HTTP and socket, under the lock of the data directory."""
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
