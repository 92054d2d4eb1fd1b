"""The base of each service that is one container: where it listens, and the volumes with its data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

import pulumi

from infra.selfhost.hosts import Engine, Listener
from infra.selfhost.reload import Reload, ReloadArgs
from infra.selfhost.service import Service, ServiceArgs
from infra.selfhost.volumes import data_volume


class SingleService(pulumi.ComponentResource):
    """A subclass gives only what is its own; its name is part of its type in Pulumi. volumes: its data's, by path."""

    def __init__(
        self,
        name: str,
        args: ServiceArgs,
        opts: pulumi.ResourceOptions | None = None,
        *,
        port: int,
        users: Iterable[Engine] = (),
        operator: bool = False,
        data: Mapping[str, str] | None = None,
        reload_image_id: pulumi.Input[str] | None = None,
    ) -> None:
        """Declare the service.

        args: without volumes, which follow from `data`; its ports are published beside `port`.
        port: where it listens. users: engines with users of it. operator: publishes it on loopback of its host as well.
        data: suffixes of its data volumes' names, by mount path.
        reload_image_id: the app's image, from which changed files are followed by a POST to /-/reload.
        """
        super().__init__(f"claude-memory:selfhost:{type(self).__name__}", name, None, opts)
        placement = args.placement
        self.listener = Listener(
            engine=placement.engine, alias=args.alias, internal=port, published=placement.published
        )
        self.volumes = {
            path: data_volume(f"{name}-{suffix}", placement.engine, placement.keep_data, self)
            for path, suffix in (data or {}).items()
        }
        self.service = Service(
            name,
            replace(
                args,
                volumes=self.volumes,
                ports=[*args.ports, *self.listener.binds(*users, operator=operator)],
            ),
            pulumi.ResourceOptions(parent=self),
        )
        if reload_image_id is not None:
            Reload(
                f"{name}-reload",
                ReloadArgs(
                    service=self.service,
                    engine=placement.engine,
                    image_id=reload_image_id,
                    url=f"http://{args.alias}:{port}/-/reload",
                ),
                pulumi.ResourceOptions(parent=self),
            )
        self.register_outputs({"container": self.service.container.id})
