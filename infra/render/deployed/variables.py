"""The variables that services run with: their own, and those of the environment groups they are linked to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from infra.render.api.client import RenderApi
from infra.render.deployed.app_settings import is_setting, secrets_in
from infra.render.deployed.choosing import Service


@dataclass(frozen=True)
class Place:
    """A service or an environment group that holds variables. readers: ids of the services that run with them."""

    id: str
    name: str
    is_group: bool
    values: dict[str, str] = field(repr=False)
    readers: tuple[str, ...]

    def __str__(self) -> str:
        return f"group {self.name}" if self.is_group else self.name


class Variables:
    """All places that hold variables of some services, as they were when they were read."""

    def __init__(self, places: Sequence[Place]) -> None:
        self.places = list(places)

    def of(self, service_id: str) -> dict[str, str]:
        """Return what a service runs with from its next deploy on; its own goes before its groups'."""
        merged: dict[str, str] = {}
        for place in self._read_by(service_id):
            for name, value in place.values.items():
                merged.setdefault(name, value)
        return merged

    def place_of(self, service_id: str, name: str) -> Place | None:
        """Return where the value comes from that a service runs with."""
        return next((place for place in self._read_by(service_id) if name in place.values), None)

    def holding(self, name: str) -> list[Place]:
        """Return the places where a variable is set."""
        return [place for place in self.places if name in place.values]

    def names(self) -> list[str]:
        """Return the names of all variables: settings of the app first."""
        found = {name for place in self.places for name in place.values}
        return sorted(found, key=lambda name: (not is_setting(name), name))

    def secrets(self) -> set[str]:
        """Return what must be shown nowhere."""
        return {
            secret
            for place in self.places
            for name, value in place.values.items()
            for secret in secrets_in(name, value)
        }

    def _read_by(self, service_id: str) -> Iterator[Place]:
        yield from (place for place in self.places if not place.is_group and place.id == service_id)
        yield from (place for place in self.places if place.is_group and service_id in place.readers)


def read(api: RenderApi, owner: str, services: Sequence[Service]) -> Variables:
    """Read the variables of services, and of all groups that one of them is linked to."""
    places = [Place(one.id, one.name, False, api.variables.all(one.id), (one.id,)) for one in services]
    chosen = {one.id for one in services}
    for group in api.env_groups.all(ownerId=owner):
        readers = tuple(link["id"] for link in group.get("serviceLinks") or [])
        if chosen.isdisjoint(readers):
            continue
        values = {one["key"]: one["value"] for one in api.env_groups.get(group["id"]).get("envVars") or []}
        places.append(Place(group["id"], group["name"], True, values, readers))
    return Variables(places)


def put(api: RenderApi, place: Place, name: str, value: str) -> None:
    """Set a variable where a place is; no service notices before its next deploy."""
    if place.is_group:
        api.env_groups.set(place.id, name, value)
    else:
        api.variables.set(place.id, name, value)


def take_away(api: RenderApi, place: Place, name: str) -> None:
    """Remove a variable. Raises NotFound."""
    if place.is_group:
        api.env_groups.unset(place.id, name)
    else:
        api.variables.unset(place.id, name)
