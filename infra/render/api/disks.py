"""Disks. A service has at most one, and with it one instance."""

from __future__ import annotations

from infra.render.api.calls import Json, at
from infra.render.api.recovery import Recovery
from infra.render.api.resource import Resource


class Disks(Resource):
    """A new disk, a new mount path and a new size need a deploy to take effect; a disk never shrinks."""

    folder, wrapper = "disks", "disk"

    def create(self, body: Json) -> Json:
        """Add a disk to a service: name, sizeGB, mountPath, serviceId."""
        recovery = Recovery(candidates=lambda: self.of_service(body["serviceId"]), unique=True)
        made: Json = self._calls.post(at(self.folder), body, recovery=recovery)
        return made

    def of_service(self, service_id: str) -> list[Json]:
        """Return the disks of a service: none or one."""
        return list(self.all(serviceId=service_id))
