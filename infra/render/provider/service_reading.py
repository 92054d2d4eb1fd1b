"""A service as it is, told in the program's own words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from infra.render.provider.fields import Field, blank, by_name, trimmed
from infra.render.provider.sealing import folded
from infra.render.provider.service_fields import DETAILS
from infra.render.provider.turn import Turn
from infra.render.provider.values import Json, Values
from infra.render.provider.variables import generated, key_of


class Readable(Protocol):
    """The part of a life cycle that reading needs."""

    @property
    def fields(self) -> tuple[Field, ...]:
        """The properties of the type."""

    def refreshed(self, inputs: Values | None, answer: Json) -> Values:
        """Return the inputs that the service's own answer tells."""


def read_inputs(turn: Turn, type_: Readable, service: Json, inputs: Values | None) -> tuple[Values, dict[str, str]]:
    """Return the inputs after a look at Render, and the values that Render generated. None: an import, which takes all.

    What has a call of its own is asked for only if the program names it.
    """
    fields, id_ = by_name(type_.fields), service["id"]
    found = type_.refreshed(inputs, service)
    auto = (service.get(DETAILS.split(".")[0]) or {}).get("autoscaling") or {}
    if auto.get("enabled") and inputs and "numInstances" in inputs:
        # Whatever the number is now, autoscaling chose it.
        found["numInstances"] = inputs["numInstances"]
    values: dict[str, str] = {}

    def variables() -> Json:
        values.update(turn.api.variables.all(id_))
        return values

    calls: dict[str, Callable[[], Json]] = {
        "envVars": variables,
        "secretFiles": lambda: turn.api.secret_files.all(id_),
        "envGroupIds": lambda: linked(turn, service),
        "notifications": lambda: _notifications(turn, id_),
        "headers": lambda: turn.api.services.headers(id_),
        "routes": lambda: turn.api.services.routes(id_),
    }
    for name, call in calls.items():
        if name not in fields or (inputs is not None and name not in inputs):
            continue
        live = trimmed(fields[name].kind, call())
        value = live if inputs is None else folded(fields[name], inputs[name], live, key_of(inputs))
        found.pop(name, None)
        if not blank(value) or (inputs is not None and inputs.get(name) == value):
            found[name] = value
    return found, generated((inputs or {}).get("envVars") or {}, values)


def linked(turn: Turn, service: Json) -> list[str]:
    """Return the environment groups that a service is linked to."""
    groups = turn.api.env_groups.all(ownerId=service["ownerId"])
    return [one["id"] for one in groups if any(link["id"] == service["id"] for link in one.get("serviceLinks") or [])]


def _notifications(turn: Turn, id_: str) -> Json:
    answer = turn.api.notifications.of_service(id_)
    names = ("notificationsToSend", "previewNotificationsEnabled")
    found = {name: answer.get(name) for name in names}
    return {name: value for name, value in found.items() if value not in (None, "default")}
