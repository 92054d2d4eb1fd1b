"""Runs a function of an Alibaba Cloud program on a Docker engine, in the way its platform runs it, as far as known.

The code package is at /code and a layer at /opt, both read-only; /code is the working folder, /tmp the only place to
write. Variables of the platform are beside those of the program. Debian 12 brings the Python, which the platform's
layers bring there.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import httpx

from infra.plan import Declared
from tests.support.docker import DockerEngine, free_port

NETWORK = "claude-memory-aliyun"
PYTHON = "3.11"  # of Debian 12
DATABASE_URL = "postgresql://claude:made-up@function-db:5432/claude"
_UP_S = 60


class FunctionRuntime:
    """Functions and what is near them. ids: of containers, by name."""

    def __init__(self, engine: DockerEngine) -> None:
        self._engine = engine
        self.ids: list[str] = []

    def start(self, function: Declared, code: Path, layer: Path | None = None) -> RunningFunction:
        """Start an instance of a function as declared."""
        inputs = function.inputs
        runtime = inputs["customRuntimeConfig"]
        port, outside = int(runtime["port"]), free_port()
        options = [f"--network={NETWORK}", f"--publish=127.0.0.1:{outside}:{port}", "--workdir=/code", "--read-only"]
        options += [f"--volume={code}:/code:ro", f"--tmpfs=/tmp:size={int(inputs['diskSize'])}m,exec"]
        if layer is not None:
            options.append(f"--volume={layer}:/opt:ro")
        memory = f"{int(inputs['memorySize'])}m"
        options += [f"--cpus={inputs['cpu']}", f"--memory={memory}", f"--memory-swap={memory}"]
        variables = {name: _value(value) for name, value in inputs["environmentVariables"].items()}
        for name, value in {**variables, **_platforms(function.name, port)}.items():
            options += ["--env", f"{name}={value}"]
        command, *arguments = runtime["commands"]
        image = self._engine.base()
        id_ = self._engine.run("run", "--detach", *options, f"--entrypoint={command}", image, *arguments)
        self.ids.append(id_)
        return RunningFunction(self._engine, id_, outside)

    def database(self, image: str) -> None:
        """Start PostgreSQL near the functions, with a role and a database of that URL."""
        url = httpx.URL(DATABASE_URL)
        setup = "umask 077; echo made-up >/tmp/password; exec docker-entrypoint.sh postgres -c listen_addresses='*'"
        options = [f"--network={NETWORK}", f"--network-alias={url.host}", "--user=postgres", "--entrypoint=sh"]
        options += [
            "--env=POSTGRES_PASSWORD_FILE=/tmp/password",
            "--env=POSTGRES_INITDB_ARGS=--auth-host=scram-sha-256",
        ]
        id_ = self._engine.run("run", "--detach", *options, image, "-c", setup)
        self.ids.append(id_)

        def psql(statement: str) -> bool:
            command = ("exec", id_, "psql", "--username=postgres", "--quiet", "--command", statement)
            return "error" not in self._engine.run(*command, check=False, both=True).lower()

        until(lambda: psql("select 1"), "PostgreSQL answers")
        assert psql(f"create role {url.username} login createrole password '{url.password}'")
        assert psql(f"create database {url.path.lstrip('/')} owner {url.username}")

    def down(self) -> None:
        """Remove everything that was started."""
        if self.ids:
            self._engine.run("rm", "--force", "--volumes", *self.ids, check=False)


class RunningFunction:
    """An instance of a function."""

    def __init__(self, engine: DockerEngine, id_: str, port: int) -> None:
        self._engine, self._id = engine, id_
        self.url = f"http://127.0.0.1:{port}"

    @property
    def log(self) -> str:
        """All that it printed."""
        return self._engine.run("logs", self._id, both=True)

    @property
    def memory_bytes(self) -> int:
        """What its process holds in memory, files that could be dropped included."""
        status = self._engine.run("exec", self._id, "cat", "/proc/1/status")
        figures = dict(line.split(":", 1) for line in status.splitlines())
        return int(figures["VmRSS"].split()[0]) * 1_024

    def wait_ready(self) -> None:
        """Wait until it answers calls."""
        until(lambda: _status(f"{self.url}/ready") == 200, "the function is ready", lambda: self.log)

    def invoke(self, payload: str) -> httpx.Response:
        """Send the event of a timer."""
        until(lambda: _status(self.url) is not None, "the function listens", lambda: self.log)
        event = {"triggerTime": "2026-11-29T00:00:00Z", "triggerName": payload, "payload": payload}
        return httpx.post(f"{self.url}/invoke", content=json.dumps(event), timeout=60)

    def wait_end(self) -> int:
        """Wait until it ends by itself; return its exit status."""
        return int(self._engine.run("wait", self._id))

    def stop(self) -> int:
        """Stop it as the platform does, with SIGTERM; return its exit status."""
        self._engine.run("stop", "--time=20", self._id)
        return int(self._engine.run("inspect", "--format={{.State.ExitCode}}", self._id))


def until(is_so: Callable[[], bool], what: str, log: Callable[[], str] = str) -> None:
    """Wait for something; fail with a log."""
    end = time.monotonic() + _UP_S
    while not is_so():
        if time.monotonic() > end:
            raise AssertionError(f"not within {_UP_S} s: {what}: {log()[-3000:]}")
        time.sleep(0.1)


def _platforms(name: str, port: int) -> dict[str, str]:
    return {"FC_FUNCTION_NAME": name, "FC_INSTANCE_ID": "c-00000000", "FC_CUSTOM_LISTEN_PORT": str(port)}


def _value(value: Any) -> str:
    return str(value["value"] if isinstance(value, Mapping) else value)


def _status(url: str) -> int | None:
    try:
        return httpx.get(url, timeout=5).status_code
    except httpx.HTTPError:
        return None
