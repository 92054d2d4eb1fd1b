"""Each subject of the API is used as its methods say, and nothing is sent that the API does not document."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from infra.render.api.client import RenderApi
from infra.render.api.errors import Conflict, NotFound, Refused
from tests.infra.render.api import bodies
from tests.standins.render import deploys
from tests.standins.render.server import Server
from tests.support.render import FakeTime


@pytest.fixture(autouse=True)
def only_documented_fields(render: Server) -> Iterator[None]:
    yield
    assert render.undocumented == []


@pytest.fixture
def service_id(api: RenderApi) -> str:
    return str(api.services.create(bodies.service()).service["id"])


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


def test_variables(api: RenderApi, service_id: str) -> None:
    made = api.variables.replace(service_id, {"A": "1", "TOKEN": {"generateValue": True}})
    assert list(made) == ["A", "TOKEN"]
    assert len(made["TOKEN"]) == 44

    assert api.variables.set(service_id, "A", "2") == "2"
    assert api.variables.set(service_id, "B", "3") == "3"
    api.variables.unset(service_id, "TOKEN")
    assert api.variables.all(service_id) == {"B": "3", "A": "2"}

    assert api.variables.replace(service_id, {}) == {}


def test_secret_files(api: RenderApi, service_id: str) -> None:
    api.secret_files.replace(service_id, {"a.json": "{}", "b.pem": "x\ny\n"})
    api.secret_files.set(service_id, "c", "")

    assert api.secret_files.all(service_id) == {"c": "", "b.pem": "x\ny\n", "a.json": "{}"}


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


@pytest.mark.parametrize(
    ("name", "other"), [("memory.example.com", None), ("example.com", "www.example.com"), ("www.a.org", "a.org")]
)
def test_domains(name: str, other: str | None, api: RenderApi, service_id: str) -> None:
    domain = api.domains.create(service_id, name)
    assert (domain["name"], domain["verificationStatus"]) == (name, "unverified")
    assert {one["name"] for one in api.domains.all(service_id)} == {name, other or name}

    api.domains.verify(service_id, domain["id"])
    assert api.domains.get(service_id, name)["verificationStatus"] == "verified"

    api.domains.delete(service_id, name)
    assert list(api.domains.all(service_id)) == []


def test_postgres(api: RenderApi) -> None:
    made = api.postgres.create(bodies.postgres(databaseName="memory", databaseUser="app"))
    assert made["databaseName"].startswith("memory_")
    while api.postgres.get(made["id"])["status"] != "available":
        pass

    connection = api.postgres.connection(made["id"])
    assert connection["internalConnectionString"].startswith("postgresql://app:")
    assert api.postgres.update(made["id"], {"plan": "pro_4gb"})["status"] == "creating"
    api.postgres.suspend(made["id"])
    api.postgres.resume(made["id"])
    api.postgres.restart(made["id"])
    assert [one["id"] for one in api.postgres.named("db")] == [made["id"]]
    api.postgres.delete(made["id"])
    assert list(api.postgres.all()) == []


def test_key_value(api: RenderApi) -> None:
    made = api.key_value.create(bodies.key_value(plan="free", maxmemoryPolicy="noeviction"))
    assert made["options"] == {"maxmemoryPolicy": "noeviction", "persistenceMode": "off"}

    paid = api.key_value.update(made["id"], {"plan": "starter"})
    assert paid["options"]["persistenceMode"] == "journal_snapshot"
    assert api.key_value.connection(made["id"])["internalConnectionString"].startswith("redis://red-")


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


def test_registry_credentials(api: RenderApi) -> None:
    made = api.registry_credentials.create(bodies.credential())
    assert "authToken" not in made

    body = {name: value for name, value in bodies.credential("new").items() if name != "ownerId"}
    assert api.registry_credentials.update(made["id"], body)["name"] == "new"
    assert [one["id"] for one in api.registry_credentials.named("new")] == [made["id"]]
    api.registry_credentials.delete(made["id"])


def test_webhooks(api: RenderApi) -> None:
    made = api.webhooks.create(bodies.webhook())
    assert made["secret"].startswith("whsec_")

    assert api.webhooks.update(made["id"], {"enabled": False})["enabled"] is False
    assert [one["id"] for one in api.webhooks.all()] == [made["id"]]
    api.webhooks.delete(made["id"])


def test_notifications(api: RenderApi, service_id: str) -> None:
    owner = str(api.owner)
    assert api.notifications.set_owner(owner, {"notificationsToSend": "all"})["notificationsToSend"] == "all"
    assert api.notifications.of_owner(owner)["notificationsToSend"] == "all"

    api.notifications.set_service(service_id, {"notificationsToSend": "failure"})
    assert api.notifications.of_service(service_id)["notificationsToSend"] == "failure"
    assert api.services.get(service_id)["notifyOnFail"] == "notify"


def test_log_streams(api: RenderApi, service_id: str) -> None:
    owner = str(api.owner)
    api.log_streams.set_owner(owner, {"endpoint": "logs.example:6514", "token": "t", "preview": "drop"})
    assert api.log_streams.of_owner(owner)["endpoint"] == "logs.example:6514"
    api.log_streams.delete_owner(owner)

    api.log_streams.set_resource(service_id, {"setting": "drop"})
    assert api.log_streams.of_resource(service_id)["setting"] == "drop"
    api.log_streams.delete_resource(service_id)
    with pytest.raises(NotFound, match=f"not found: {service_id}"):
        api.log_streams.of_resource(service_id)


def test_owners(api: RenderApi) -> None:
    [owner] = api.owners.all()

    assert api.owners.get(owner["id"]) == owner


def test_events(api: RenderApi, service_id: str) -> None:
    api.services.restart(service_id)

    assert [one["type"] for one in api.events.all(service_id)] == ["server_restarted", "deploy_started"]


# Logs and metrics -----------------------------------------------------------------------------


def logged(render: Server, service_id: str, fake_time: FakeTime, *messages: str, **more: Any) -> None:
    for message in messages:
        fake_time.now_s += 1
        deploys.log(
            render.state,
            render.state.service(service_id),
            more.get("kind", "app"),
            message,
            **{name: value for name, value in more.items() if name != "kind"},
        )


def test_the_latest_lines_come_oldest_first(
    api: RenderApi, render: Server, service_id: str, fake_time: FakeTime
) -> None:
    logged(render, service_id, fake_time, *map(str, range(250)))

    lines = api.logs.latest(str(api.owner), [service_id], 130, type="app")

    assert [line.message for line in lines] == [str(number) for number in range(120, 250)]
    assert lines[0].labels["type"] == "app"


def test_lines_are_filtered(api: RenderApi, render: Server, service_id: str, fake_time: FakeTime) -> None:
    logged(render, service_id, fake_time, "fine", "Out of memory", kind="app", level="error")
    logged(render, service_id, fake_time, "building", kind="build")

    owner, resources = str(api.owner), [service_id]
    assert [one.message for one in api.logs.latest(owner, resources, 9, text="memory")] == ["Out of memory"]
    assert [one.message for one in api.logs.latest(owner, resources, 9, type=["build"])][-1:] == ["building"]
    assert api.logs.values(owner, resources, "type") == ["app", "build"]


def test_following_shows_each_line_once_and_later_ones_too(
    api: RenderApi, render: Server, service_id: str, fake_time: FakeTime
) -> None:
    render.state.logs.clear()
    start_s = fake_time.now_s
    logged(render, service_id, fake_time, "one", "two")
    rounds = iter([["three"], ["four", "five"], [], None])

    def go_on() -> bool:
        new = next(rounds)
        if new is not None:
            logged(render, service_id, fake_time, *new)
        return new is not None

    lines = api.logs.follow(str(api.owner), [service_id], start_s=start_s, go_on=go_on)

    assert [line.message for line in lines] == ["one", "two", "three", "four", "five"]


def test_metrics(api: RenderApi, render: Server, service_id: str, fake_time: FakeTime) -> None:
    render.state.metrics["cpu", service_id] = [(fake_time.now_s - age, 0.5) for age in (300, 200, 100)]

    [series] = api.metrics.series("cpu", service_id, start_s=fake_time.now_s - 250, end_s=fake_time.now_s)

    assert [one["value"] for one in series["values"]] == [0.5, 0.5]
    assert series["unit"] == "cpu"
    assert api.metrics.series("memory", service_id, start_s=0, end_s=fake_time.now_s) == []
