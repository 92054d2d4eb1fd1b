"""Services are changed, suspended, scaled and asked for their instances."""

from __future__ import annotations

import pytest

from infra.render.api.client import RenderApi
from infra.render.api.errors import NotFound

pytestmark = pytest.mark.usefixtures("only_documented_fields")


AUTOSCALING = {
    "enabled": True,
    "min": 1,
    "max": 3,
    "criteria": {"cpu": {"enabled": True, "percentage": 60}, "memory": {"enabled": False, "percentage": 70}},
}


def test_services(api: RenderApi, service_id: str) -> None:
    changed = api.services.update(service_id, {"name": "new", "serviceDetails": {"plan": "standard"}})
    assert (changed["name"], changed["slug"], changed["serviceDetails"]["plan"]) == ("new", "web", "standard")
    assert [one["id"] for one in api.services.named("new")] == [service_id]
    assert api.services.named("ne") == []

    api.services.suspend(service_id)
    assert api.services.get(service_id)["suspended"] == "suspended"
    api.services.resume(service_id)
    api.services.restart(service_id)
    assert api.services.get(service_id)["suspended"] == "not_suspended"

    api.services.delete(service_id)
    with pytest.raises(NotFound):
        api.services.get(service_id)


def test_scaling(api: RenderApi, service_id: str) -> None:
    api.services.scale(service_id, 3)
    assert api.services.get(service_id)["serviceDetails"]["numInstances"] == 3

    api.services.autoscale(service_id, AUTOSCALING)
    api.services.scale(service_id, 2)
    details = api.services.get(service_id)["serviceDetails"]
    assert (details["autoscaling"], details["numInstances"]) == (AUTOSCALING, 3)

    api.services.stop_autoscaling(service_id)
    assert "autoscaling" not in api.services.get(service_id)["serviceDetails"]


def test_instances_run_once_the_service_is_live(api: RenderApi, service_id: str) -> None:
    assert api.services.instances(service_id) == []
    while (api.deploys.latest(service_id) or {})["status"] != "live":
        pass

    assert len(api.services.instances(service_id)) == 1


def test_a_static_sites_routes_and_headers(api: RenderApi) -> None:
    body = {"name": "site", "ownerId": api.owner, "type": "static_site", "repo": "https://github.com/a/b"}
    id_ = api.services.create(body | {"serviceDetails": {"publishPath": "dist"}}).service["id"]
    route = {"type": "rewrite", "source": "/*", "destination": "/index.html"}
    header = {"path": "/*", "name": "X-Frame-Options", "value": "DENY"}

    api.services.set_routes(id_, [route])
    api.services.set_headers(id_, [header])
    assert [one["source"] for one in api.services.routes(id_)] == ["/*"]
    assert [one["name"] for one in api.services.headers(id_)] == ["X-Frame-Options"]

    api.services.set_routes(id_, [])
    assert api.services.routes(id_) == []
