"""The commands of Pulumi that a recovery needs, with locks of killed runs removed, and repeated on 429."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from infra import pulumi_cli
from infra.aliyun.deployed.locks import unlock
from infra.aliyun.deployed.throttling import WAITS, is_throttled
from infra.aliyun.recovery.checkpoint import UNREADABLE, repair
from infra.command_errors import CannotDo

_TRIES = 6
_TIMEOUT_S = 900.0
_SAID = 600  # characters of what a command that failed has said


@dataclass(frozen=True, kw_only=True)
class Engine:
    """Pulumi for a stack of the project in a folder. sleep: waits that many seconds."""

    folder: Path
    stack: str
    say: Callable[[str], None]
    sleep: Callable[[float], object]

    def exported(self) -> str:
        """Return the state, its secrets encrypted; repair its file if a kill left it unreadable. Raises CannotDo."""
        try:
            return pulumi_cli.answer(self.folder, self.stack, "stack", "export")
        except CannotDo as error:
            if UNREADABLE not in str(error) or not repair(self.folder, self.stack):
                raise
        self.say("a killed pulumi left a part of the state's file half written; it is repaired")
        return pulumi_cli.answer(self.folder, self.stack, "stack", "export")

    def put(self, state: str) -> None:
        """Put a state in the place of the stack's own. Raises CannotDo."""
        self._run("stack", "import", given=state)

    def plan(self, file: Path) -> None:
        """Write what the program would do, its secrets encrypted. Raises CannotDo."""
        self._run("preview", "--save-plan", str(file))

    def refresh(self) -> None:
        """Read everything in the state anew. Raises CannotDo."""
        self._run("refresh", "--yes", "--skip-preview")

    def _run(self, *arguments: str, given: str = "") -> None:
        for tries in range(1, _TRIES + 1):
            printed = self._failed(*arguments, given=given)
            if printed is None:
                return
            if unlock(self.folder, self.stack, printed, self.say):
                continue
            what = " ".join(arguments[: 2 if arguments[0] == "stack" else 1])
            if not is_throttled(printed) or tries == _TRIES:
                raise CannotDo(f"pulumi {what} failed: {_errors(printed)}; correct that, then run this again")
            wait_s = WAITS.wait_s(tries)
            self.say(f"Alibaba Cloud has too many requests (429); pulumi {what} runs again in {wait_s:.0f} s")
            self.sleep(wait_s)

    def _failed(self, *arguments: str, given: str) -> str | None:
        """Run a command; return what it printed if it failed. Raises Interrupted, CannotDo."""
        command = [pulumi_cli.program(), *arguments, "--stack", self.stack, "--non-interactive", "--color", "never"]
        try:
            with pulumi_cli.waiting_at_interrupts(f"pulumi {arguments[0]} has ended; run this again to go on"):
                done = subprocess.run(  # noqa: S603 - our own words
                    command,
                    cwd=self.folder,
                    input=given,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    text=True,
                    timeout=_TIMEOUT_S,
                )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise CannotDo(f"pulumi {arguments[0]}: {type(error).__name__}") from None
        return done.stdout if done.returncode else None


def _errors(printed: str) -> str:
    lines = [line.strip() for line in printed.splitlines() if "error:" in line]
    return " ".join(" ".join(lines or printed.splitlines()[-3:]).split())[:_SAID]
