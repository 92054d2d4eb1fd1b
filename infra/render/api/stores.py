"""Render's managed stores: PostgreSQL and Key Value (Valkey)."""

from __future__ import annotations

from infra.render.api.calls import Json, at
from infra.render.api.recovery import Recovery
from infra.render.api.resource import Resource


class Store(Resource):
    """What both have in common. Names need not be unique."""

    def create(self, body: Json) -> Json:
        """Create one. It is usable when its status is `available`, which takes up to a minute."""
        recovery = Recovery(
            candidates=lambda: self.named(body["name"], ownerId=body["ownerId"]), answer=lambda one: self.get(one["id"])
        )
        made: Json = self._calls.post(at(self.folder), body, recovery=recovery)
        return made

    def connection(self, id_: str) -> Json:
        """Return the connection strings and the password, in clear."""
        found: Json = self._calls.get(at(self.folder, id_, "connection-info"))
        return found

    def suspend(self, id_: str) -> None:
        """Stop it until it is resumed."""
        self._calls.post_again(at(self.folder, id_, "suspend"))

    def resume(self, id_: str) -> None:
        """Start a suspended one."""
        self._calls.post_again(at(self.folder, id_, "resume"))


class Postgres(Store):
    """PostgreSQL servers."""

    folder, wrapper = "postgres", "postgres"

    def restart(self, id_: str) -> None:
        """Start it anew."""
        self._calls.post(at(self.folder, id_, "restart"))


class KeyValue(Store):
    """Key Value stores."""

    folder, wrapper = "key-value", "keyValue"
