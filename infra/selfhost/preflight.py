"""Asks every Docker engine of a stack once, before any resource is touched.

The provider itself tells of a host that is away at each first resource on it, after others were made elsewhere.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

from infra.errors import EnginesError
from infra.selfhost.config import Host, Hosts
from infra.selfhost.docker_cli import docker_command
from infra.versions import OLDEST_ENGINE

_PATIENCE_S = 20  # the default sshOptions end an attempt to connect after 10 s
# Nobody answers a question of ssh here. Of an option given twice ssh takes the first.
_NO_QUESTIONS = ("-o", "BatchMode=yes")
_REMEDIES = {  # the first that fits what was said; USER and HOST are the address's
    r"installed here": "install it on this machine; of Docker the command alone is needed",
    r"Permission denied \(": "put the public half of your key into ~USER/.ssh/authorized_keys there",
    r"Host key verification failed": "another host has the address now, or `ssh-keygen -R HOST` forgets the old key",
    r"permission denied": "`adduser USER docker` as root there",
    r"Cannot connect to the Docker": "`systemctl start docker` as root there",
    r"(?i)resolve|no such host|connect|route|unreachable|timed out|no answer": "is its address right, and is it up?",
    r"not found": "`apt-get install docker.io` as root there",
}


def check_engines(hosts: Hosts) -> None:
    """Ask each distinct engine for its version, all at once. Raises EnginesError that lists all that cannot be used."""
    engines = hosts.by_engine()
    with ThreadPoolExecutor(len(engines)) as pool:
        found = pool.map(problem, [host for host, _ in engines.values()])
    problems = [
        f"{address} ({', '.join(roles)}): {said}"
        for (address, (_, roles)), said in zip(engines.items(), found, strict=True)
        if said
    ]
    if problems:
        raise EnginesError(problems)


def problem(host: Host) -> str | None:
    """Return why an engine cannot be used, and what to do; None when it can."""
    command = docker_command(host.docker, (*_NO_QUESTIONS, *host.ssh_options))
    status, said = _asked([*command, "version", "--format", "{{.Server.Version}}"])
    if status:
        return f"{said or f'ended with status {status}'}; {_remedy(said, host.docker)}"
    version = re.match(r"(\d+)\.(\d+)", said)
    if version is None or tuple(map(int, version.groups())) < OLDEST_ENGINE:
        oldest = ".".join(map(str, OLDEST_ENGINE))
        return f"runs Docker {said or 'of an unknown version'}; {oldest} is the oldest supported, so upgrade it"
    return None


def _asked(command: Sequence[str]) -> tuple[int, str]:
    """Return a command's status and the last line it printed; why it did not run is told in the same way."""
    try:
        done = subprocess.run(  # noqa: S603 - a fixed command, names from the stack's own configuration
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_PATIENCE_S, check=False
        )
    except FileNotFoundError:
        return 1, f"the command {command[0]} is not installed here"
    except subprocess.TimeoutExpired:
        return 1, f"no answer within {_PATIENCE_S} s"
    lines = (done.stdout + done.stderr).strip().splitlines() if done.returncode else done.stdout.strip().splitlines()
    return done.returncode, lines[-1].strip().rstrip(".?") if lines else ""


def _remedy(said: str, docker_host: str) -> str:
    parts = urlsplit(docker_host)
    for pattern, remedy in _REMEDIES.items():
        if re.search(pattern, said):
            return remedy.replace("USER", parts.username or "YOU").replace("HOST", parts.hostname or "localhost")
    return "docs/selfhost.md, When it fails"
