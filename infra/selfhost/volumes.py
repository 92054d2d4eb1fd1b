"""Volumes with data: they outlive the stack, and the next `up` finds them by their names."""

from __future__ import annotations

import pulumi
import pulumi_docker as docker

from infra.selfhost.hosts import Engine


def data_volume(name: str, engine: Engine, keep: bool, parent: pulumi.Resource) -> docker.Volume:
    """Declare a volume; `keep`: whether `destroy` leaves it where it is.

    Its name is fixed, with the stack's before it: one that Pulumi makes up is another one after `destroy`, and the
    data would lie beside the new, empty volume.
    """
    return docker.Volume(
        name,
        name=f"{pulumi.get_stack()}-{name}",
        opts=pulumi.ResourceOptions(parent=parent, provider=engine.provider, retain_on_delete=keep),
    )
