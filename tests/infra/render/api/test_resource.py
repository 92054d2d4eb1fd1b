"""What all kinds of resources can: read, list, change, delete, look up by name."""

from __future__ import annotations

import pytest

from infra.render.api.client import RenderApi
from infra.render.api.errors import NotFound
from tests.infra.render.api import bodies
from tests.support.render import FakeTime

pytestmark = pytest.mark.usefixtures("only_documented_fields")


def test_only_exactly_this_name_is_looked_up_newest_first(api: RenderApi, fake_time: FakeTime) -> None:
    ids = []
    for name in ("db", "db-2", "db"):
        fake_time.now_s += 1
        ids.append(api.postgres.create(bodies.postgres(name))["id"])

    assert [one["id"] for one in api.postgres.named("db")] == [ids[2], ids[0]]
    assert api.postgres.named("d") == []


def test_an_update_leaves_other_fields_as_they_are(api: RenderApi) -> None:
    made = api.webhooks.create(bodies.webhook())

    changed = api.webhooks.update(made["id"], {"enabled": False})

    assert (changed["enabled"], changed["url"]) == (False, made["url"])


def test_one_that_is_deleted_is_not_found_again(api: RenderApi) -> None:
    made = api.webhooks.create(bodies.webhook())

    api.webhooks.delete(made["id"])

    for call in (api.webhooks.get, api.webhooks.delete):
        with pytest.raises(NotFound):
            call(made["id"])
