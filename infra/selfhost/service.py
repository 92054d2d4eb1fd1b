"""A container that runs for good, held as tightly as its work allows; the one way this target starts one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pulumi
import pulumi_docker as docker

from infra.selfhost.config import Limit
from infra.selfhost.files import FOLDER, Files, FilesArgs
from infra.selfhost.held import held
from infra.selfhost.hosts import Engine
from infra.selfhost.labels import FILES, SERVICE, labels

HEALTHY_WITHIN_S = 60
# Docker keeps these as they were when a container is updated in place, so a change replaces it.
_REPLACE_ON = ["healthcheck", "labels", "logOpts", "mounts", "stopTimeout"]


@dataclass(frozen=True, kw_only=True)
class Health:
    """How Docker asks whether a container is well: the command, and how often."""

    command: Sequence[str]
    every_s: int = 5
    timeout_s: int = 3
    retries: int = 3
    start_s: int = 30  # failures do not count before

    def args(self) -> docker.ContainerHealthcheckArgs:
        """Return it as the provider takes it."""
        return docker.ContainerHealthcheckArgs(
            tests=["CMD", *self.command],
            interval=f"{self.every_s}s",
            timeout=f"{self.timeout_s}s",
            retries=self.retries,
            start_period=f"{self.start_s}s",
        )


@dataclass(frozen=True, kw_only=True)
class ServiceArgs:
    """What differs from service to service.

    files: contents by name, found under FOLDER; secrets are secret outputs.
    volumes: data, by the path where it is mounted.
    host_folders: of the host, read-only, by the path where they are mounted.
    ports: a service that publishes any, or has data, is stopped before its successor starts; others roll.
    """

    engine: Engine
    image_id: pulumi.Input[str]
    alias: str
    limit: Limit
    user: str
    health: Health
    more_aliases: Sequence[str] = ()
    command: Sequence[pulumi.Input[str]] = ()
    environment: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)
    files: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)
    files_reloaded: bool = False
    volumes: Mapping[str, docker.Volume] = field(default_factory=dict)
    host_folders: Mapping[str, str] = field(default_factory=dict)
    scratch: Mapping[str, int] = field(default_factory=lambda: {"/tmp": 64})  # noqa: S108 - a tmpfs of the container
    ports: Sequence[docker.ContainerPortArgs] = ()
    stop_s: int = 15


class Service(pulumi.ComponentResource):
    """One container with its files; `container` is healthy when this is done."""

    def __init__(self, name: str, args: ServiceArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("claude-memory:selfhost:Service", name, None, opts)
        self.files = self._files(f"{name}-files", args) if args.files else None
        self.container = docker.Container(
            name,
            image=args.image_id,
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
                docker.ContainerNetworksAdvancedArgs(
                    name=args.engine.network.name, aliases=[args.alias, *args.more_aliases]
                )
            ],
            ports=list(args.ports),
            labels=self._labels(name, args),
            **held(args.limit, args.user, args.scratch),
            opts=pulumi.ResourceOptions(
                parent=self,
                provider=args.engine.provider,
                depends_on=[self.files.holder] if self.files is not None else [],
                delete_before_replace=bool(args.ports or args.volumes),
                replace_on_changes=_REPLACE_ON,
                hooks=pulumi.ResourceHookBinding(on_error=[args.engine.log_hook]),
            ),
        )
        self.register_outputs({"container": self.container.id})

    def _files(self, name: str, args: ServiceArgs) -> Files:
        return Files(
            name,
            FilesArgs(engine=args.engine, image_id=args.image_id, contents=args.files, reloaded=args.files_reloaded),
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
        return labels(more)


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
