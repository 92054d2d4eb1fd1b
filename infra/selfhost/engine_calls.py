"""The Docker engines of a stack, as commands beside Pulumi ask them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from infra.selfhost.config import Host, Hosts, Role
from infra.selfhost.docker_cli import NO_QUESTIONS, answer, docker_call

_TIMEOUT_S = 30.0


@dataclass(frozen=True, kw_only=True)
class DockerHost:
    """One Docker engine of a stack, with its roles.

    name: as in the name of its engine in Pulumi. address: in the private network; a single host has none.
    """

    docker: str
    roles: tuple[Role, ...]
    name: str
    ssh_options: tuple[str, ...] = ()
    address: str | None = None

    @classmethod
    def all_of(cls, hosts: Hosts) -> list[DockerHost]:
        """Return the engines of a stack."""
        return [
            cls(docker=engine, roles=roles, name=name, ssh_options=host.ssh_options, address=host.address)
            for engine, (host, roles, name) in hosts.by_engine().items()
        ]

    def command(self, *arguments: str) -> list[str]:
        """Return the command line of `docker`, for those who read its output as it comes."""
        return docker_call(self.docker, (*NO_QUESTIONS, *self.ssh_options), *arguments)

    def run(self, *arguments: str, timeout_s: float = _TIMEOUT_S) -> str:
        """Return what a command of `docker` printed. Raises CannotDo."""
        return answer(Host(docker=self.docker, ssh_options=self.ssh_options), *arguments, timeout_s=timeout_s)

    def inspect(self, kind: str, ids: Sequence[str]) -> list[dict[str, Any]]:
        """Return what Docker knows of containers or images. Raises CannotDo, also when one has gone meanwhile."""
        if not ids:
            return []
        found: list[dict[str, Any]] = json.loads(self.run(kind, "inspect", *ids))
        return found
