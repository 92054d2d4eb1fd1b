"""Runs the server at login: a user unit of systemd on Linux, a launch agent on macOS.

Both start this installation by the absolute path of its interpreter, on an absolute data directory, and in it, so that
the server reads its settings from the `.env` there.
"""

from __future__ import annotations

import os
import plistlib
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from app.durable import replace_file
from app.errors import Conflict, InvalidInput, NotOffered

_UNIT = "claude-memory.service"
_LABEL = "io.github.claude-memory"
_OURS = "# Written by `claude-memory service install`."
_TIMEOUT_S = 60.0  # a stop waits for calls, and a start for the one before


@dataclass(frozen=True, slots=True)
class Program:
    """What is run at login."""

    arguments: tuple[str, ...]
    environment: Mapping[str, str]
    folder: Path

    @classmethod
    def on(cls, data_dir: Path) -> Program:
        """Return the server of this installation on a data directory. Raises InvalidInput."""
        if not os.fspath(data_dir).isprintable():
            raise InvalidInput("--data-dir", os.fspath(data_dir), "a folder without control characters for a service")
        root = Path(__file__).resolve().parents[2]
        installed = root == Path(sysconfig.get_path("purelib")).resolve()
        # -P: another package `app` in the data directory is not ours.
        arguments = (sys.executable, "-P", "-m", "app", "serve", "--data-dir", os.fspath(data_dir))
        return cls(arguments, {} if installed else {"PYTHONPATH": os.fspath(root)}, data_dir)


@dataclass(frozen=True, slots=True)
class Done:
    """What became of a request. problem: what kept the system's manager from doing its part, and what to do then."""

    file: Path
    did: str
    problem: str | None = None


class Systemd:
    """The user's systemd."""

    def __init__(self, environ: Mapping[str, str], home: Path) -> None:
        self.file = Path(environ.get("XDG_CONFIG_HOME") or home / ".config", "systemd", "user", _UNIT)

    def content(self, program: Program) -> bytes:
        """Return the unit."""
        variables = "".join(
            f"Environment={_quoted(f'{name}={value}')}\n" for name, value in program.environment.items()
        )
        return f"""{_OURS}
[Unit]
Description=Claude Memory

[Service]
ExecStart={" ".join(_quoted(argument).replace("$", "$$") for argument in program.arguments)}
WorkingDirectory={os.fspath(program.folder).replace("%", "%%")}
{variables}Restart=on-failure
RestartSec=10
KillMode=mixed
TimeoutStopSec=30

[Install]
WantedBy=default.target
""".encode()

    def check(self) -> None:
        """Raise Conflict when the unit there is somebody's own."""
        if self.file.exists() and _OURS not in self.file.read_text(encoding="utf-8", errors="replace"):
            raise Conflict(f"{self.file} was not written by this command; rename or remove it first")

    def start(self) -> str | None:
        """Enable the unit and start it anew; return the problem, if there is one."""
        by_hand = f"run: systemctl --user daemon-reload && systemctl --user enable --now {_UNIT}"
        steps = (("daemon-reload",), ("enable", _UNIT), ("restart", _UNIT))
        return _all([("systemctl", "--user", *step) for step in steps], by_hand)

    def stop(self) -> str | None:
        """Disable the unit and stop it."""
        return _all([("systemctl", "--user", "disable", "--now", _UNIT)], "end the server yourself if it still runs")

    def forgotten(self) -> None:
        """Let systemd see that the file is gone."""
        _run(("systemctl", "--user", "daemon-reload"))

    def state(self) -> str:
        """Return what systemd says of the unit, such as active, inactive or failed."""
        return _run(("systemctl", "--user", "is-active", _UNIT))[1] or "unknown"


class Launchd:
    """The user's launchd."""

    def __init__(self, home: Path) -> None:
        self.file = home / "Library" / "LaunchAgents" / f"{_LABEL}.plist"
        self._domain = f"gui/{os.getuid()}"

    def content(self, program: Program) -> bytes:
        """Return the agent."""
        log = os.fspath(program.folder / "serve.log")
        return plistlib.dumps(
            {
                "Label": _LABEL,
                "ProgramArguments": list(program.arguments),
                "EnvironmentVariables": dict(program.environment),
                "WorkingDirectory": os.fspath(program.folder),
                "RunAtLoad": True,
                "KeepAlive": {"SuccessfulExit": False},
                "StandardOutPath": log,
                "StandardErrorPath": log,
                "Umask": 0o077,
            }
        )

    def check(self) -> None:
        """The label is ours alone."""

    def start(self) -> str | None:
        """Load the agent anew; return the problem, if there is one."""
        _run(("launchctl", "bootout", f"{self._domain}/{_LABEL}"))  # fails when it is not loaded
        load = ("launchctl", "bootstrap", self._domain, os.fspath(self.file))
        return _all([load], f"run: {' '.join(load)}")

    def stop(self) -> str | None:
        """Unload the agent, which stops the server."""
        return _all([("launchctl", "bootout", f"{self._domain}/{_LABEL}")], "end the server yourself if it still runs")

    def forgotten(self) -> None:
        """Nothing is left to do."""

    def state(self) -> str:
        """Return whether launchd has loaded the agent."""
        return "loaded" if _run(("launchctl", "print", f"{self._domain}/{_LABEL}"))[0] == 0 else "not loaded"


def manager(platform: str, environ: Mapping[str, str], home: Path) -> Systemd | Launchd:
    """Return what starts programs at login on a platform. Raises NotOffered."""
    if platform == "linux":
        return Systemd(environ, home)
    if platform == "darwin":
        return Launchd(home)
    raise NotOffered(f"service: there is none for {platform}; start `claude-memory serve` at login in its own way")


def install(system: Systemd | Launchd, program: Program) -> Done:
    """Write the file and start the server. Raises Conflict."""
    system.check()
    program.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    system.file.parent.mkdir(parents=True, exist_ok=True)
    replace_file(system.file, system.content(program))
    return Done(system.file, f"wrote {system.file}", system.start())


def uninstall(system: Systemd | Launchd) -> Done:
    """Stop the server and remove the file; what is stored stays. Raises Conflict."""
    system.check()
    if not system.file.exists():
        return Done(system.file, f"nothing to remove: there is no {system.file}")
    problem = system.stop()
    system.file.unlink()
    system.forgotten()
    return Done(system.file, f"removed {system.file}; what is stored stays", problem)


def _quoted(text: str) -> str:
    """Return one word of a unit's line: systemd reads quotes, backslashes and % in it."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{escaped}"'


def _all(commands: Sequence[tuple[str, ...]], by_hand: str) -> str | None:
    """Run commands up to the first that fails; return what it said with what to do then, None when all went well."""
    for command in commands:
        status, said = _run(command)
        if status:
            return f"{' '.join(command)}: {said or f'exit status {status}'}; {by_hand}"
    return None


def _run(command: tuple[str, ...]) -> tuple[int, str]:
    """Run a command of the system; return its exit status and what it said, on one line."""
    if shutil.which(command[0]) is None:
        return 127, f"there is no {command[0]} here"
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False)  # noqa: S603
    except subprocess.TimeoutExpired:
        return 124, f"no answer within {_TIMEOUT_S:.0f} s"
    return done.returncode, " ".join((done.stdout + done.stderr).split())[:300]
