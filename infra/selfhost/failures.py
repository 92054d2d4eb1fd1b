"""Shows the last log lines of a container that did not start, and its health check, which the provider does not.

The engine asks the program for them, so a program that has to end waits for what is being made.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import Callable, Sequence
from contextlib import suppress

import pulumi

from infra.selfhost.docker_cli import docker_call
from infra.selfhost.labels import filters

_LINES = 20
_TIMEOUT_S = 20


class Underway:
    """The containers that the engine is making right now."""

    def __init__(self) -> None:
        self._names: set[str] = set()
        self._none = asyncio.Event()
        self._none.set()

    def begin(self, name: str) -> None:
        """Note that one is being made."""
        self._names.add(name)
        self._none.clear()

    def end(self, name: str) -> None:
        """Note that it is there, or failed and has had its log shown."""
        self._names.discard(name)
        if not self._names:
            self._none.set()

    async def over(self, within_s: float) -> None:
        """Wait until none is being made, but no longer than that."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._none.wait(), within_s)


class Hooks:
    """The hooks of containers, by which `underway` is known and the log of one that failed is shown."""

    def __init__(self) -> None:
        self.underway = Underway()
        only_a_look = pulumi.ResourceHookOptions(ignore_errors=True)
        self._begin = pulumi.ResourceHook("begin", lambda made: self.underway.begin(made.name), only_a_look)
        self._end = pulumi.ResourceHook("end", lambda made: self.underway.end(made.name), only_a_look)

    def of(self, engine: str, docker_host: str, ssh_options: Sequence[str]) -> pulumi.ResourceHookBinding:
        """Return those of the containers on an engine; none requests a retry."""
        stack = pulumi.get_stack()

        def show(failed: pulumi.ErrorHookArgs) -> bool:
            lines = last_lines(docker_host, ssh_options, filters(stack, failed.name))
            if lines:
                pulumi.log.error(f"the last log lines of {failed.name}:\n{lines}")
            self.underway.end(failed.name)
            return False

        return pulumi.ResourceHookBinding(
            before_create=[self._begin], after_create=[self._end], on_error=[pulumi.ErrorHook(f"logs-{engine}", show)]
        )


def last_lines(docker_host: str, ssh_options: Sequence[str], options: Sequence[str]) -> str:
    """Return the last log lines of the newest container that `docker ps` lists, or in one line why they are missing.

    Empty if it logged nothing, or is healthy: then it is the previous one, and the new one was never created.
    """

    def read(what: str, errors: int, *arguments: str) -> str:
        try:
            return _output(docker_call(docker_host, ssh_options, *arguments), errors)
        except subprocess.CalledProcessError as error:
            raise _Unread(f"({what} could not be read: {(error.stderr or error.stdout).strip()})") from None
        except (OSError, subprocess.TimeoutExpired) as error:
            raise _Unread(f"({what} could not be read: {error})") from None

    def log() -> str:
        return read("its log", subprocess.STDOUT, "logs", "--tail", str(_LINES), container)

    def check() -> str:
        health = "{{json .State.Health}}"
        return _last_check(read("its health check", subprocess.PIPE, "inspect", "--format", health, container))

    latest = ("ps", "--all", "--latest", "--format", "{{.ID}} {{.Status}}", *options)
    try:
        container, _, status = read("its log", subprocess.PIPE, *latest).partition(" ")
    except _Unread as why:
        return str(why)
    if not container or "(healthy)" in status:
        return ""
    return "\n".join(part for part in (_or_why_not(log), _or_why_not(check)) if part)


class _Unread(Exception):
    """Says in one line what could not be read, and why."""


def _or_why_not(read: Callable[[], str]) -> str:
    try:
        return read()
    except _Unread as why:
        return str(why)


def _last_check(health: str) -> str:
    """Return what the last health check said, if it failed. health: as Docker has it, in JSON; empty or null: none."""
    checks = (json.loads(health or "null") or {}).get("Log") or []
    if not checks or checks[-1]["ExitCode"] == 0:
        return ""
    said = checks[-1]["Output"].strip() or "nothing"
    return f"(its health check ended with status {checks[-1]['ExitCode']} and said: {said})"


def _output(command: Sequence[str], errors: int) -> str:
    """Return what a command printed. errors: where its error output goes."""
    done = subprocess.run(  # noqa: S603 - a fixed command, names from the stack's own configuration
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=errors,
        timeout=_TIMEOUT_S,
        check=True,
        text=True,
    )
    return done.stdout.strip()
