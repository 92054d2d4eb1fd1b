"""Shows the last log lines of a container that did not start, which the provider itself does not."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence

import pulumi

from infra.selfhost.docker_cli import docker_command
from infra.selfhost.labels import filters

_LINES = 20
_TIMEOUT_S = 20


def log_hook(engine: str, docker_host: str, ssh_options: Sequence[str]) -> pulumi.ErrorHook:
    """Return a hook that prints the last log lines of the service that failed; it never requests a retry."""
    command, stack = docker_command(docker_host, ssh_options), pulumi.get_stack()

    def show(failed: pulumi.ErrorHookArgs) -> bool:
        lines = last_lines(command, filters(stack, failed.name))
        if lines:
            pulumi.log.error(f"the last log lines of {failed.name}:\n{lines}")
        return False

    return pulumi.ErrorHook(f"logs-{engine}", show)


def last_lines(docker: Sequence[str], options: Sequence[str]) -> str:
    """Return the last log lines of the newest container that `docker ps` lists, or in one line why they are missing.

    Empty if it logged nothing, or is healthy: then it is the previous one, and the new one was never created.
    """
    try:
        newest = _output(
            [*docker, "ps", "--all", "--latest", "--format", "{{.ID}} {{.Status}}", *options], subprocess.PIPE
        )
        container, _, status = newest.partition(" ")
        if not container or "(healthy)" in status:
            return ""
        return _output([*docker, "logs", "--tail", str(_LINES), container], subprocess.STDOUT)
    except subprocess.CalledProcessError as error:
        return f"(its log could not be read: {(error.stderr or error.stdout).strip()})"
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"(its log could not be read: {error})"


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
