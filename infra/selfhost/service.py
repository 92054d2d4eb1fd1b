"""A container that runs until it is stopped, hardened; the only way this target starts one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import pulumi
import pulumi_docker as docker

from infra.selfhost.config import Limit
from infra.selfhost.files import FOLDER, Files, FilesArgs
from infra.selfhost.hardening import hardening
from infra.selfhost.health import Health
from infra.selfhost.hosts import Engine
from infra.selfhost.labels import FILES, GENERATION, REASON, SERVICE, generation, labels
from infra.selfhost.process_limit import limit_hook

HEALTHY_WITHIN_S = 60
# Docker cannot change these in a running container, so a change replaces it.
_REPLACE_ON = ["healthcheck", "labels", "logDriver", "logOpts", "mounts", "stopTimeout"]


@dataclass(frozen=True, kw_only=True)
class Placement:
    """Where a container runs, from which image, and with which limits.

    published: its port on the host, for those who reach it from outside its Docker network.
    keep_data: whether `destroy` leaves its data volumes in place.
    """

    engine: Engine
    image_id: pulumi.Input[str]
    limit: Limit
    published: int
    keep_data: bool


@dataclass(frozen=True, kw_only=True)
class ServiceArgs:
    """What differs from service to service.

    files: contents by name, found under FOLDER; secret contents are secret outputs.
    files_reloaded: the running service reads changed files, so they do not replace its container. reason: a text
    whose change does.
    volumes: data volumes by mount path. host_folders: folders of the host by mount path, read-only.
    scratch: sizes in MB of in-memory file systems, by mount path.
    ports: a service that publishes any, or has data, is stopped before its successor starts; others overlap.
    """

    placement: Placement
    alias: str
    user: str
    health: Health
    more_aliases: Sequence[str] = ()
    command: Sequence[pulumi.Input[str]] = ()
    environment: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)
    files: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)
    files_reloaded: bool = False
    reason: str = ""
    volumes: Mapping[str, docker.Volume] = field(default_factory=dict)
    host_folders: Mapping[str, str] = field(default_factory=dict)
    scratch: Mapping[str, int] = field(default_factory=lambda: {"/tmp": 64})  # noqa: S108 - a tmpfs of the container
    ports: Sequence[docker.ContainerPortArgs] = ()
    stop_s: int = 15


class Service(pulumi.ComponentResource):
    """One container with its files; `container` is healthy when this is done."""

    def __init__(self, name: str, args: ServiceArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("claude-memory:selfhost:Service", name, None, opts)
        engine = args.placement.engine
        self.files = self._files(f"{name}-files", args) if args.files else None
        self.container = docker.Container(
            name,
            image=args.placement.image_id,
            command=list(args.command) or None,
            envs=[pulumi.Output.concat(key, "=", value) for key, value in sorted(args.environment.items())],
            healthcheck=args.health.args(),
            wait=True,
            wait_timeout=HEALTHY_WITHIN_S,
            restart="unless-stopped",
            stop_timeout=args.stop_s,
            destroy_grace_seconds=args.stop_s,
            mounts=[*self._file_mounts(), *_data_mounts(args)],
            networks_advanced=[
                docker.ContainerNetworksAdvancedArgs(name=engine.network.name, aliases=[args.alias, *args.more_aliases])
            ],
            ports=list(args.ports),
            labels=self._labels(name, args),
            **hardening(args.placement.limit, args.user, args.scratch, engine.logging),
            opts=pulumi.ResourceOptions(
                parent=self,
                provider=engine.provider,
                depends_on=[self.files.holder] if self.files is not None else [],
                delete_before_replace=bool(args.ports or args.volumes),
                replace_on_changes=_REPLACE_ON,
                hooks=pulumi.ResourceHookBinding.merge(
                    engine.hooks, pulumi.ResourceHookBinding(after_create=[limit_hook(name, engine.docker)])
                ),
            ),
        )
        self.register_outputs({"container": self.container.id})

    def _files(self, name: str, args: ServiceArgs) -> Files:
        return Files(
            name,
            FilesArgs(
                engine=args.placement.engine,
                image_id=args.placement.image_id,
                contents=args.files,
                reloaded=args.files_reloaded,
            ),
            pulumi.ResourceOptions(parent=self),
        )

    def _file_mounts(self) -> list[docker.ContainerMountArgs]:
        if self.files is None:
            return []
        return [docker.ContainerMountArgs(target=FOLDER, type="volume", source=self.files.volume.name, read_only=True)]

    def _labels(self, name: str, args: ServiceArgs) -> list[docker.ContainerLabelArgs]:
        more: dict[str, pulumi.Input[str]] = {SERVICE: name}
        if self.files is not None and not args.files_reloaded:
            more[FILES] = self.files.digest
        if args.reason:
            more[REASON] = args.reason
        return labels({**more, GENERATION: generation(_declared(args, more.get(FILES, "")))})


def _declared(args: ServiceArgs, files: pulumi.Input[str]) -> dict[str, pulumi.Input[Any]]:
    """Return what makes a container of this service another one."""
    return {
        "image": args.placement.image_id,
        "command": list(args.command),
        "environment": dict(args.environment),
        "files": files,
        "user": args.user,
        "health": asdict(args.health),
        "volumes": sorted(args.volumes),
        "ports": [[port.internal, port.external, port.ip] for port in args.ports],
        "reason": args.reason,
    }


def _data_mounts(args: ServiceArgs) -> list[docker.ContainerMountArgs]:
    data = [
        docker.ContainerMountArgs(target=path, type="volume", source=volume.name)
        for path, volume in args.volumes.items()
    ]
    folders = [
        docker.ContainerMountArgs(target=path, type="bind", source=folder, read_only=True)
        for path, folder in args.host_folders.items()
    ]
    return data + folders
