"""Projects and their environments."""

from __future__ import annotations

import pytest

from infra.render.api.client import RenderApi
from infra.render.api.errors import Conflict
from tests.infra.render.api import bodies

pytestmark = pytest.mark.usefixtures("only_documented_fields")


def test_projects_and_environments(api: RenderApi, service_id: str) -> None:
    project = api.projects.create(bodies.project())
    [production] = project["environmentIds"]
    staging = api.environments.create({"name": "staging", "projectId": project["id"]})
    assert [one["name"] for one in api.environments.all(projectId=project["id"])] == ["staging", "production"]

    assert api.environments.add(production, [service_id])["serviceIds"] == [service_id]
    assert api.services.get(service_id)["environmentId"] == production
    with pytest.raises(Conflict, match="not empty"):
        api.projects.delete(project["id"])

    api.environments.remove(production, [service_id])
    assert api.environments.get(production)["serviceIds"] is None
    assert api.environments.update(staging["id"], {"protectedStatus": "protected"})["protectedStatus"] == "protected"
    api.environments.delete(staging["id"])
    api.projects.update(project["id"], {"name": "new"})
    api.projects.delete(project["id"])
