"""docs/memu.md: its commands do what it says, run in order against a stand-in for memU, and its files are taken."""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from app.bridge.protocol import ask
from app.cli import build_parser
from app.memu.limits import OFFERED
from app.settings.fields import Settings
from app.settings.loading import check_given
from app.settings.rules import SERVE, WORKER
from infra.render.blueprint.checks import problems
from tests.standins.memu import KEY, StandIn, memu_service
from tests.support.bridges import Client
from tests.support.serving import PATIENCE_S, ROOT, clean_environment
from tests.support.waiting import wait_until

PAGE = (ROOT / "docs" / "memu.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```sh\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
CONSOLE = re.findall(r"^```console\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
BLUEPRINTS = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
PROSE = re.sub(r"^```.*?^```$", "", PAGE, flags=re.MULTILINE | re.DOTALL)
LASTING = ("claude-memory worker", "claude-memory serve")  # what runs until it is ended
SETTINGS = {name.upper() for name in Settings.model_fields}


class Reader:
    """Someone who types what the page says, in a home of their own."""

    def __init__(self, home: Path, service: StandIn) -> None:
        self.home = home
        self.data_dir = home / ".local" / "share" / "claude-memory"
        self._lasting: list[subprocess.Popen[bytes]] = []
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        (home / "bin").mkdir(parents=True)
        command = home / "bin" / "claude-memory"
        command.write_text(f'#!/bin/sh\nexec {sys.executable} -P -m app "$@"\n', encoding="utf-8")
        command.chmod(0o755)
        self.environment = clean_environment(
            HOME=str(home),
            PATH=f"{home / 'bin'}:{os.environ['PATH']}",
            MEMORY_DATA_DIR=str(self.data_dir),  # another one for root
            MEMU_BASE_URL=service.url,
            PORT=str(self.port),
        )

    def type(self, block: str) -> str:
        """Run a block in a shell in the data directory, as far as there is one; return what was printed."""
        done = subprocess.run(
            ["bash", "-euc", self._filled(block)],
            cwd=self.data_dir if self.data_dir.exists() else self.home,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=PATIENCE_S * 2,
            check=False,
        )
        assert done.returncode == 0, f"{block}\n{done.stdout}"
        return done.stdout

    def begin(self, block: str) -> subprocess.Popen[bytes]:
        """Run a block that lasts, and wait until clients beside it are answered."""
        log = self.home / f"log-{len(self._lasting)}"
        with log.open("wb") as output:
            process = subprocess.Popen(
                ["bash", "-euc", f"exec {self._filled(block)}"],
                cwd=self.data_dir,
                env=self.environment,
                stdout=output,
                stderr=output,
            )
        self._lasting.append(process)
        mode = "serve" if "serve" in block else "daemon"

        def answers() -> bool:
            status = ask(str(self.data_dir), "status")
            return status is not None and (status["mode"], status["status"]) == (mode, "ok")

        wait_until(lambda: process.poll() is not None or answers(), "a server", PATIENCE_S * 2)
        assert process.poll() is None, log.read_text(encoding="utf-8")
        return process

    @contextlib.contextmanager
    def client(self) -> Iterator[Client]:
        """Start the server that `install` wrote into the client's configuration, as the client does."""
        entry = json.loads((self.home / ".claude.json").read_text(encoding="utf-8"))["mcpServers"]["memory"]
        assert entry["args"][-1] == "stdio"
        environment: dict[str, Any] = self.environment
        client = Client(self.data_dir, **environment)
        try:
            client.initialize()
            yield client
        finally:
            client.end()

    def end(self) -> None:
        """End what lasts."""
        for process in self._lasting:
            if process.poll() is None:
                process.terminate()
        for process in self._lasting:
            try:
                process.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _filled(self, block: str) -> str:
        return block.strip().replace("MEMU_API_KEY=…", f"MEMU_API_KEY={KEY}").replace(":8000", f":{self.port}")


@pytest.fixture
def service() -> Iterator[StandIn]:
    """Stand in for memU."""
    with memu_service() as service:
        yield service


@pytest.fixture
def reader(tmp_path: Path, service: StandIn) -> Iterator[Reader]:
    reader = Reader(tmp_path / "home", service)
    try:
        yield reader
    finally:
        reader.end()


def test_a_reader_comes_from_a_key_to_a_worker_and_a_web_service_and_out_again(
    reader: Reader, service: StandIn
) -> None:
    settings, worker, client_block, server, requests, outbox, out = BLOCKS

    assert "speaks memU's API v3 and takes the key" in reader.type(settings)
    assert (reader.data_dir / ".env").stat().st_mode & 0o077 == 0

    working = reader.begin(worker)
    assert "daemon" in reader.type(client_block)
    with reader.client() as client:
        client.memorize("We release on Thursdays.")
        wait_until(lambda: service.texts == ["We release on Thursdays."], "memU to have it")
    assert (service.taken[0].user, service.taken[0].agent) == ("default", "claude")

    reader.begin(server)
    assert working.wait(PATIENCE_S) == 0, "a server takes over from a worker"
    health, info, trial = (json.loads(reader.type(line)) for line in requests.strip().splitlines())
    assert health["components"]["memu"]["status"] == "ok"
    assert (info["memory_backend"], info["tools"]) == ("memu", list(OFFERED))
    assert "takes the key" in str(trial)

    reader.type(outbox)
    assert "summaries of subjects" in reader.type(out)
    assert "stored 0" in reader.type(out)


def commands() -> list[list[str]]:
    """Return the arguments of each of our commands on the page."""
    lines = [line for block in BLOCKS for line in block.splitlines()]
    lines += re.findall(r"`(claude-memory [^`]+)`", PROSE) + re.findall(r"startCommand: (.*)", PAGE)
    found = (re.sub(r"^[A-Z_]+=\S+ ", "", line) for line in lines)
    return [line.split()[1:] for line in found if line.startswith("claude-memory ")]


@pytest.mark.parametrize("arguments", commands(), ids=" ".join)
def test_a_command_of_ours_is_one_that_the_parser_takes(arguments: list[str]) -> None:
    assert build_parser().parse_args(arguments).run


def test_settings_and_tools_that_it_names_exist() -> None:
    named = set(re.findall(r"`([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)(?:=[^`]*)?`", PROSE))
    named |= set(re.findall(r"pulumi config set (?:--secret )?([A-Z_]+)", "".join(CONSOLE)))
    assert len(named) > 15
    assert named - SETTINGS == set()
    rows = PROSE.partition("| old tool | here |\n")[2].partition("\n\n")[0].splitlines()[1:]
    here = [re.findall(r"`(\w+)`", row.split("|")[2]) for row in rows]
    assert {name for names in here for name in names} == OFFERED.keys()


@pytest.mark.parametrize("text", BLUEPRINTS)
def test_a_blueprint_is_one_that_render_takes_and_the_app_starts_with(text: str) -> None:
    tree: dict[str, Any] = yaml.safe_load(text)
    [service] = tree["services"]
    variables = {one["key"]: one.get("value", "made-up") for one in service["envVars"] if one["key"] in SETTINGS}
    variables |= {"RENDER": "true"} | ({"DATABASE_URL": "postgresql://h/n"} if "DATABASE_URL" in variables else {})
    variables |= {"ADMIN_TOKEN": f"cm_{'x' * 43}"} if "ADMIN_TOKEN" in variables else {}

    assert problems(tree) == []
    assert check_given(variables, (WORKER if service["type"] == "worker" else SERVE,)).lines == []
    assert variables["MEMORY_BACKEND"] == "memu"
    without = {name: value for name, value in variables.items() if name not in ("DATABASE_URL", "MEMORY_DATA_DIR")}
    assert "go with" in " ".join(check_given(without, (WORKER, SERVE)).lines)
