"""The commands of Pulumi that a recovery needs, with locks of killed runs removed, and repeated on 429."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from infra import pulumi_cli
from infra.aliyun.deployed.repeating import TRIES, repeated
from infra.aliyun.recovery.checkpoint import UNREADABLE, repair
from infra.command_errors import CannotDo

_TIMEOUT_S = 900.0
_ENDINGS_S = (300.0, 30.0)  # for what it has begun, after the first signal; to end at once, after the second
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
        what = f"pulumi {' '.join(arguments[: 2 if arguments[0] == 'stack' else 1])}"
        ended = repeated(
            lambda: self._failed(*arguments, given=given),
            what,
            folder=self.folder,
            stack=self.stack,
            say=self.say,
            sleep=self.sleep,
        )
        if ended.printed is None:
            return
        if ended.refused:
            raise CannotDo(f"{what} was refused {TRIES} times with 429 (too many requests); run this again later")
        raise CannotDo(f"{what} failed: {_errors(ended.printed)}; correct that, then run this again")

    def _failed(self, *arguments: str, given: str) -> str | None:
        """Run a command; return what it printed if it failed. Raises Interrupted, CannotDo."""
        command = [pulumi_cli.program(), *arguments, "--stack", self.stack, "--non-interactive", "--color", "never"]
        try:
            with (
                pulumi_cli.waiting_at_interrupts(f"pulumi {arguments[0]} has ended; run this again to go on"),
                subprocess.Popen(  # noqa: S603 - our own words
                    command,
                    cwd=self.folder,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    text=True,
                ) as process,
            ):
                try:
                    printed, _ = process.communicate(given, timeout=_TIMEOUT_S)
                except subprocess.TimeoutExpired:
                    _stop(process)
                    raise CannotDo(
                        f"pulumi {arguments[0]} did not end within {_TIMEOUT_S:.0f} s and was stopped;"
                        " run `recover` again"
                    ) from None
        except OSError as error:
            raise CannotDo(f"pulumi {arguments[0]}: {type(error).__name__}") from None
        return printed if process.returncode else None


def _stop(process: subprocess.Popen[str]) -> None:
    """Let pulumi end in order, which releases its lock; then at once; kill it only if it takes neither."""
    for wait_s in _ENDINGS_S:
        process.send_signal(signal.SIGINT)
        try:
            process.communicate(timeout=wait_s)
        except subprocess.TimeoutExpired:
            continue
        return
    process.kill()
    process.wait()


def _errors(printed: str) -> str:
    lines = [line.strip() for line in printed.splitlines() if "error:" in line]
    return " ".join(" ".join(lines or printed.splitlines()[-3:]).split())[:_SAID]
