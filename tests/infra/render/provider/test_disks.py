"""Disks of their own, and disks that services name."""

from __future__ import annotations

import pytest

from infra.render.api.client import RenderApi
from tests.infra.render.provider.programs import image_web
from tests.standins.render.server import Server
from tests.support.pulumi_engine import Engine


@pytest.mark.parametrize("suspended", [False, True])
def test_a_disk_of_its_own_deploys_its_service_unless_that_is_suspended(
    suspended: bool, stack: Engine, render: Server, api: RenderApi
) -> None:
    stack.up(image_web())
    [service] = render.state.services.values()
    if suspended:
        api.services.suspend(service.id)

    disk = {"serviceId": service.id, "name": "data", "mountPath": "/data", "sizeGB": 1}
    stack.up(image_web() | {"disk": ("render:index:Disk", disk)})

    assert len(service.deploys) == (1 if suspended else 2)
    assert len(render.state.disks) == 1


def test_a_smaller_disk_is_a_new_one_and_the_loss_is_said_before(stack: Engine) -> None:
    stack.up(image_web())
    disk = {"serviceId": stack.resources["web"].id, "name": "data", "mountPath": "/data", "sizeGB": 2}
    stack.up(image_web() | {"disk": ("render:index:Disk", disk)})

    stack.preview(image_web() | {"disk": ("render:index:Disk", disk | {"sizeGB": 1})})

    assert stack.steps[-1] == ("replace", "disk")
    assert "the new one begins empty" in stack.log.text


def test_a_disk_can_be_added_without_a_deploy(stack: Engine, render: Server) -> None:
    stack.up(image_web())
    [service] = render.state.services.values()
    disk = {"serviceId": service.id, "name": "data", "mountPath": "/data", "sizeGB": 1, "deployMode": "save"}

    stack.up(image_web() | {"disk": ("render:index:Disk", disk)})

    assert len(service.deploys) == 1
