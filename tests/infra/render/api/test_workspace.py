"""What belongs to the workspace: owners, credentials, webhooks, notifications."""

from __future__ import annotations

import pytest

from infra.render.api.client import RenderApi
from tests.infra.render.api import bodies

pytestmark = pytest.mark.usefixtures("only_documented_fields")


def test_owners(api: RenderApi) -> None:
    [owner] = api.owners.all()

    assert api.owners.get(owner["id"]) == owner


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
