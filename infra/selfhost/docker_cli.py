"""Runs `docker` against one of the stack's engines: locally, or over SSH on its host."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Sequence
from urllib.parse import urlsplit

from infra.command_errors import CannotDo
from infra.selfhost.config import Host

_TIMEOUT_S = 30.0
# No one is there to answer a question from ssh. If an option is given twice, ssh takes the first.
NO_QUESTIONS = ("-o", "BatchMode=yes")


def docker_command(docker_host: str, ssh_options: Sequence[str]) -> list[str]:
    """Return the command that docker's arguments follow; over SSH it is the host's `docker`, as with the provider."""
    if not docker_host.startswith("ssh://"):
        return ["docker", "--host", docker_host]
    parts = urlsplit(docker_host)
    port = ["-p", str(parts.port)] if parts.port else []
    return ["ssh", *ssh_options, *port, f"{parts.username}@{parts.hostname}", "docker"]


def docker_call(docker_host: str, ssh_options: Sequence[str], *arguments: str) -> list[str]:
    """Return a whole command. Over SSH a shell of the host reads it, so the arguments are quoted for one."""
    over_ssh = docker_host.startswith("ssh://")
    return [*docker_command(docker_host, ssh_options), *(map(shlex.quote, arguments) if over_ssh else arguments)]


def answer(host: Host, *arguments: str, timeout_s: float = _TIMEOUT_S) -> str:
    """Run `docker` on a host and return what it printed. Raises CannotDo with its last line."""
    command = docker_call(host.docker, (*NO_QUESTIONS, *host.ssh_options), *arguments)
    what = f"docker {arguments[0]} on {host.docker}"
    try:
        done = subprocess.run(  # noqa: S603 - our own words, names from the stack's own configuration
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout_s, check=False
        )
    except FileNotFoundError:
        raise CannotDo(f"{what}: the command {command[0]} is not installed here") from None
    except subprocess.TimeoutExpired:
        raise CannotDo(f"{what}: no answer within {timeout_s:g} s") from None
    if done.returncode:
        said = done.stderr.strip().splitlines()
        raise CannotDo(f"{what}: {said[-1] if said else f'ended with status {done.returncode}'}")
    return done.stdout
