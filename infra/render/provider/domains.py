"""Custom domains of a service. Render adds the www of an apex, or its apex, by itself; that one is its own affair."""

from __future__ import annotations

from infra.render.api.errors import Conflict, NotFound, Refused
from infra.render.provider.fields import Field, Output, Text
from infra.render.provider.lifecycle import Lifecycle, Made
from infra.render.provider.service_update import gone_is_fine
from infra.render.provider.turn import ProviderError, Turn
from infra.render.provider.values import Json, Values

_NAME = (r"(\*\.)?([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z][a-z0-9-]*", "is a domain's name in small letters")


class CustomDomain(Lifecycle):
    """A domain. Its id is SERVICE/NAME, and so is what an import names."""

    token, what = "render:index:CustomDomain", "custom domain"
    delete_first = True
    fields = (
        Field(name="serviceId", required=True, replaces="a domain cannot move to another service", returned=None),
        Field(name="name", kind=Text(pattern=_NAME), required=True, at="name", replaces="a domain cannot be renamed"),
    )
    outputs = (
        Output(name="domainId", at="id"),
        Output(name="domainType", at="domainType"),
        Output(name="publicSuffix", at="publicSuffix"),
        Output(name="redirectForName", at="redirectForName", stable=False),
        Output(name="verificationStatus", at="verificationStatus", stable=False),
        Output(name="createdAt", at="createdAt"),
    )

    def create(self, turn: Turn, inputs: Values) -> Made:
        """Add it; one that the service has already is the one."""
        service, name = inputs["serviceId"], inputs["name"]
        try:
            answer = turn.api.domains.create(service, name)
        except (Conflict, Refused):
            try:
                answer = turn.api.domains.get(service, name)
            except NotFound:
                answer = None
            if answer is None:
                raise
            turn.memory.taken[f"{service}/{name}"] = turn.urn
        return Made(f"{service}/{name}", inputs, self._outputs(inputs, answer))

    def _outputs(self, inputs: Values, answer: Json) -> Values:
        return self.shown(inputs) | self.told(answer)

    def read(self, turn: Turn, id_: str, inputs: Values | None, state: Values) -> Made | None:
        """Look at it, and at whether its DNS records are right."""
        service, name = split_id(id_, "SERVICE/NAME, such as srv-1/www.example.com")
        try:
            answer = turn.api.domains.get(service, name)
        except NotFound:
            return None
        found = self.refreshed(inputs, answer) | {"serviceId": service}
        return Made(f"{service}/{answer['name']}", found, self._outputs(found, answer))

    def update(self, turn: Turn, id_: str, old: Values, state: Values, new: Values) -> Values:
        """Change nothing: what could change makes a new one."""
        return {**state, **self.shown(new)}

    def delete(self, turn: Turn, id_: str, inputs: Values, state: Values) -> None:
        """Remove it from its service."""
        service, name = split_id(id_, "SERVICE/NAME")
        gone_is_fine(lambda: turn.api.domains.delete(service, name))


def split_id(id_: str, form: str) -> tuple[str, str]:
    """Return both parts of an id. Raises ProviderError."""
    first, slash, second = id_.partition("/")
    if not (first and slash and second):
        raise ProviderError(f"{id_!r} is no id of this type; it has the form {form}.")
    return first, second
