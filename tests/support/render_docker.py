"""Runs what a Render program declares on a Docker engine, in the way Render runs it, as far as that is known.

A command replaces the image's entry point and is split at spaces, without a shell. A command before a deploy runs to
its end first. PORT is 10000 unless a variable says otherwise. Secret files are in /etc/secrets and a disk at its path,
both for root and group 1000, which every process belongs to. Services find each other by name, the instances of one by
NAME-discovery.
"""

from __future__ import annotations

import io
import tarfile
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import httpx

from infra.plan import Declared, Plan
from infra.render.mock_outputs import database_url
from tests.support.docker import DockerEngine, free_port

NETWORK = "claude-memory-render"
PORT = 10_000
_GROUP = 1_000
_UP_S = 60
_SERVICES = ("WebService", "PrivateService", "BackgroundWorker")


class RenderedStack:
    """The services of a plan. ids: of containers, by the service's name, instances of one numbered from 1.

    images: what stands for an image that the plan names, by its path; `app` for what is built from the repository.
    """

    def __init__(self, engine: DockerEngine, plan: Plan, images: Mapping[str, str]) -> None:
        self._engine, self._plan, self._images = engine, plan, images
        self._api = httpx.Client(
            transport=httpx.HTTPTransport(uds=engine.host.removeprefix("unix://")), base_url="http://docker", timeout=60
        )
        self.ids: dict[str, str] = {}
        self._volumes: list[str] = []

    def up(self, instances: int = 1) -> None:
        """Start everything in the plan's order. instances: of the web service."""
        for one in self._plan.resources:
            kind = one.type.rpartition(":")[2]
            if kind == "Postgres":
                self._postgres(one.inputs["name"])
            elif kind in _SERVICES:
                self._service(one, instances if kind == "WebService" else 1)

    def down(self) -> None:
        """Remove everything that was made."""
        self._api.close()
        if self.ids:
            self._engine.run("rm", "--force", "--volumes", *self.ids.values(), check=False)
        if self._volumes:
            self._engine.run("volume", "rm", "--force", *self._volumes, check=False)

    def run_job(self, name: str) -> str:
        """Run a cron job once; return what it printed. Raises AssertionError unless it ends well."""
        job = next(one for one in self._plan.resources if one.inputs.get("name") == name)
        return self._run_to_its_end(job, job.inputs["dockerCommand"])

    def logs(self, name: str) -> str:
        """Return all that a service printed."""
        return self._engine.run("logs", self.ids[name], both=True)

    def read(self, name: str, path: str) -> bytes | None:
        """Return a file of a service; None when there is none."""
        answer = self._api.get(f"/containers/{self.ids[name]}/archive", params={"path": path})
        if answer.status_code == 404:
            return None
        answer.raise_for_status()
        with tarfile.open(fileobj=io.BytesIO(answer.content)) as tar:
            content = tar.extractfile(tar.getmembers()[0])
            assert content is not None, f"{path} of {name} is no file"
            return content.read()

    def address(self, name: str, port: int = PORT) -> str:
        """Return the URL of a service's port on this machine."""
        shown = self._api.get(f"/containers/{self.ids[name]}/json").raise_for_status().json()
        [binding] = shown["NetworkSettings"]["Ports"][f"{port}/tcp"]
        return f"http://127.0.0.1:{binding['HostPort']}"

    # How things are started ---------------------------------------------------------------------

    def _service(self, one: Declared, instances: int) -> None:
        inputs, name = one.inputs, one.inputs["name"]
        if command := inputs.get("preDeployCommand"):
            self._run_to_its_end(one, command)
        for number in range(1, instances + 1):
            label = name if number == 1 else f"{name}-{number}"
            self._start(label, self._body(one, inputs.get("dockerCommand"), [name, f"{name}-discovery"]), inputs)
            if path := inputs.get("healthCheckPath"):
                self._wait_for(f"{self.address(label)}{path}", label)
            elif one.type.endswith(":PrivateService"):
                self._wait_for(self.address(label, _port(inputs)), label)

    def _start(self, label: str, body: dict[str, Any], inputs: Mapping[str, Any]) -> None:
        answer = self._api.post("/containers/create", params={"name": label}, json=body)
        assert answer.status_code == 201, f"{label}: {answer.text}"
        self.ids[label] = answer.json()["Id"]
        if files := inputs.get("secretFiles"):
            self._upload(self.ids[label], {name: _value(content) for name, content in files.items()})
        self._engine.run("start", self.ids[label])

    def _run_to_its_end(self, one: Declared, command: str) -> str:
        label = f"{one.inputs['name']}-{command.rpartition(' ')[2]}-{time.monotonic_ns()}"
        self._start(label, self._body(one, command, []) | {"ExposedPorts": {}}, one.inputs)
        status = self._engine.run("wait", self.ids[label])
        printed = self.logs(label)
        assert status == "0", f"{command} ended with {status}: {printed}"
        return printed

    def _body(self, one: Declared, command: str | None, aliases: list[str]) -> dict[str, Any]:
        inputs = one.inputs
        port = _port(inputs)
        body: dict[str, Any] = {
            "Image": self._images[inputs["image"]["imagePath"]] if "image" in inputs else self._images["app"],
            "Env": [f"{name}={value}" for name, value in self._environment(inputs).items()],
            "ExposedPorts": {f"{port}/tcp": {}},
            "Healthcheck": {"Test": ["NONE"]},  # Render knows nothing of an image's own check
            "HostConfig": {
                "NetworkMode": NETWORK,
                "GroupAdd": [str(_GROUP)],
                "RestartPolicy": {"Name": "no"},
                "PortBindings": {f"{port}/tcp": [{"HostIp": "127.0.0.1", "HostPort": str(free_port())}]},
                "Mounts": self._mounts(inputs),
            },
            "NetworkingConfig": {"EndpointsConfig": {NETWORK: {"Aliases": aliases}}},
        }
        if command:
            program, *arguments = command.split()
            body |= {"Entrypoint": [program], "Cmd": arguments}
        return body

    def _environment(self, inputs: Mapping[str, Any]) -> dict[str, str]:
        found: dict[str, str] = {"RENDER": "true", "PORT": str(PORT)}
        groups = {f"{one.name}-id": one.inputs for one in self._plan.resources if one.type.endswith(":EnvGroup")}
        for group in inputs.get("envGroupIds", []):
            found |= {name: _value(value) for name, value in groups[group]["envVars"].items()}
        return found | {name: _value(value) for name, value in inputs.get("envVars", {}).items()}

    def _mounts(self, inputs: Mapping[str, Any]) -> list[dict[str, str]]:
        if "disk" not in inputs:
            return []
        volume = f"{inputs['name']}-disk"
        self._volumes.append(volume)
        self._engine.run("volume", "create", volume)
        # A new file system: its top folder is root's, and there is one folder that no one else may read.
        script = f"mkdir -m 700 /disk/lost+found && chown 0:{_GROUP} /disk && chmod 2775 /disk"
        base = self._engine.base()
        self._engine.run("run", "--rm", "--volume", f"{volume}:/disk", base, "sh", "-c", script)
        return [{"Type": "volume", "Source": volume, "Target": inputs["disk"]["mountPath"]}]

    def _upload(self, container: str, files: Mapping[str, str]) -> None:
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w") as tar:
            for entry, content in _archived(files):
                tar.addfile(entry, io.BytesIO(content))
        answer = self._api.put(f"/containers/{container}/archive", params={"path": "/"}, content=archive.getvalue())
        assert answer.status_code == 200, answer.text

    def _postgres(self, name: str) -> None:
        """Start a server with a role that may do what the role that Render makes may do."""
        url = httpx.URL(database_url(name))
        # As the recipe has it: the superuser's password is in a file.
        setup = "umask 077; echo made-up >/tmp/password; exec docker-entrypoint.sh postgres -c listen_addresses='*'"
        body = {
            "Image": self._images["postgres"],
            "Entrypoint": ["sh", "-c", setup],
            "User": "postgres",
            "Env": ["POSTGRES_PASSWORD_FILE=/tmp/password", "POSTGRES_INITDB_ARGS=--auth-host=scram-sha-256"],
            "HostConfig": {"NetworkMode": NETWORK},
            "NetworkingConfig": {"EndpointsConfig": {NETWORK: {"Aliases": [name]}}},
        }
        self._start(name, body, {})
        self._until(lambda: self._psql(name, "select 1"), f"{name} answers")
        role = f"create role \"{url.username}\" login createrole createdb password '{url.password}'"
        assert self._psql(name, role)
        assert self._psql(name, f'create database "{url.path.lstrip("/")}" owner "{url.username}"')

    def _psql(self, name: str, statement: str) -> bool:
        psql = ("psql", "--username=postgres", "--quiet", "--command", statement)
        return "error" not in self._engine.run("exec", self.ids[name], *psql, check=False, both=True).lower()

    def _wait_for(self, url: str, label: str) -> None:
        self._until(lambda: _answers(url), f"{label} answers at {url}", label)

    def _until(self, is_so: Callable[[], bool], what: str, label: str = "") -> None:
        until = time.monotonic() + _UP_S
        while not is_so():
            if time.monotonic() > until:
                raise AssertionError(f"not within {_UP_S} s: {what}: {self.logs(label)[-3000:] if label else ''}")
            time.sleep(0.2)


def _port(inputs: Mapping[str, Any]) -> int:
    return int(_value(inputs.get("envVars", {}).get("PORT", str(PORT))))


def _value(value: Any) -> str:
    return str(value["value"] if isinstance(value, Mapping) else value)


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=5).status_code < 500
    except httpx.HTTPError:
        return False


def _archived(files: Mapping[str, str]) -> Iterator[tuple[tarfile.TarInfo, bytes]]:
    folder = tarfile.TarInfo("etc/secrets")
    folder.type, folder.mode, folder.gid = tarfile.DIRTYPE, 0o750, _GROUP
    yield folder, b""
    for name, text in files.items():
        entry, content = tarfile.TarInfo(f"etc/secrets/{name}"), text.encode()
        entry.size, entry.mode, entry.gid = len(content), 0o640, _GROUP
        yield entry, content
