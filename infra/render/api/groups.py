"""Environment groups: variables and secret files that several services share."""

from __future__ import annotations

from infra.render.api.calls import Json, at
from infra.render.api.recovery import Recovery
from infra.render.api.resource import Resource


class EnvGroups(Resource):
    """Only the name can be changed at once; variables and files go one by one. Names need not be unique."""

    folder, wrapper = "env-groups", "envGroup"

    def create(self, body: Json) -> Json:
        """Create a group with its variables and files, linked to `serviceIds`."""
        recovery = Recovery(
            candidates=lambda: self.named(body["name"], ownerId=body["ownerId"]), answer=lambda one: self.get(one["id"])
        )
        made: Json = self._calls.post(at(self.folder), body, recovery=recovery)
        return made

    def set(self, id_: str, name: str, value: str | Json) -> Json:
        """Set a variable; return the whole group."""
        body = {"value": value} if isinstance(value, str) else value
        group: Json = self._calls.put(at(self.folder, id_, "env-vars", name), body)
        return group

    def unset(self, id_: str, name: str) -> None:
        """Remove a variable. Raises NotFound."""
        self._calls.delete(at(self.folder, id_, "env-vars", name))

    def set_file(self, id_: str, name: str, content: str) -> Json:
        """Set a secret file; return the whole group."""
        group: Json = self._calls.put(at(self.folder, id_, "secret-files", name), {"content": content})
        return group

    def unset_file(self, id_: str, name: str) -> None:
        """Remove a secret file. Raises NotFound."""
        self._calls.delete(at(self.folder, id_, "secret-files", name))

    def link(self, id_: str, service_id: str) -> Json:
        """Give a service the group's variables and files, from its next deploy on."""
        group: Json = self._calls.post_again(at(self.folder, id_, "services", service_id))
        return group

    def unlink(self, id_: str, service_id: str) -> None:
        """Take the group from a service. Raises NotFound."""
        self._calls.delete(at(self.folder, id_, "services", service_id))
