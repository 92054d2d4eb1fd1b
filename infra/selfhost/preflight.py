"""Contacts every Docker engine of a stack once, before any resource is touched.

The provider would report an unreachable host only at the first resource on it, after others were created elsewhere.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

from infra.errors import EnginesError
from infra.selfhost.config import Host, Hosts
from infra.selfhost.docker_cli import NO_QUESTIONS, docker_command
from infra.versions import OLDEST_ENGINE

_TIMEOUT_S = 20  # with the default sshOptions an attempt to connect ends after 10 s
_REMEDIES = {  # the first whose pattern matches the message; USER and HOST are those of the address
    r"installed here": "install it on this machine; only the command of Docker is needed",
    r"Permission denied \(": "add your public key to ~USER/.ssh/authorized_keys on the host",
    r"Host key verification failed": "the host's key changed; if you expected that, run `ssh-keygen -R HOST`",
    r"permission denied": "run `adduser USER docker` as root on the host",
    r"Cannot connect to the Docker": "run `systemctl start docker` as root on the host",
    r"(?i)resolve|no such host|connect|route|unreachable|timed out|no answer": "check the address and the host",
    r"not found": "run `apt-get install docker.io` as root on the host",
}


def check_engines(hosts: Hosts) -> None:
    """Ask all engines for their version at once. Raises EnginesError, which lists those that cannot be used."""
    engines = hosts.by_engine()
    with ThreadPoolExecutor(len(engines)) as pool:
        found = pool.map(problem, [one.host for one in engines.values()])
    problems = [
        f"{address} ({', '.join(one.roles)}): {message}"
        for (address, one), message in zip(engines.items(), found, strict=True)
        if message
    ]
    if problems:
        raise EnginesError(problems)


def problem(host: Host, timeout_s: float = _TIMEOUT_S) -> str | None:
    """Return why an engine cannot be used and what to do about it; None if it can."""
    command = docker_command(host.docker, (*NO_QUESTIONS, *host.ssh_options))
    status, line = _run([*command, "version", "--format", "{{.Server.Version}}"], timeout_s)
    if status:
        return f"{line or f'ended with status {status}'}; {_remedy(line, host.docker)}"
    version = re.match(r"(\d+)\.(\d+)", line)
    if version is None or tuple(map(int, version.groups())) < OLDEST_ENGINE:
        oldest = ".".join(map(str, OLDEST_ENGINE))
        return f"runs Docker {line or 'of an unknown version'}; upgrade it to {oldest} or later"
    return None


def _run(command: Sequence[str], timeout_s: float) -> tuple[int, str]:
    """Return a command's status and the last line it printed, or 1 and the reason why it did not run."""
    try:
        done = subprocess.run(  # noqa: S603 - a fixed command, names from the stack's own configuration
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout_s, check=False
        )
    except FileNotFoundError:
        return 1, f"the command {command[0]} is not installed here"
    except subprocess.TimeoutExpired:
        return 1, f"no answer within {timeout_s:g} s"
    lines = (done.stdout + done.stderr).strip().splitlines() if done.returncode else done.stdout.strip().splitlines()
    return done.returncode, lines[-1].strip().rstrip(".?") if lines else ""


def _remedy(message: str, docker_host: str) -> str:
    parts = urlsplit(docker_host)
    for pattern, remedy in _REMEDIES.items():
        if re.search(pattern, message):
            return remedy.replace("USER", parts.username or "YOU").replace("HOST", parts.hostname or "localhost")
    return "see docs/selfhost.md, When it fails"
