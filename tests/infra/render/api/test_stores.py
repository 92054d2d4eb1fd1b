"""PostgreSQL and Key Value: made, changed, suspended, deleted."""

from __future__ import annotations

import pytest

from infra.render.api.client import RenderApi
from tests.infra.render.api import bodies

pytestmark = pytest.mark.usefixtures("only_documented_fields")


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
