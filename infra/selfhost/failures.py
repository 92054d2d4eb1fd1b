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
        pulumi.log.error(f"{failed.name} last said:\n{last_lines(command, filters(stack, failed.name))}")
        return False

    return pulumi.ErrorHook(f"logs-{engine}", show)


def last_lines(docker: Sequence[str], found_by: Sequence[str]) -> str:
    """Return the last log lines of the newest container found, or in one line why they cannot be had."""
    try:
        newest = _output([*docker, "ps", "--all", "--quiet", "--latest", *found_by], subprocess.PIPE)
        if not newest:
            return "(no container was made)"
        return _output([*docker, "logs", "--tail", str(_LINES), newest], subprocess.STDOUT) or "(nothing)"
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
