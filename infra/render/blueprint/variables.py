"""Environment variables as a Blueprint has them: plain values, references, and secrets that are typed in once.

A group of a Blueprint takes plain values alone, so the others stand in each service that is linked to the group. Render
asks for a secret, or generates it, in one service; all others refer to it there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from infra.plan import Declared, MockOutputs

Entry = dict[str, Any]
TYPES = {"WebService": "web", "PrivateService": "pserv", "BackgroundWorker": "worker", "CronJob": "cron"}
_GENERATED = ("QDRANT__SERVICE__API_KEY",)  # made by Render; all others are typed in


def kind_of(resource: Declared) -> str:
    """Return a resource's type without the provider's name."""
    return resource.type.rpartition(":")[2]


@dataclass(frozen=True, kw_only=True)
class _Secret:
    """Where a secret is asked for or generated."""

    type: str
    service: str
    variable: str


class Variables:
    """All variables of a plan's services and groups. mock_outputs: of the plan, which tell a database's address."""

    def __init__(self, resources: Sequence[Declared], mock_outputs: MockOutputs) -> None:
        self._groups = {f"{one.name}-id": one for one in resources if kind_of(one) == "EnvGroup"}
        self._databases = {
            mock_outputs(one.type, one.name, one.inputs)["internalConnectionString"]: one.inputs["name"]
            for one in resources
            if kind_of(one) == "Postgres"
        }
        self._secrets: dict[str, _Secret] = {}
        for service in (one for one in resources if kind_of(one) in TYPES):
            for name, value in self._all(service).items():
                if isinstance(value, Mapping) and value["value"] not in self._databases:
                    place = _Secret(type=TYPES[kind_of(service)], service=service.inputs["name"], variable=name)
                    self._secrets.setdefault(value["value"], place)

    def groups(self) -> list[Entry]:
        """Return the groups, with their plain variables."""
        return [
            {
                "name": group.inputs["name"],
                "envVars": [
                    {"key": name, "value": value}
                    for name, value in sorted(group.inputs["envVars"].items())
                    if isinstance(value, str)
                ],
            }
            for group in self._groups.values()
        ]

    def of(self, service: Declared) -> list[Entry]:
        """Return the variables of a service, the groups it is linked to first."""
        own = service.inputs.get("envVars", {})
        linked: list[Entry] = [{"fromGroup": self._groups[id_].inputs["name"]} for id_ in self._linked(service)]
        return linked + [
            self._entry(service, name, value)
            for name, value in sorted(self._all(service).items())
            if name in own or not isinstance(value, str)
        ]

    def _linked(self, service: Declared) -> list[str]:
        return [id_ for id_ in service.inputs.get("envGroupIds", []) if id_ in self._groups]

    def _all(self, service: Declared) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for id_ in self._linked(service):
            found |= self._groups[id_].inputs["envVars"]
        return {**found, **service.inputs.get("envVars", {})}

    def _entry(self, service: Declared, name: str, value: Any) -> Entry:
        if isinstance(value, str):
            return {"key": name, "value": value}
        secret = value["value"]
        if secret in self._databases:
            return {"key": name, "fromDatabase": {"name": self._databases[secret], "property": "connectionString"}}
        place = self._secrets[secret]
        if (place.service, place.variable) != (service.inputs["name"], name):
            there = {"type": place.type, "name": place.service, "envVarKey": place.variable}
            return {"key": name, "fromService": there}
        return {"key": name, "generateValue": True} if name in _GENERATED else {"key": name, "sync": False}
