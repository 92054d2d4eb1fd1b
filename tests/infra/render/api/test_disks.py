"""Disks grow only, and a service has one at most."""

from __future__ import annotations

import pytest

from infra.render.api.client import RenderApi
from infra.render.api.errors import Conflict, Refused

pytestmark = pytest.mark.usefixtures("only_documented_fields")


def test_disks(api: RenderApi, service_id: str) -> None:
    disk = api.disks.create({"name": "data", "mountPath": "/data", "sizeGB": 1, "serviceId": service_id})
    assert [one["id"] for one in api.disks.of_service(service_id)] == [disk["id"]]
    assert api.services.get(service_id)["serviceDetails"]["disk"]["sizeGB"] == 1

    assert api.disks.update(disk["id"], {"sizeGB": 2})["sizeGB"] == 2
    with pytest.raises(Refused, match="reduced"):
        api.disks.update(disk["id"], {"sizeGB": 1})
    with pytest.raises(Refused, match="more than one instance"):
        api.services.scale(service_id, 2)
    with pytest.raises(Conflict):
        api.disks.create({"name": "data", "mountPath": "/data", "sizeGB": 1, "serviceId": service_id})

    api.disks.delete(disk["id"])
    assert api.disks.of_service(service_id) == []
