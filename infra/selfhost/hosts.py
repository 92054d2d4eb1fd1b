"""The Docker engines of a stack, each with a provider and a network, and how containers reach one another."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_docker as docker

from infra.selfhost.config import Host, Hosts, Role
from infra.selfhost.failures import log_hook

LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, kw_only=True)
class Engine:
    """One Docker engine.

    address: of its host, where other hosts reach the ports it publishes.
    log_hook: prints the last log lines of a service that did not start.
    """

    name: str
    provider: docker.Provider
    network: docker.Network
    address: str | None
    memory_mb: int
    log_hook: pulumi.ErrorHook


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
        return f"{self.engine.address}:{self.published}"

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

    def __init__(self, name: str, hosts: Hosts, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("claude-memory:selfhost:Engines", name, None, opts)
        self._of: dict[Role, Engine] = {}
        for host, roles in hosts.by_engine().values():
            self._of |= dict.fromkeys(roles, self._engine(f"{name}-{roles[0]}", host))
        self.all = tuple({engine.name: engine for engine in self._of.values()}.values())
        self.register_outputs({"networks": [engine.network.name for engine in self.all]})

    def __getitem__(self, role: Role) -> Engine:
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
            log_hook=log_hook(name, host.docker, host.ssh_options),
        )
