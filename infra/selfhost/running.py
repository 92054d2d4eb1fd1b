"""The services of a stack as Docker sees them: state, image, age, restarts, ports."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from infra.command_errors import CannotDo
from infra.selfhost.engine_calls import DockerHost
from infra.selfhost.labels import SERVICE, STACK

HEALTHY, MISSING = "healthy", "missing"
_VERSION = "org.opencontainers.image.version"
_ATTEMPTS = 3  # an update may remove a container between two questions


@dataclass(frozen=True, kw_only=True)
class Port:
    """A published port. inside: in the container, such as 8000/tcp. address: of its host, empty for all."""

    inside: str
    address: str
    number: int

    def __str__(self) -> str:
        return f"{self.address or '*'}:{self.number}" + ("/udp" if self.inside.endswith("/udp") else "")


@dataclass(frozen=True, kw_only=True)
class Running:
    """A container of a service. serves: it is to run until it is stopped; tasks run once.

    state: its health while it runs, else Docker's word. digest: of the image in its registry; without one, as for
    images that were loaded, empty. version: of the image's label or tag.
    """

    service: str
    host: DockerHost
    id: str
    serves: bool
    state: str
    created: str
    started: datetime
    restarts: int
    out_of_memory: bool
    exit_status: int
    image_id: str
    version: str
    digest: str
    ports: tuple[Port, ...]

    @property
    def works(self) -> bool:
        """Whether it runs and is healthy."""
        return self.state == HEALTHY


@dataclass(frozen=True)
class View:
    """What was seen of a stack: the containers of its services, and why hosts could not be asked, by host."""

    containers: Sequence[Running]
    unseen: Mapping[str, str]

    @property
    def serving(self) -> list[Running]:
        """The containers that are to run until they are stopped."""
        return [one for one in self.containers if one.serves]

    def newest(self, service: str) -> Running | None:
        """Return the newest container of a service that serves."""
        found = [one for one in self.serving if one.service == service]
        return max(found, key=lambda one: one.created, default=None)


def look(hosts: Iterable[DockerHost], stack: str) -> View:
    """Ask all hosts of a stack at once."""
    hosts = list(hosts)
    containers: list[Running] = []
    unseen: dict[str, str] = {}
    with ThreadPoolExecutor(len(hosts)) as pool:
        for host, found in zip(hosts, pool.map(lambda host: _seen(host, stack), hosts), strict=True):
            if isinstance(found, CannotDo):
                unseen[host.name] = str(found)
            else:
                containers += found
    return View(sorted(containers, key=lambda one: (one.service, one.created)), unseen)


def containers_of(host: DockerHost, stack: str) -> list[Running]:
    """Return the containers of a stack's services on a host. Raises CannotDo."""
    filters = ["--filter", f"label={STACK}={stack}", "--filter", f"label={SERVICE}"]
    for attempt in range(1, _ATTEMPTS + 1):
        ids = host.run("ps", "--all", "--quiet", "--no-trunc", *filters).split()
        try:
            found = host.inspect("container", ids)
            images = host.inspect("image", sorted({one["Image"] for one in found}))
            break
        except CannotDo:
            if attempt == _ATTEMPTS:
                raise
    by_id = {image["Id"]: image for image in images}
    return [_running(host, one, by_id[one["Image"]]) for one in found]


def _seen(host: DockerHost, stack: str) -> list[Running] | CannotDo:
    try:
        return containers_of(host, stack)
    except CannotDo as error:
        return error


def _running(host: DockerHost, one: Mapping[str, Any], image: Mapping[str, Any]) -> Running:
    state = one["State"]
    return Running(
        service=one["Config"]["Labels"][SERVICE],
        host=host,
        id=one["Id"],
        serves=one["HostConfig"]["RestartPolicy"]["Name"] not in ("", "no"),
        state=_state(state),
        created=one["Created"],
        started=_time(state["StartedAt"]),
        restarts=one["RestartCount"],
        out_of_memory=state["OOMKilled"],
        exit_status=state["ExitCode"],
        image_id=image["Id"],
        version=_version(image),
        digest=next((digest.partition("@")[2] for digest in image.get("RepoDigests") or []), ""),
        ports=_ports(one["HostConfig"].get("PortBindings") or {}),
    )


def _state(state: Mapping[str, Any]) -> str:
    if state["Status"] == "running":
        return str((state.get("Health") or {}).get("Status", "running"))
    return str(state["Status"])


def _time(text: str) -> datetime:
    """Return a time of Docker, which has nanoseconds, without them."""
    return datetime.fromisoformat(f"{text[:19]}+00:00")


def _version(image: Mapping[str, Any]) -> str:
    labelled = ((image.get("Config") or {}).get("Labels") or {}).get(_VERSION)
    tagged = next((tag.rpartition(":")[2] for tag in image.get("RepoTags") or []), "")
    return str(labelled or tagged)


def _ports(bindings: Mapping[str, Any]) -> tuple[Port, ...]:
    return tuple(
        Port(inside=inside, address=bound.get("HostIp") or "", number=int(bound["HostPort"]))
        for inside, outside in sorted(bindings.items())
        for bound in outside or ()
    )
