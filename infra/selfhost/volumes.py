"""Data volumes: they outlive the stack, and the next `up` finds them by name."""

from __future__ import annotations

import pulumi
import pulumi_docker as docker

from infra.selfhost.hosts import Engine


def data_volume(name: str, engine: Engine, keep: bool, parent: pulumi.Resource) -> docker.Volume:
    """Declare a volume. keep: whether `destroy` leaves it in place.

    Its name is fixed and begins with the stack's. A name made up by Pulumi would differ after `destroy`, and the stack
    would start with an empty volume beside its data.
    """
    return docker.Volume(
        name,
        name=f"{pulumi.get_stack()}-{name}",
        opts=pulumi.ResourceOptions(parent=parent, provider=engine.provider, retain_on_delete=keep),
    )
