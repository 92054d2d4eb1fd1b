"""The Docker engines of a stack, each with a provider and a network, and how containers reach one another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_docker as docker

from infra.selfhost.config import ROLES, Host, Hosts, Role
from infra.selfhost.docker_cli import docker_command
from infra.selfhost.failures import Hooks, Underway
from infra.selfhost.log_driver import ON_HOSTS, Logging

LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, kw_only=True)
class Engine:
    """One Docker engine.

    address: of its host, where other hosts reach the ports it publishes.
    docker: the command that reaches it. logging: where its containers' logs go.
    hooks: of each container; they print the last log lines of one that did not start. underway: all being made.
    again: by name of a task that failed in the last update, what makes it run again.
    """

    name: str
    provider: docker.Provider
    network: docker.Network
    address: str | None
    memory_mb: int
    docker: Sequence[str]
    logging: Logging
    hooks: pulumi.ResourceHookBinding
    underway: Underway
    again: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Listener:
    """A port of a service: on its engine's network by alias, and on the host only for users outside that network."""

    engine: Engine
    alias: str
    internal: int
    published: int

    def seen_from(self, engine: Engine) -> str:
        """Return host:port as containers of an engine reach it."""
        if engine is self.engine:
            return f"{self.alias}:{self.internal}"
        address = self.engine.address or ""
        return f"{f'[{address}]' if ':' in address else address}:{self.published}"

    @property
    def local_url(self) -> str:
        """Its URL for the operator, on its host alone."""
        return f"http://{LOOPBACK}:{self.published}"

    def binds(self, *users: Engine, operator: bool = False) -> list[docker.ContainerPortArgs]:
        """Return the ports to publish for users on these engines and, on loopback, for the operator."""
        addresses = {self.engine.address for user in users if user is not self.engine}
        if operator:
            addresses.add(LOOPBACK)
        return [
            docker.ContainerPortArgs(internal=self.internal, external=self.published, ip=address)
            for address in sorted(filter(None, addresses))
        ]


class Engines(pulumi.ComponentResource):
    """The engine of each role; roles with the same Docker address share one."""

    def __init__(
        self,
        name: str,
        hosts: Hosts,
        again: Mapping[str, str] | None = None,
        logging: Logging = ON_HOSTS,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("claude-memory:selfhost:Engines", name, None, opts)
        self._logging = logging
        self._of: dict[Role, tuple[Engine, ...]] = {}
        self._hooks, self._again = Hooks(), again or {}
        made = {one.host.docker: self._engine(f"{name}-{one.name}", one.host) for one in hosts.by_engine().values()}
        for role in ROLES:
            self._of[role] = tuple(made[host.docker] for host in hosts.of(role))
        self.all = tuple(made.values())
        self.register_outputs({"networks": [engine.network.name for engine in self.all]})

    def __getitem__(self, role: Role) -> Engine:
        return self._of[role][0]

    def of(self, role: Role) -> tuple[Engine, ...]:
        """Return all engines of a role."""
        return self._of[role]

    def _engine(self, name: str, host: Host) -> Engine:
        provider = docker.Provider(
            name,
            host=host.docker,
            ssh_opts=list(host.ssh_options) if host.docker.startswith("ssh://") else None,
            opts=pulumi.ResourceOptions(parent=self),
        )
        network = docker.Network(name, driver="bridge", opts=pulumi.ResourceOptions(parent=self, provider=provider))
        return Engine(
            name=name,
            provider=provider,
            network=network,
            address=host.address,
            memory_mb=host.memory_mb,
            docker=docker_command(host.docker, host.ssh_options),
            logging=self._logging,
            hooks=self._hooks.of(name, host.docker, host.ssh_options),
            underway=self._hooks.underway,
            again=self._again,
        )
