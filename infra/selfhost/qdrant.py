"""Qdrant on the data host: one node, or a cluster whose nodes find each other by network alias."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pulumi

from infra.selfhost.files import FOLDER
from infra.selfhost.health import Health
from infra.selfhost.hosts import Engine, Listener
from infra.selfhost.service import Placement, Service, ServiceArgs
from infra.selfhost.volumes import data_volume

ALIAS = "qdrant"
REST_PORT, PEER_PORT = 6333, 6335
DATA, SNAPSHOTS = "/qdrant/storage", "/qdrant/snapshots"
_CLUSTER_FROM = 3
# The image has no HTTP client, but bash can talk to a port.
_READY = (
    f"exec 3<>/dev/tcp/127.0.0.1/{REST_PORT} && printf 'GET /readyz HTTP/1.0\\r\\n\\r\\n' >&3"
    ' && read -r _ status _ <&3 && [ "$status" = 200 ]'
)


@dataclass(frozen=True, kw_only=True)
class QdrantArgs:
    """placement: of every node; the first publishes the port. users: engines from which the index is used."""

    placement: Placement
    nodes: int
    api_key: pulumi.Input[str]
    users: tuple[Engine, ...]


class Qdrant(pulumi.ComponentResource):
    """All nodes; `listener` reaches any of them, through their common alias; `metrics` are each node's own."""

    def __init__(self, name: str, args: QdrantArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("claude-memory:selfhost:Qdrant", name, None, opts)
        self.listener = _listener(args, ALIAS)
        self.aliases = [f"{ALIAS}-{number}" for number in range(1, args.nodes + 1)]
        self.metrics = [_listener(args, alias) for alias in self.aliases]
        self.services: list[Service] = []
        for alias in self.aliases:
            self.services.append(self._node(f"{name}-{alias.rpartition('-')[2]}", alias, args))
        self.register_outputs({"containers": [service.container.id for service in self.services]})

    def _node(self, name: str, alias: str, args: QdrantArgs) -> Service:
        first = self.services[0].container if self.services else None
        data = data_volume(f"{name}-data", args.placement.engine, args.placement.keep_data, self)
        return Service(
            name,
            ServiceArgs(
                placement=args.placement,
                alias=alias,
                more_aliases=(ALIAS,),
                user="1000:1000",  # the image's own
                command=["./qdrant", *_arguments(alias, self.aliases)],
                files={
                    "config.yaml": pulumi.Output.from_input(args.api_key).apply(lambda key: _config(key, args.nodes))
                },
                volumes={DATA: data},
                scratch={"/tmp": 64, SNAPSHOTS: 64},  # noqa: S108 - tmpfs of the container
                ports=self.listener.binds(*args.users) if first is None else (),
                health=Health(command=["bash", "-c", _READY]),
                stop_s=30,
            ),
            pulumi.ResourceOptions(parent=self, depends_on=[first] if first else []),
        )


def _listener(args: QdrantArgs, alias: str) -> Listener:
    return Listener(engine=args.placement.engine, alias=alias, internal=REST_PORT, published=args.placement.published)


def _arguments(alias: str, aliases: list[str]) -> list[str]:
    arguments = ["--config-path", f"{FOLDER}/config.yaml", "--disable-telemetry"]
    if len(aliases) >= _CLUSTER_FROM:
        arguments += ["--uri", f"http://{alias}:{PEER_PORT}"]
        if alias != aliases[0]:
            arguments += ["--bootstrap", f"http://{aliases[0]}:{PEER_PORT}"]
    return arguments


def _config(api_key: str, nodes: int) -> str:
    """Return the server's configuration (JSON is YAML too): in a file, since an environment would show the key."""
    return json.dumps(
        {
            "service": {"host": "0.0.0.0", "http_port": REST_PORT, "api_key": api_key},  # noqa: S104 - the container's private network
            "storage": {"storage_path": DATA, "snapshots_path": SNAPSHOTS},
            "cluster": {"enabled": nodes >= _CLUSTER_FROM},
        }
    )
