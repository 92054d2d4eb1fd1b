"""The images of a stack, each declared once on every engine that uses it."""

from __future__ import annotations

from collections.abc import Mapping

import pulumi
import pulumi_docker as docker

from infra.selfhost import image_lock
from infra.selfhost.config import ImageNames
from infra.selfhost.hosts import Engine, Engines


class Images:
    """`images[kind, engine]` is the id of an image on an engine, pulled unless it is there already.

    locked: digests by name and tag, from the lock.
    """

    def __init__(self, engines: Engines, names: ImageNames, locked: Mapping[str, str]) -> None:
        self._engines, self._names, self._locked = engines, names, locked
        self._declared: dict[tuple[str, str], docker.RemoteImage] = {}

    def __getitem__(self, key: tuple[str, Engine]) -> pulumi.Output[str]:
        kind, engine = key
        if (kind, engine.name) not in self._declared:
            self._declared[kind, engine.name] = docker.RemoteImage(
                f"{engine.name}-{kind.replace('_', '-')}-image",
                name=image_lock.pinned(getattr(self._names, kind), self._locked),
                keep_locally=True,
                opts=pulumi.ResourceOptions(provider=engine.provider, parent=self._engines),
            )
        return self._declared[kind, engine.name].image_id
