"""The runtime's own facts; what it does is tested through the servers that run it."""

from __future__ import annotations

import json
import subprocess
import sys
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote

import pytest

from app.errors import IndexUnavailable, StoreUnavailable, Unavailable, UnsafeBind
from app.runtime.components import Component, Status
from app.runtime.runtime import Runtime
from app.settings.fields import Settings
from app.store.tokens import Tokens
from tests.support.mcp import running
from tests.support.serving import ROOT, clean_environment

# Starts everything on the database of DATABASE_URL, and prints what was imported that preload had left out.
START = """
import asyncio, json, sys
from app.runtime.runtime import Runtime, preload
from app.settings.fields import Settings

settings = Settings(_env_file=None)
preload(settings)
before = set(sys.modules)

async def start():
    runtime = Runtime(settings)
    await runtime.start()
    await runtime.numbers()
    await runtime.stop()

asyncio.run(start())
print(json.dumps(sorted(name for name in set(sys.modules) - before if name.startswith("app."))))
"""


def url(connect_arguments: dict[str, Any]) -> str:
    where = {**connect_arguments, "host": quote(str(connect_arguments["host"]), safe="")}
    port = f"&port={where['port']}" if "port" in where else ""
    return f"postgresql://{where['user']}@/{where['database']}?host={where['host']}{port}"


@pytest.mark.parametrize("index", [{}, {"QDRANT_URL": "http://127.0.0.1:9"}], ids=["embedded", "server"])
def test_what_a_start_imports_is_imported_in_a_thread_before(
    connect_arguments: dict[str, Any], plain_settings: Settings, index: dict[str, str]
) -> None:
    environment = clean_environment(
        DATABASE_URL=url(connect_arguments), MEMORY_DATA_DIR=str(plain_settings.data_dir), PUBLIC_URL="https://m.test"
    )
    done = subprocess.run(
        [sys.executable, "-c", START],
        cwd=ROOT,
        env={**environment, **index},
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [], "an import on the event loop keeps every request waiting"


async def test_before_the_start_and_after_the_stop_calls_are_told_so(
    plain_settings: Settings, connect_arguments: dict[str, Any]
) -> None:
    async with running(plain_settings, connect_arguments) as runtime:
        assert [one.status for one in runtime.components()] == [Status.OK, Status.OK]
        assert runtime.domain is runtime.running.domain
    for component in runtime.components():
        assert component.status is Status.STARTING
    with pytest.raises(Unavailable, match="starting or stopping"):
        _ = runtime.domain
    assert await runtime.numbers() == await runtime.numbers_of("alice") == {}
    assert (runtime.filling(), runtime.rate_limits) == (None, None)
    runtime.wrote()
    await runtime.rebuild_index()
    await runtime.stop()


async def test_a_start_that_fails_says_why_and_can_be_tried_again(
    plain_settings: Settings, connect_arguments: dict[str, Any]
) -> None:
    server: Any = SimpleNamespace(
        connect_args={**connect_arguments, "database": "none"},
        stop=lambda: None,
        failure=None,
        refusal=lambda writes: None,
        shortage=lambda: None,
    )
    runtime = Runtime(plain_settings, server)
    with pytest.raises(StoreUnavailable):
        await runtime.start()
    with pytest.raises(StoreUnavailable):
        await runtime.wait_ready()
    assert runtime.components()[0].status is Status.DEGRADED

    server.connect_args = connect_arguments
    await runtime.start()
    await runtime.wait_ready()
    assert runtime.components()[0] == Component(name="postgres", status=Status.OK)
    await runtime.stop()


async def test_each_component_has_its_own_state_while_the_others_start(
    plain_settings: Settings, connect_arguments: dict[str, Any]
) -> None:
    server: Any = SimpleNamespace(
        connect_args=connect_arguments,
        stop=lambda: None,
        failure=None,
        refusal=lambda writes: None,
        shortage=lambda: None,
    )
    runtime = Runtime(plain_settings, server)
    assert [one.status for one in runtime.components()] == [Status.STARTING, Status.STARTING]

    async def look(tokens: Tokens) -> None:
        assert [one.status for one in runtime.components()] == [Status.OK, Status.STARTING]
        assert (await runtime.probe("postgres"))["detail"] == "answered"
        assert (await runtime.probe("index"))["detail"] == "the index is not open yet"

    await runtime.start(look)
    assert [one.status for one in runtime.components()] == [Status.OK, Status.OK]
    await runtime.stop()
    assert [one.status for one in runtime.components()] == [Status.STARTING, Status.STARTING]
    assert (await runtime.probe("postgres"))["detail"] == "PostgreSQL is not connected yet"


async def test_an_index_that_fails_at_the_start_is_no_problem_of_postgresql(
    plain_settings: Settings, connect_arguments: dict[str, Any]
) -> None:
    server: Any = SimpleNamespace(
        connect_args=connect_arguments,
        stop=lambda: None,
        failure=None,
        refusal=lambda writes: None,
        shortage=lambda: None,
    )
    runtime = Runtime(plain_settings, server)

    async def lost(tokens: Tokens) -> None:
        raise IndexUnavailable("the search index is closed")

    with pytest.raises(IndexUnavailable):
        await runtime.start(lost)
    postgres, index = runtime.components()
    assert postgres == Component(name="postgres", status=Status.STARTING)
    assert index == Component(name="index", status=Status.DEGRADED, detail="the search index is closed")
    await runtime.stop()


async def test_it_becomes_ready_only_if_the_check_of_its_tokens_lets_it(
    plain_settings: Settings, connect_arguments: dict[str, Any]
) -> None:
    server: Any = SimpleNamespace(
        connect_args=connect_arguments,
        stop=lambda: None,
        failure=None,
        refusal=lambda writes: None,
        shortage=lambda: None,
    )
    steps: list[str] = []
    runtime = Runtime(plain_settings, server, on_step=steps.append)

    async def no_tokens(tokens: Tokens) -> None:
        assert not await tokens.any_live()
        raise UnsafeBind("there is no token")

    with pytest.raises(UnsafeBind):
        await runtime.start(no_tokens)
    assert not runtime.ready.is_set()
    assert "ready" not in steps

    await runtime.start()
    assert steps[-1] == "ready"
    await runtime.stop()


async def test_why_postgresql_does_not_run_is_told_at_once_and_only_so_long(
    plain_settings: Settings, connect_arguments: dict[str, Any]
) -> None:
    postgres: Any = SimpleNamespace(
        connect_args=connect_arguments,
        stop=lambda: None,
        failure=None,
        refusal=lambda writes: None,
        shortage=lambda: None,
    )
    runtime = Runtime(plain_settings, postgres)
    await runtime.start()
    try:
        assert runtime.components()[0] == Component(name="postgres", status=Status.OK)

        postgres.failure = StoreUnavailable("no space left")
        assert runtime.components()[0] == Component(name="postgres", status=Status.DEGRADED, detail="no space left")

        postgres.failure = None
        assert runtime.components()[0].status is Status.OK
    finally:
        await runtime.stop()
