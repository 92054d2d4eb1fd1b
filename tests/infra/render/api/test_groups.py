"""Environment groups: variables, files and linked services."""

from __future__ import annotations

import pytest

from infra.render.api.client import RenderApi
from tests.infra.render.api import bodies

pytestmark = pytest.mark.usefixtures("only_documented_fields")


def test_env_groups(api: RenderApi, service_id: str) -> None:
    made = api.env_groups.create(bodies.env_group(serviceIds=[service_id]))
    assert [one["id"] for one in made["serviceLinks"]] == [service_id]

    api.env_groups.set(made["id"], "B", "2")
    api.env_groups.set(made["id"], "C", {"generateValue": True})
    api.env_groups.set_file(made["id"], "f", "x")
    api.env_groups.unset(made["id"], "C")
    api.env_groups.unlink(made["id"], service_id)
    group = api.env_groups.get(made["id"])
    assert group["envVars"] == [{"key": "B", "value": "2"}, {"key": "A", "value": "1"}]
    assert (group["secretFiles"], group["serviceLinks"]) == ([{"name": "f", "content": "x"}], [])

    assert api.env_groups.link(made["id"], service_id)["serviceLinks"][0]["type"] == "web"
    api.env_groups.unset_file(made["id"], "f")
    assert api.env_groups.update(made["id"], {"name": "new"})["name"] == "new"
    api.env_groups.delete(made["id"])
