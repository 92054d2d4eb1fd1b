"""A stack in Docker and in a state, as `pulumi up` leaves them when it is killed at one of its resources.

What the program declares is made under names such as Pulumi makes up; in place of each service something runs that
only waits to be stopped.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import httpx

from infra.plan import Declared, Plan
from infra.selfhost.config import Host, Hosts
from tests.support.declared import body
from tests.support.docker import DockerEngine

CONTAINER, NETWORK, VOLUME = (
    f"docker:index/{one}" for one in ("container:Container", "network:Network", "volume:Volume")
)
STACK = "test"  # of tests.support.stacks
_WAITS = "trap 'exit 0' TERM; while :; do sleep 1; done & wait"


class InterruptedStack:
    """hosts: all roles on the engine. ids: of what the state knows, by resource name and type."""

    def __init__(self, engine: DockerEngine, plan: Plan, image: str) -> None:
        self._engine, self._plan, self._image = engine, plan, image
        host = Host(docker=engine.host)
        self.hosts = Hosts(data=host, app=host, monitoring=host, edge=host)
        self.known: dict[tuple[str, str], dict[str, Any]] = {}  # resources of the state, as an export has them
        self.begun: list[dict[str, Any]] = []
        self._api = httpx.Client(
            transport=httpx.HTTPTransport(uds=engine.host.removeprefix("unix://")), base_url="http://docker", timeout=60
        )
        self._made: list[tuple[str, str]] = []  # type and id of all that was made, in its order
        self._count = 0

    def up(self) -> None:
        """Make everything, and let the state know it."""
        for one in self._plan.resources:
            if one.type in (CONTAINER, NETWORK, VOLUME):
                self.make(one)

    def make(self, one: Declared) -> str:
        """Make a resource, and let the state know it; return its id."""
        self.known[one.key] = self._begin(one)
        return str(self.known[one.key]["id"])

    def killed_at(self, one: Declared, started: bool = True) -> str:
        """Make a resource that the state does not get to know; return its id.

        What has ports or data was deleted before, as the engine does for those. started: or only created so far.
        """
        if one.type == CONTAINER and deleted_first(one):
            self.remove(str(self.known.pop(one.key)["id"]))
        made = self._begin(one, started)
        self.begun.append({"type": "creating", "resource": {key: value for key, value in made.items() if key != "id"}})
        return str(made["id"])

    def export(self) -> str:
        """Return what `pulumi stack export` prints."""
        stack = {"urn": f"urn:pulumi:{STACK}::claude-memory::pulumi:pulumi:Stack::claude-memory-{STACK}"}
        resources = [{**stack, "type": "pulumi:pulumi:Stack"}, *self.known.values()]
        return json.dumps({"version": 3, "deployment": {"resources": resources, "pending_operations": self.begun}})

    def there(self) -> set[str]:
        """Return the ids of all containers, networks and volumes on the engine."""
        listed = [("ps", "--all"), ("network", "ls")]
        ids = {id_ for command in listed for id_ in self._engine.run(*command, "--quiet", "--no-trunc").split()}
        return ids | set(self._engine.run("volume", "ls", "--quiet").split())

    def runs(self, id_: str) -> bool:
        """Whether a container runs."""
        return self._engine.run("inspect", "--format", "{{.State.Running}}", id_) == "true"

    def remove(self, container: str) -> None:
        """Remove a container."""
        self._engine.run("rm", "--force", container)

    def down(self) -> None:
        """Remove everything that was made."""
        self._api.close()
        for type_, id_ in reversed(self._made):
            command = {CONTAINER: ("rm", "--force"), NETWORK: ("network", "rm"), VOLUME: ("volume", "rm")}[type_]
            self._engine.run(*command, id_, check=False)

    def _begin(self, one: Declared, started: bool = True) -> dict[str, Any]:
        self._count += 1
        name = one.inputs.get("name") or f"{one.name}-{self._count:07x}"
        id_ = {CONTAINER: self._container, NETWORK: self._network, VOLUME: self._volume}[one.type](one, name, started)
        self._made.append((one.type, id_))
        return {
            "urn": one.urn,
            "type": one.type,
            "id": id_,
            "inputs": {**_without_content(one.inputs), "name": name},
            "outputs": {"name": name},
        }

    def _network(self, one: Declared, name: str, started: bool) -> str:
        return self._engine.run("network", "create", name)

    def _volume(self, one: Declared, name: str, started: bool) -> str:
        labels = [f"--label={label['label']}={label['value']}" for label in one.inputs.get("labels", [])]
        return self._engine.run("volume", "create", *labels, name)

    def _container(self, one: Declared, name: str, started: bool) -> str:
        made = {**body(self._with_real_names(one.inputs)), "Image": self._image, "User": "", "Cmd": []}
        made["Entrypoint"] = ["sh", "-c", "exit 0" if one.inputs.get("attach") else _WAITS]
        made.pop("Healthcheck", None)
        if not started:  # the provider connects it to its network later, and starts it then
            made["HostConfig"]["NetworkMode"] = "default"
            made.pop("NetworkingConfig", None)
        answer = self._api.post("/containers/create", params={"name": name}, json=made)
        assert answer.status_code == 201, f"{name}: {answer.text}"
        id_ = str(answer.json()["Id"])
        if started and one.inputs.get("start", True):
            self._engine.run("start", id_)
        return id_

    def _with_real_names(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """Return inputs with the names that networks and volumes have in Docker."""
        names = {name: known["inputs"]["name"] for (type_, name), known in self.known.items() if type_ != CONTAINER}
        mounts = [{**one, "source": names.get(one["source"], one["source"])} for one in inputs.get("mounts", [])]
        real = {**inputs, "mounts": mounts}
        if "networksAdvanced" in inputs:
            real["networksAdvanced"] = [{**one, "name": names[one["name"]]} for one in inputs["networksAdvanced"]]
        return real


def deleted_first(one: Declared) -> bool:
    """Whether the engine deletes a container before it makes its successor."""
    return bool(one.inputs.get("ports")) or any(
        mount["type"] == "volume" and not mount.get("readOnly") and not one.inputs.get("uploads")
        for mount in one.inputs.get("mounts", [])
    )


def _without_content(inputs: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in inputs.items() if name in ("attach", "labels", "name")}
