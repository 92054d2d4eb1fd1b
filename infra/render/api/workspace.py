"""What belongs to a workspace as a whole: owners, registry credentials, webhooks, notifications."""

from __future__ import annotations

from collections.abc import Iterator

from infra.render.api.calls import Calls, Json, at
from infra.render.api.recovery import Recovery
from infra.render.api.resource import Resource


class Owners:
    """Workspaces that the key reaches."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def all(self) -> Iterator[Json]:
        """Yield them: id, name, email, type."""
        return self._calls.items(at("owners"), "owner")

    def get(self, id_: str) -> Json:
        """Return one. Raises NotFound."""
        found: Json = self._calls.get(at("owners", id_))
        return found


class RegistryCredentials(Resource):
    """Log-ins to container registries. The token is never answered."""

    folder, wrapper = "registrycredentials", "registryCredential"

    def create(self, body: Json) -> Json:
        """Create one: registry, name, username, authToken, ownerId."""

        def same() -> list[Json]:
            found = self.named(body["name"], ownerId=body["ownerId"])
            return [one for one in found if (one["registry"], one["username"]) == (body["registry"], body["username"])]

        made: Json = self._calls.post(at(self.folder), body, recovery=Recovery(candidates=same))
        return made


class Webhooks(Resource):
    """Calls that Render makes when something happens. Each has a `secret` that signs them."""

    folder, wrapper = "webhooks", "webhook"

    def create(self, body: Json) -> Json:
        """Create one: ownerId, url, name, enabled, eventFilter (empty: all events)."""

        def same() -> list[Json]:
            found = self.all(ownerId=body["ownerId"])
            return [one for one in found if (one["name"], one["url"]) == (body["name"], body["url"])]

        made: Json = self._calls.post(at(self.folder), body, recovery=Recovery(candidates=same))
        return made


class Notifications:
    """What Render tells the workspace's members of: `default`, `none`, `failure` or `all`."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def of_owner(self, owner_id: str) -> Json:
        """Return the workspace's settings."""
        found: Json = self._calls.get(at("notification-settings", "owners", owner_id))
        return found

    def set_owner(self, owner_id: str, body: Json) -> Json:
        """Change the workspace's settings."""
        changed: Json = self._calls.patch(at("notification-settings", "owners", owner_id), body)
        return changed

    def of_service(self, service_id: str) -> Json:
        """Return a service's exception from them."""
        found: Json = self._calls.get(at("notification-settings", "overrides", "services", service_id))
        return found

    def set_service(self, service_id: str, body: Json) -> Json:
        """Change a service's exception from them."""
        changed: Json = self._calls.patch(at("notification-settings", "overrides", "services", service_id), body)
        return changed
