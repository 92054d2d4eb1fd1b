"""Starts what a program declares on a Docker engine, through its API: no second description of a stack."""

from __future__ import annotations

import io
import subprocess
import tarfile
import time
from collections.abc import Mapping
from typing import Any

import httpx

from infra.plan import Declared, Plan
from tests.support.docker import DockerEngine

HEALTHY_S = 60
_PREFIX = "docker:index/"


class DeclaredStack:
    """The containers, networks and volumes of a plan, in its order.

    ids: of all containers, by resource name; services: names of those that run for good.
    """

    def __init__(self, engine: DockerEngine, plan: Plan) -> None:
        self._engine, self._plan = engine, plan
        self.ids: dict[str, str] = {}
        self.services: list[str] = []
        self._api = httpx.Client(
            transport=httpx.HTTPTransport(uds=engine.host.removeprefix("unix://")), base_url="http://docker", timeout=60
        )
        self._networks: list[str] = []
        self._volumes: list[str] = []
        self._awaited: dict[str, float] = {}  # containers whose health was not seen yet, and when they were started

    def up(self) -> None:
        """Make everything. Raises AssertionError for a task that fails, or a container that stays unhealthy.

        Health is waited for before each task and at the end, for all together: the engine waits at each container, and
        what comes later takes as long for itself.
        """
        for one in self._plan.resources:
            if one.type == f"{_PREFIX}network:Network":
                self._engine.run("network", "create", one.name)
                self._networks.append(one.name)
            elif one.type == f"{_PREFIX}volume:Volume":
                self._volumes.append(one.inputs.get("name", one.name))
                self._engine.run("volume", "create", self._volumes[-1])
            elif one.type == f"{_PREFIX}container:Container":
                self._container(one)
        self._settle()

    def become(self, plan: Plan) -> None:
        """Change what runs to another plan, as the provider would: what is new, then changed files, removals last.

        Raises AssertionError where it would replace a container that runs for good.
        """
        before, self._plan = {one.name: one for one in self._containers()}, plan
        for one in self._containers():
            if one.name in self.ids and one.inputs == before[one.name].inputs:
                continue
            if one.name in self.ids:
                assert one.name not in self.services, f"{one.name} would be replaced"
                self._engine.run("rm", "--force", self.ids[one.name])
            self._volumes_of(one)
            self._container(one)
            self._settle()
        for name in set(before) - {one.name for one in self._containers()}:
            self._engine.run("stop", self.ids[name])
            self._engine.run("rm", self.ids.pop(name))
            if name in self.services:
                self.services.remove(name)

    def down(self) -> None:
        """Remove everything that was made."""
        self._api.close()
        if self.ids:
            self._engine.run("rm", "--force", "--volumes", *self.ids.values(), check=False)
        for network in self._networks:
            self._engine.run("network", "rm", network, check=False)
        if self._volumes:
            self._engine.run("volume", "rm", "--force", *self._volumes, check=False)

    def _containers(self) -> list[Declared]:
        return [one for one in self._plan.resources if one.type == f"{_PREFIX}container:Container"]

    def _volumes_of(self, one: Declared) -> None:
        for mount in one.inputs.get("mounts", []):
            if mount["type"] == "volume" and mount["source"] not in self._volumes:
                self._volumes.append(mount["source"])
                self._engine.run("volume", "create", mount["source"])

    def _container(self, one: Declared) -> None:
        inputs = one.inputs
        answer = self._api.post("/containers/create", params={"name": one.name}, json=body(inputs))
        assert answer.status_code == 201, f"{one.name}: {answer.text}"
        self.ids[one.name] = answer.json()["Id"]
        for upload in inputs.get("uploads", []):
            self._upload(self.ids[one.name], upload)
        if not inputs.get("start", True):
            return
        if inputs.get("attach"):
            self._settle()
        self._engine.run("start", self.ids[one.name])
        if inputs.get("attach"):
            status = self._engine.run("wait", self.ids[one.name])
            assert status == "0", f"{one.name} ended with {status}: {self._engine.run('logs', self.ids[one.name])}"
        elif inputs.get("wait"):
            self.services.append(one.name)
            self._awaited[one.name] = time.monotonic()

    def _settle(self) -> None:
        """Wait for the health of all that was started."""
        for name, started in self._awaited.items():
            self.wait_healthy(name, max(0.0, started + HEALTHY_S - time.monotonic()))
        self._awaited.clear()

    def wait_healthy(self, name: str, within_s: float = HEALTHY_S) -> None:
        """Wait for a container's health. Raises AssertionError with its last lines."""
        until = time.monotonic() + within_s
        while self.health(name) != "healthy":
            if time.monotonic() > until:
                logs = self._engine.run("logs", "--tail", "20", self.ids[name], both=True)
                raise AssertionError(f"{name} is not healthy in time: {logs}")
            time.sleep(0.2)

    def read(self, name: str, path: str) -> bytes | None:
        """Return a file of a container; None when there is none."""
        answer = self._api.get(f"/containers/{self.ids[name]}/archive", params={"path": path})
        if answer.status_code == 404:
            return None
        answer.raise_for_status()
        with tarfile.open(fileobj=io.BytesIO(answer.content)) as tar:
            content = tar.extractfile(tar.getmembers()[0])
            assert content is not None, f"{path} of {name} is no file"
            return content.read()

    def health(self, name: str) -> str:
        """Return what Docker says of a container's health; `-` when it does not run."""
        state = self._api.get(f"/containers/{self.ids[name]}/json").raise_for_status().json()["State"]
        return str(state["Health"]["Status"]) if state["Running"] else "-"

    def _upload(self, container: str, upload: Mapping[str, Any]) -> None:
        content = str(upload["content"]).encode()
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w") as tar:
            entry = tarfile.TarInfo(str(upload["file"]).lstrip("/"))
            entry.size, entry.mode = len(content), int(upload["permissions"], 8)
            tar.addfile(entry, io.BytesIO(content))
        subprocess.run(
            ["docker", "--host", self._engine.host, "cp", "-", f"{container}:/"],
            input=archive.getvalue(),
            check=True,
            capture_output=True,
            timeout=60,
        )


def body(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Return what Docker's API takes for a container's inputs. An input nobody knows is an error."""
    unknown = set(inputs) - _KNOWN
    assert not unknown, f"the test does not know how to start a container with {sorted(unknown)}"
    [network] = inputs.get("networksAdvanced", [{}])
    made: dict[str, Any] = {
        "Image": inputs["image"],
        "Cmd": inputs.get("command", []),
        "Env": inputs.get("envs", []),
        "User": inputs.get("user", ""),
        "Labels": {one["label"]: one["value"] for one in inputs.get("labels", [])},
        "ExposedPorts": {_port(one): {} for one in inputs.get("ports", [])},
        "HostConfig": _host_config(inputs, network.get("name", "none")),
    }
    if "entrypoints" in inputs:
        made["Entrypoint"] = inputs["entrypoints"]
    if "stopTimeout" in inputs:
        made["StopTimeout"] = int(inputs["stopTimeout"])
    if "healthcheck" in inputs:
        made["Healthcheck"] = _health(inputs["healthcheck"])
    if network:
        aliases = {"Aliases": network.get("aliases", [])}
        made["NetworkingConfig"] = {"EndpointsConfig": {network["name"]: aliases}}
    return made


def _host_config(inputs: Mapping[str, Any], network: str) -> dict[str, Any]:
    capabilities = inputs.get("capabilities", {})
    bindings: dict[str, list[dict[str, str]]] = {}
    for one in inputs.get("ports", []):
        where = {"HostIp": one.get("ip", "0.0.0.0"), "HostPort": str(int(one["external"]))}
        bindings.setdefault(_port(one), []).append(where)
    return {
        "NetworkMode": network,
        "Memory": int(inputs.get("memory", 0)) * 2**20,
        "MemorySwap": int(inputs.get("memorySwap", 0)) * 2**20,
        "NanoCpus": int(float(inputs.get("cpus", 0)) * 1e9),
        "CapDrop": capabilities.get("drops", []),
        "CapAdd": capabilities.get("adds", []),
        "SecurityOpt": inputs.get("securityOpts", []),
        "ReadonlyRootfs": inputs.get("readOnly", False),
        "Tmpfs": inputs.get("tmpfs", {}),
        "Mounts": [_mount(one) for one in inputs.get("mounts", [])],
        "PortBindings": bindings,
        "RestartPolicy": {"Name": inputs.get("restart", "no")},
        "LogConfig": {"Type": inputs.get("logDriver", "json-file"), "Config": inputs.get("logOpts", {})},
    }


def _mount(one: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "Type": one["type"],
        "Source": one["source"],
        "Target": one["target"],
        "ReadOnly": one.get("readOnly", False),
    }


def _port(one: Mapping[str, Any]) -> str:
    return f"{int(one['internal'])}/{one.get('protocol', 'tcp')}"


def _health(value: Mapping[str, Any]) -> dict[str, Any]:
    if value["tests"] == ["NONE"]:
        return {"Test": ["NONE"]}
    nanoseconds = {name: int(value[key].removesuffix("s")) * 10**9 for name, key in _TIMES.items()}
    return {"Test": value["tests"], "Retries": int(value["retries"]), **nanoseconds}


_TIMES = {"Interval": "interval", "Timeout": "timeout", "StartPeriod": "startPeriod"}
_KNOWN = {
    *("attach", "capabilities", "command", "cpus", "destroyGraceSeconds", "entrypoints", "envs", "healthcheck"),
    *("image", "labels", "logDriver", "logOpts", "logs", "memory", "memorySwap", "mounts", "mustRun", "name"),
    *("networksAdvanced", "ports", "readOnly", "restart", "securityOpts", "start", "stopTimeout", "tmpfs"),
    *("uploads", "user", "wait", "waitTimeout"),
}
