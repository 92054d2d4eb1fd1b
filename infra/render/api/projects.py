"""Projects, and the environments they hold."""

from __future__ import annotations

from collections.abc import Sequence

from infra.render.api.calls import Json, at
from infra.render.api.recovery import Recovery
from infra.render.api.resource import Resource


class Projects(Resource):
    """Names need not be unique. A project that still holds something cannot be deleted."""

    folder, wrapper = "projects", "project"

    def create(self, body: Json) -> Json:
        """Create a project with its first environments: name, ownerId, environments."""
        recovery = Recovery(candidates=lambda: self.named(body["name"], ownerId=body["ownerId"]))
        made: Json = self._calls.post(at(self.folder), body, recovery=recovery)
        return made


class Environments(Resource):
    """An environment belongs to a project. Its lists of ids are None when empty."""

    folder, wrapper = "environments", "environment"

    def create(self, body: Json) -> Json:
        """Create an environment: name, projectId, protectedStatus, networkIsolationEnabled, ipAllowList."""
        recovery = Recovery(candidates=lambda: self.named(body["name"], projectId=body["projectId"]))
        made: Json = self._calls.post(at(self.folder), body, recovery=recovery)
        return made

    def add(self, id_: str, resource_ids: Sequence[str]) -> Json:
        """Move services, stores and groups into the environment."""
        body = {"resourceIds": list(resource_ids)}
        environment: Json = self._calls.post_again(at(self.folder, id_, "resources"), body)
        return environment

    def remove(self, id_: str, resource_ids: Sequence[str]) -> None:
        """Take services, stores and groups out of it."""
        self._calls.delete(at(self.folder, id_, "resources"), resourceIds=list(resource_ids))
