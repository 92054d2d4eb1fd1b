"""A stack for the driver of the target aliyun, the APIs it calls, and the driver itself."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.aliyun.driver.cli import main
from tests.standins.aliyun.server import Server as CloudServer
from tests.standins.aliyun.server import serving
from tests.support.aliyun import Caller, function
from tests.support.aliyun_cloud import KEYS, Cloud, cloud_serving
from tests.support.aliyun_stack import NOW_S, SECRET_URL, TOKEN, Drive, Ran, Stack
from tests.support.serving import Server


@pytest.fixture(scope="session")
def memory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The real app with its embedded engines, as a function runs it but for the database."""
    server = Server(
        tmp_path_factory.mktemp("memory") / "data", AUTH="required", ADMIN_TOKEN=TOKEN, RATE_LIMIT_PER_MINUTE="10000"
    )
    try:
        server.wait_ready()
        yield server
    finally:
        server.end()


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stack:
    """A stack that is up, at an address where nothing answers."""
    found = Stack(tmp_path, "http://127.0.0.1:9")
    monkeypatch.setenv("PATH", f"{found.bin}:/usr/bin:/bin")
    monkeypatch.chdir(tmp_path)
    return found


@pytest.fixture
def deployed(stack: Stack, memory: Server) -> Stack:
    """A stack whose function is the real app."""
    stack.output(url=memory.url)
    return stack


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    """The APIs, which this process reaches as its proxy."""
    with cloud_serving() as running:
        for name in ("http_proxy", "no_proxy"):
            monkeypatch.delenv(name, raising=False)
        for name, value in running.environment.items():
            monkeypatch.setenv(name, value)
        yield running


@pytest.fixture
def waits() -> list[float]:
    """Seconds that were waited, without waiting."""
    return []


@pytest.fixture
def drive(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], waits: list[float]) -> Drive:
    """Runs a command of the driver; no secret may be in what it prints."""

    def run(*arguments: str, **environment: str) -> Ran:
        monkeypatch.setattr(sys, "stdin", io.StringIO(""))
        keys = {"ALIBABA_CLOUD_ACCESS_KEY_ID": KEYS.id, "ALIBABA_CLOUD_ACCESS_KEY_SECRET": KEYS.secret}
        capsys.readouterr()
        status = main(arguments, environment=keys | environment, now=lambda: NOW_S, sleep=waits.append, scheme="http")
        out, err = capsys.readouterr()
        assert [one for one in (TOKEN, SECRET_URL, KEYS.secret) if one in out + err] == []
        return Ran(status, out, err)

    return run


@pytest.fixture
def functions(monkeypatch: pytest.MonkeyPatch) -> Iterator[CloudServer]:
    """The stand-in with a function and its alias `live`; this process comes to it."""
    with serving(CloudServer()) as started:
        caller = Caller(started)
        caller.oss("PUT")
        caller.oss("PUT", "/code.zip", b"code")
        caller.fc("POST", "/functions", function())
        caller.fc("POST", "/functions/memory/versions", {"description": "1"})
        caller.fc("POST", "/functions/memory/aliases", {"aliasName": "live", "versionId": "1"})
        monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
        for name, value in started.variables.items():
            monkeypatch.setenv(name, value)
        yield started
