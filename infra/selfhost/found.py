"""What a stack's Docker engines have of it, told by labels, and by the names of what an update began to make."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum

from infra.selfhost.config import Host, Hosts
from infra.selfhost.docker_cli import answer
from infra.selfhost.labels import GENERATION, SERVICE, STACK

_FIELDS = (
    *("{{.ID}}", "{{.Names}}", "{{.State}}", "{{.CreatedAt}}", "{{.Ports}}", "{{.Networks}}", "{{.Mounts}}"),
    *(f'{{{{.Label "{label}"}}}}' for label in (SERVICE, GENERATION)),
)
_SHORT = 12  # characters of an id, as Docker itself shows them
RUNNING = frozenset({"running", "restarting", "paused"})


class Kind(StrEnum):
    """In the order in which they can be removed."""

    CONTAINER = "container"
    VOLUME = "volume"
    NETWORK = "network"


@dataclass(frozen=True, kw_only=True)
class Found:
    """Something of the stack on an engine. id: of a volume its name.

    service, generation: of a container's labels, if it has them. state: as Docker has it: created, running, exited.
    uses: names of a container's networks and volumes.
    """

    kind: Kind
    host: Host
    id: str
    name: str
    service: str = ""
    generation: str = ""
    state: str = ""
    made: str = ""
    ports: str = ""
    uses: frozenset[str] = frozenset()

    @property
    def runs(self) -> bool:
        """Whether it is a container that holds its ports and answers to its names."""
        return self.state in RUNNING

    def __str__(self) -> str:
        parts = [self.state, f"generation {self.generation}" if self.generation else "", self.ports]
        more = ", ".join(filter(None, parts))
        return f"{self.kind} {self.name} on {self.host.docker}" + (f" ({more})" if more else "")


def look(hosts: Hosts, stack: str, names: Collection[str] = ()) -> list[Found]:
    """Return what all engines have of a stack: by its label, and networks by these names. Raises CannotDo."""
    engines = [one.host for one in hosts.by_engine().values()]
    with ThreadPoolExecutor(len(engines)) as pool:
        return [one for found in pool.map(lambda host: _on(host, stack, names), engines) for one in found]


def run_twice(found: Iterable[Found]) -> dict[str, list[Found]]:
    """Return the services of which more than one container runs, with these."""
    running: dict[str, list[Found]] = defaultdict(list)
    for one in found:
        if one.service and one.runs:
            running[one.service].append(one)
    return {service: several for service, several in sorted(running.items()) if len(several) > 1}


def _on(host: Host, stack: str, names: Collection[str]) -> list[Found]:
    by_label = ("--filter", f"label={STACK}={stack}")
    listed = answer(host, "ps", "--all", "--no-trunc", *by_label, "--format", "\t".join(_FIELDS))
    volumes = answer(host, "volume", "ls", *by_label, "--format", "{{.Name}}").split()
    networks = _networks(host, names) if names else []
    return [
        *(_container(host, line) for line in listed.splitlines()),
        *(Found(kind=Kind.VOLUME, host=host, id=name, name=name) for name in volumes),
        *networks,
    ]


def _container(host: Host, line: str) -> Found:
    id_, name, state, made, ports, networks, mounts, service, generation = line.split("\t")
    return Found(
        kind=Kind.CONTAINER,
        host=host,
        id=id_,
        name=name.partition(",")[0],
        service=service,
        generation=generation,
        state=state,
        made=made,
        ports=ports,
        uses=frozenset(filter(None, [*networks.split(","), *mounts.split(",")])),
    )


def _networks(host: Host, names: Collection[str]) -> list[Found]:
    listed = answer(host, "network", "ls", "--no-trunc", "--format", "{{.ID}} {{.Name}}").splitlines()
    pairs = (line.split(" ", 1) for line in listed)
    return [Found(kind=Kind.NETWORK, host=host, id=id_, name=name) for id_, name in pairs if name in names]
