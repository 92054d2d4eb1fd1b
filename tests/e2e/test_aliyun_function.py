"""The functions of an Alibaba Cloud stack on a real Docker engine, used by a real MCP client over /mcp and /sse.

Command, variables and sizes are those the program declares. Needs a Docker engine, pip and packages.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import httpx2
import pytest
from mcp import Client, ClientSession
from mcp.client.sse import sse_client
from mcp.client.streamable_http import streamable_http_client

from infra.aliyun.bundle.build import Bundle
from infra.aliyun.bundle.errors import PythonMissing
from infra.plan import Declared
from tests.support.bundles import built, checkout, unpack
from tests.support.docker import DockerEngine
from tests.support.function_docker import DATABASE_URL, NETWORK, PYTHON, FunctionRuntime, RunningFunction
from tests.support.s3 import s3_server
from tests.support.stacks import BACKUP_KEYS, SECRETS, aliyun_plan

pytestmark = pytest.mark.timeout(900)
BUCKET = "claude-memory-backups"
TOKEN = {"Authorization": f"Bearer {SECRETS['adminToken']}"}
SESSIONS, CALLS = 20, 200  # of the function's default size
MEMORY_GOAL_BYTES = 1 << 30


@pytest.fixture(scope="module")
def folder(run_folder: Path) -> Path:
    """A copy of this checkout, for bundles."""
    return checkout(run_folder / "function-checkout")


@pytest.fixture(scope="module")
def bundle(folder: Path) -> Bundle:
    """The code with its dependencies, for the Python of Debian 12."""
    try:
        return built(folder, PYTHON)
    except PythonMissing as missing:
        pytest.skip(str(missing))


@pytest.fixture(scope="module")
def code(folder: Path, bundle: Bundle, run_folder: Path) -> Path:
    """It unpacked."""
    return unpack(folder / bundle.code.path, run_folder / "function-code")


@pytest.fixture(scope="module")
def runtime(engine: DockerEngine) -> Iterator[FunctionRuntime]:
    """A place for functions, with PostgreSQL near."""
    engine.run("network", "create", NETWORK)
    runtime = FunctionRuntime(engine)
    try:
        runtime.database(engine.image("postgres", BASE=engine.image("services")))
        yield runtime
    finally:
        runtime.down()
        engine.run("network", "rm", NETWORK, check=False)


@pytest.fixture(scope="module")
def bucket(engine: DockerEngine, runtime: FunctionRuntime) -> Iterator[str]:
    """A store for backups that functions reach; yields its address."""
    gateway = engine.run("network", "inspect", "--format", "{{(index .IPAM.Config 0).Gateway}}", NETWORK)
    with s3_server(gateway) as url:
        httpx.put(f"{url}/{BUCKET}").raise_for_status()
        yield url


def functions(bucket: str) -> dict[str, Declared]:
    """Return the declared functions: the server's, and the one for jobs."""
    plan = aliyun_plan(
        secrets={"DATABASE_URL": DATABASE_URL, **BACKUP_KEYS, "BACKUP_PASSPHRASE": "made-up-passphrase"},
        function={"python": PYTHON, "layers": []},
        BACKUP_TO=f"s3://{BUCKET}/function",
        BACKUP_S3_ENDPOINT=bucket,
        RATE_LIMIT_PER_MINUTE="0",
    )
    return {
        "jobs" if "jobs" in one.inputs["customRuntimeConfig"]["commands"] else "server": one
        for one in plan.resources
        if one.type.endswith(":V3Function")
    }


@pytest.fixture(scope="module")
def function(runtime: FunctionRuntime, code: Path, bucket: str) -> RunningFunction:
    """An instance that clients reach."""
    function = runtime.start(functions(bucket)["server"], code)
    function.wait_ready()
    return function


async def call(function: RunningFunction, tool: str, **arguments: Any) -> dict[str, Any]:
    """Call a tool over /mcp, as a client does."""
    async with (
        httpx2.AsyncClient(headers=TOKEN, timeout=30) as http,
        Client(streamable_http_client(f"{function.url}/mcp", http_client=http)) as client,
    ):
        result = await client.call_tool(tool, arguments)
    assert not result.is_error, result
    return dict(result.structured_content)


async def test_a_client_with_a_token_remembers_and_finds_over_mcp(function: RunningFunction) -> None:
    stored = await call(function, "memorize", text="The lighthouse keeper's cat is called Pharos.")
    found = await call(function, "search_memory", query="What is the lighthouse keeper's cat called?")

    assert found["results"][0]["id"] == stored["id"]


async def test_and_over_sse(function: RunningFunction) -> None:
    async with (
        sse_client(f"{function.url}/sse", headers=TOKEN) as streams,
        ClientSession(*streams) as session,
    ):
        await session.initialize()
        await session.call_tool("memorize", {"text": "The harbour master's dog is called Rope."})
        found = await session.call_tool("search_memory", {"query": "harbour master dog"})

    assert "Rope" in json.dumps(found.structured_content)


@pytest.mark.parametrize("path", ["/mcp", "/sse"])
def test_without_a_token_it_answers_nobody(function: RunningFunction, path: str) -> None:
    refused = httpx.post(f"{function.url}{path}", json={}) if path == "/mcp" else httpx.get(f"{function.url}{path}")

    assert refused.status_code == 401


def test_health_is_told_to_the_platform(function: RunningFunction) -> None:
    assert httpx.get(f"{function.url}/health").status_code == 200


async def test_so_many_sessions_and_calls_at_once_fit_into_the_instance(function: RunningFunction) -> None:
    message = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "tools/call",
        "params": {"name": "search_memory", "arguments": {"query": "cat"}},
    }
    headers = {**TOKEN, "Accept": "application/json, text/event-stream"}
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(base_url=function.url, headers=headers, timeout=60, limits=limits) as http:
        streams = [await http.send(http.build_request("GET", "/sse"), stream=True) for _ in range(SESSIONS)]
        answers = await asyncio.gather(*(http.post("/mcp", json=message) for _ in range(CALLS)))
        memory_bytes = await asyncio.to_thread(lambda: function.memory_bytes)
        for stream in streams:
            await stream.aclose()

    assert {stream.status_code for stream in streams} == {200}
    assert {answer.status_code for answer in answers} == {200}
    assert not [answer for answer in answers if answer.json()["result"].get("isError")]
    assert memory_bytes < MEMORY_GOAL_BYTES, f"{memory_bytes:,} bytes"


def test_jobs_run_when_a_timer_calls(runtime: FunctionRuntime, code: Path, bucket: str) -> None:
    jobs = runtime.start(functions(bucket)["jobs"], code)

    maintained, backed_up = jobs.invoke("maintain"), jobs.invoke("backup")

    assert maintained.status_code == 200, jobs.log
    assert backed_up.status_code == 200, jobs.log
    listed = httpx.get(f"{bucket}/{BUCKET}", params={"list-type": "2"}).text
    assert "<Key>function/claude-memory-" in listed


async def test_the_dependencies_as_a_layer_serve_as_well(
    runtime: FunctionRuntime, folder: Path, run_folder: Path, bucket: str, code: Path
) -> None:
    bundle = built(folder, PYTHON, "layer")
    assert bundle.layer is not None
    alone = unpack(folder / bundle.code.path, run_folder / "function-code-alone")
    layer = unpack(folder / bundle.layer.path, run_folder / "function-layer")
    function = runtime.start(functions(bucket)["server"], alone, layer)
    function.wait_ready()

    assert (await call(function, "memory_health"))["status"]
    assert function.stop() == 0, function.log


def test_a_start_without_its_packages_says_what_is_missing(
    runtime: FunctionRuntime, folder: Path, run_folder: Path, bucket: str
) -> None:
    bundle = built(folder, PYTHON, "layer")
    alone = unpack(folder / bundle.code.path, run_folder / "function-code-without")

    function = runtime.start(functions(bucket)["server"], alone)

    assert function.wait_end() == 1
    assert "qdrant" in function.log or "No module named" in function.log


def test_it_ends_when_the_platform_stops_it(function: RunningFunction) -> None:
    assert function.stop() == 0, function.log
