"""Services of all types: web, private, worker, cron job, static site."""

from __future__ import annotations

from typing import NamedTuple

from infra.render.api.calls import Calls, Json, at
from infra.render.api.deploys import Deploys
from infra.render.api.recovery import Recovery
from infra.render.api.resource import Resource


class Created(NamedTuple):
    """A new service and its first deploy."""

    service: Json
    deploy_id: str | None


class Services(Resource):
    """A service is unique by name in its workspace."""

    folder, wrapper = "services", "service"

    def __init__(self, calls: Calls, deploys: Deploys) -> None:
        super().__init__(calls)
        self._deploys = deploys

    def create(self, body: Json) -> Created:
        """Create a service; its first deploy starts at once, with the variables of the body."""
        recovery = Recovery(
            candidates=lambda: self.named(body["name"], ownerId=body["ownerId"], type=body["type"]),
            answer=lambda service: {"service": service, "deployId": self._first_deploy(service["id"])},
            unique=True,
        )
        made = self._calls.post(at(self.folder), body, recovery=recovery)
        return Created(made["service"], made.get("deployId"))

    def _first_deploy(self, id_: str) -> str | None:
        deploys = list(self._deploys.all(id_))
        return deploys[-1]["id"] if deploys else None

    def suspend(self, id_: str) -> None:
        """Stop it until it is resumed."""
        self._calls.post_again(at(self.folder, id_, "suspend"))

    def resume(self, id_: str) -> None:
        """Start a suspended one, which deploys it."""
        self._calls.post_again(at(self.folder, id_, "resume"))

    def restart(self, id_: str) -> None:
        """Start its instances anew, without a deploy."""
        self._calls.post(at(self.folder, id_, "restart"))

    def scale(self, id_: str, instances: int) -> None:
        """Set the number of instances, which counts while autoscaling is off."""
        self._calls.post_again(at(self.folder, id_, "scale"), {"numInstances": instances})

    def autoscale(self, id_: str, settings: Json) -> Json:
        """Set autoscaling: enabled, min, max, criteria{cpu, memory}, all required."""
        changed: Json = self._calls.put(at(self.folder, id_, "autoscaling"), settings)
        return changed

    def stop_autoscaling(self, id_: str) -> None:
        """Turn autoscaling off. Raises NotFound if it was not on."""
        self._calls.delete(at(self.folder, id_, "autoscaling"))

    def instances(self, id_: str) -> list[Json]:
        """Return the running instances."""
        return self._calls.get(at(self.folder, id_, "instances")) or []

    def set_routes(self, id_: str, routes: list[Json]) -> None:
        """Replace the redirects and rewrites of a static site; the first goes first."""
        self._calls.put(at(self.folder, id_, "routes"), routes)

    def set_headers(self, id_: str, headers: list[Json]) -> None:
        """Replace the response headers of a static site."""
        self._calls.put(at(self.folder, id_, "headers"), headers)

    def routes(self, id_: str) -> list[Json]:
        """Return the redirects and rewrites of a static site."""
        return list(self._calls.items(at(self.folder, id_, "routes"), "route"))

    def headers(self, id_: str) -> list[Json]:
        """Return the response headers of a static site."""
        return list(self._calls.items(at(self.folder, id_, "headers"), "headers"))
