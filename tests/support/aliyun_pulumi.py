"""A stack on Alibaba Cloud through the real Pulumi CLI and provider, against the stand-in of the APIs.

The program is the repository's, but for its bundle: `main` is a module of the test's, which puts tiny archives in the
place of what `build` makes, so that no package is downloaded, and runs the program.
"""

from __future__ import annotations

import contextlib
import copy
import io
import json
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pytest

from infra.aliyun.bundle import archive
from infra.aliyun.driver.cli import main
from infra.config import NAMESPACE
from tests.standins.aliyun.server import Server
from tests.standins.aliyun.state import Reply, Request, State
from tests.support.pulumi_cli import PulumiProject
from tests.support.serving import ROOT

_LACKING = [name for name in ("pulumi", "pulumi-resource-alicloud") if shutil.which(name) is None]
needs_alicloud = pytest.mark.skipif(bool(_LACKING), reason=f"needs {' and '.join(_LACKING)} on PATH")
# What `pulumi` runs: the program as it is, with archives that the test wrote.
_PROGRAM = """
import json, sys
from pathlib import Path

sys.path.insert(0, {root!r})
from infra.aliyun import program
from infra.aliyun.bundle.archive import Archive
from infra.aliyun.bundle.build import Bundle
from infra.targets import run

def build(root, options, progress):
    found = json.loads(Path("../build/bundle.json").read_text())
    layer = Archive(**found["dependencies"]) if options.dependencies == "layer" else None
    return Bundle(code=Archive(**found["code"]), layer=layer)

program.build = build
run()
"""


class AliyunProject(PulumiProject):
    """A project whose functions have tiny archives."""

    def __init__(self, folder: Path, server: Server) -> None:
        super().__init__(folder)
        program = self.folder / "infra"
        program.unlink()
        program.mkdir()
        (program / "__main__.py").write_text(_PROGRAM.format(root=str(ROOT)), encoding="utf-8")
        self.environment |= server.variables
        self._archives: dict[str, Any] = {}
        self.archive("code", "the first code")
        self.archive("dependencies", "the first dependencies")

    def archive(self, kind: str, text: str) -> None:
        """Put a text in the place of the code or the dependencies."""
        folder = self.folder / "build" / "aliyun"
        folder.mkdir(parents=True, exist_ok=True)
        unnamed = folder / "unnamed.zip"
        archive.write([archive.entry("mcp_server.py", text.encode())], unnamed)
        described = archive.described(unnamed, self.folder)
        path = unnamed.rename(folder / f"{kind}-{described.sha256[:16]}.zip")
        self._archives[kind] = asdict(described) | {"path": path.relative_to(self.folder).as_posix()}
        (self.folder / "build" / "bundle.json").write_text(json.dumps(self._archives), encoding="utf-8")

    def stack(self, name: str, secrets: dict[str, str], **keys: Any) -> None:
        """Make a stack with these keys."""
        config = {f"{NAMESPACE}:{key}": value for key, value in keys.items()}
        (self.folder / f"Pulumi.{name}.yaml").write_text(json.dumps({"config": config}), encoding="utf-8")
        self.run("stack", "init", "--no-select", name)
        for key, value in secrets.items():
            self.run("config", "set", "--secret", key, value, "--stack", name)

    def killed(self, stack: str, server: Server, *command: str, at: str, made: bool = True) -> None:
        """Run a command that is killed, with all its processes, at the first call of an operation.

        at: the operation, as a regular expression. made: the call is made all the same.
        """
        process: list[int] = []
        plain = server.call

        def call(request: Request) -> Reply:
            hit = re.fullmatch(at, request.operation) is not None
            if hit and not made:
                kill_session(process[0])
                raise ConnectionAbortedError
            reply = plain(request)
            if hit:
                kill_session(process[0])
            return reply

        with (
            pytest.MonkeyPatch.context() as patched,
            subprocess.Popen(
                ["pulumi", "--non-interactive", *command, "--stack", stack],
                cwd=self.folder,
                env=self.environment,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            ) as running,
        ):
            process.append(running.pid)
            patched.setattr(server, "call", call)
            status = running.wait(120)
        assert status == -signal.SIGKILL, f"it ended with {status} before {at}"

    def tool(self, stack: str, *arguments: str) -> str:
        """Run a command of `python -m infra.aliyun`, without its waits, and return what it printed."""
        printed = io.StringIO()
        with (
            pytest.MonkeyPatch.context() as patched,
            contextlib.redirect_stdout(printed),
            contextlib.redirect_stderr(printed),
        ):
            patched.chdir(self.folder)
            for name in [name for name in os.environ if name.startswith("PULUMI_")]:
                patched.delenv(name)
            for name, value in self.environment.items():
                patched.setenv(name, value)
            status = main([*arguments, "--stack", stack], sleep=lambda seconds: None)
        self.said += printed.getvalue()
        assert status == 0, printed.getvalue()[-6000:]
        return printed.getvalue()

    @property
    def checkpoint(self) -> Path:
        """The file with the state of the only stack."""
        [found] = self.state.glob(".pulumi/stacks/*/*.json")
        return found


def kill_session(leader: int) -> None:
    """Kill a command and all that it started: Pulumi's plugins are in process groups of their own."""
    for folder in Path("/proc").iterdir():
        with contextlib.suppress(OSError, ValueError):
            session = int((folder / "stat").read_text().rpartition(")")[2].split()[3])
            if session == leader:
                os.kill(int(folder.name), signal.SIGKILL)


@dataclass(frozen=True)
class Moment:
    """An account and a state as they are when a command is killed at a call."""

    operation: str
    made: bool  # whether the call made its change
    tables: dict[str, Any]
    checkpoint: bytes

    @property
    def name(self) -> str:
        return f"{'after' if self.made else 'before'} {self.operation}"


@contextlib.contextmanager
def recorded(server: Server, project: AliyunProject) -> Iterator[list[Moment]]:
    """Keep the moments before and after each call that changes something."""
    moments: list[Moment] = []
    plain = server.call

    def call(request: Request) -> Reply:
        with server.state.lock:
            before = tables_of(server.state), project.checkpoint.read_bytes()
            reply = plain(request)
            after = tables_of(server.state)
            if after != before[0]:
                moments.append(Moment(request.operation, False, *before))
                moments.append(Moment(request.operation, True, after, project.checkpoint.read_bytes()))
            return reply

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(server, "call", call)
        yield moments


def tables_of(state: State) -> dict[str, Any]:
    """Return a copy of all that an account has."""
    return copy.deepcopy({name: table for name, table in vars(state).items() if isinstance(table, dict)})


def put_back(moment: Moment, server: Server, project: AliyunProject) -> None:
    """Let the account and the state be as they were."""
    with server.state.lock:
        vars(server.state).update(copy.deepcopy(moment.tables))
    project.checkpoint.write_bytes(moment.checkpoint)
