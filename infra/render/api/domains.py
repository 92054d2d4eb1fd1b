"""Custom domains of a service."""

from __future__ import annotations

from collections.abc import Iterator

from infra.render.api.calls import Calls, Json, at
from infra.render.api.recovery import Recovery


class Domains:
    """A domain is found under its service, by id or name."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def all(self, service_id: str) -> Iterator[Json]:
        """Yield the domains of a service, newest first."""
        return self._calls.items(at("services", service_id, "custom-domains"), "customDomain")

    def get(self, service_id: str, id_or_name: str) -> Json:
        """Return one. Raises NotFound."""
        found: Json = self._calls.get(at("services", service_id, "custom-domains", id_or_name))
        return found

    def create(self, service_id: str, name: str) -> Json:
        """Add a domain; Render adds its www (of an apex) or its apex (of a www) itself, as a redirect."""

        def same() -> list[Json]:
            return [one for one in self.all(service_id) if one["name"] == name]

        recovery = Recovery(candidates=same, answer=lambda found: [found], unique=True)
        made = self._calls.post(at("services", service_id, "custom-domains"), {"name": name}, recovery=recovery)
        return next(one for one in made if one["name"] == name)

    def verify(self, service_id: str, id_or_name: str) -> None:
        """Have Render look at the DNS records now."""
        self._calls.post_again(at("services", service_id, "custom-domains", id_or_name, "verify"))

    def delete(self, service_id: str, id_or_name: str) -> None:
        """Remove one. Raises NotFound."""
        self._calls.delete(at("services", service_id, "custom-domains", id_or_name))
