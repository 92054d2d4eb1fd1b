"""What a container said last, shown when it could not be brought up: the provider itself does not tell."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence

import pulumi

from infra.selfhost.docker_cli import docker_command
from infra.selfhost.labels import filters

_LINES = 20
_PATIENCE_S = 20


def log_hook(engine: str, docker_host: str, ssh_options: Sequence[str]) -> pulumi.ErrorHook:
    """Return a hook that prints the last log lines of the service that failed; it never asks for another try."""
    command, stack = docker_command(docker_host, ssh_options), pulumi.get_stack()

    def show(failed: pulumi.ErrorHookArgs) -> bool:
        said = last_lines(command, filters(stack, failed.name))
        if said:
            pulumi.log.error(f"{failed.name} last said:\n{said}")
        return False

    return pulumi.ErrorHook(f"logs-{engine}", show)


def last_lines(docker: Sequence[str], found_by: Sequence[str]) -> str:
    """Return the last log lines of the newest container found, or in one line why they cannot be had.

    Empty when it said nothing, or is well: then it is the one before, and the failed one was not even made.
    """
    try:
        newest = _output(
            [*docker, "ps", "--all", "--latest", "--format", "{{.ID}} {{.Status}}", *found_by], subprocess.PIPE
        )
        container, _, status = newest.partition(" ")
        if not container or "(healthy)" in status:
            return ""
        return _output([*docker, "logs", "--tail", str(_LINES), container], subprocess.STDOUT)
    except subprocess.CalledProcessError as error:
        return f"(its log cannot be read: {(error.stderr or error.stdout).strip()})"
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"(its log cannot be read: {error})"


def _output(command: Sequence[str], errors: int) -> str:
    """Return what a command printed; `errors`: where its error output goes."""
    done = subprocess.run(  # noqa: S603 - a fixed command, names from the stack's own configuration
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=errors,
        timeout=_PATIENCE_S,
        check=True,
        text=True,
    )
    return done.stdout.strip()
