"""A stack's state as `pulumi stack export` prints it, and what is unfinished in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from infra.command_errors import CannotDo

Json = dict[str, Any]


@dataclass(frozen=True)
class Pending:
    """A thing that was about to be made. inputs: as the provider got them, secrets among them encrypted."""

    urn: str
    type: str
    inputs: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def name(self) -> str:
        """Its name in Pulumi."""
        return self.urn.rpartition("::")[2]

    @property
    def kind(self) -> str:
        """What it is, in short: ram.Role."""
        package = self.type.partition(":")[2].partition("/")[0]
        return f"{package}.{self.type.rpartition(':')[2]}"


class State:
    """An exported state."""

    def __init__(self, exported: Json) -> None:
        self.exported = exported
        self._deployment: Json = exported.get("deployment") or {}
        if self._deployment.get("resources") is None:
            self._deployment["resources"] = []
        self._resources: list[Json] = self._deployment["resources"]

    @property
    def pending(self) -> list[Pending]:
        """What was about to be made, and is not in the state yet."""
        there = {one["urn"]: one.get("inputs") for one in self._resources if not one.get("delete")}
        resources = (one["resource"] for one in self._operations if one["type"] == "creating")
        return [
            Pending(one["urn"], one["type"], one.get("inputs") or {})
            for one in resources
            if one.get("inputs") != there.get(one["urn"])
        ]

    @property
    def interrupted(self) -> bool:
        """Whether something was about to be done: made, changed or deleted."""
        return bool(self._operations)

    @property
    def _operations(self) -> list[Json]:
        found: list[Json] = self._deployment.get("pending_operations") or []
        return found

    @property
    def ids(self) -> dict[str, str]:
        """The ids of what is there, by URN; what is only to be deleted left out."""
        return {one["urn"]: one["id"] for one in self._resources if one.get("id") and not one.get("delete")}

    @property
    def unread(self) -> list[Pending]:
        """What an earlier recovery took into the state and did not get to read."""
        return [
            Pending(one["urn"], one["type"], one.get("inputs") or {})
            for one in self._resources
            if one.get("custom") and one.get("id") and not one.get("outputs") and one["type"].startswith("alicloud:")
        ]

    @property
    def where(self) -> tuple[str, str]:
        """The region and the account in which things are made. Raises CannotDo when nothing says so."""
        for one in self._resources:
            inputs = one.get("inputs") or {}
            if one["type"] == "pulumi:providers:alicloud" and inputs.get("region") and inputs.get("accountId"):
                return inputs["region"], inputs["accountId"]
        raise CannotDo("the state has no provider of Alibaba Cloud with a region and an account; is this the stack?")

    def known(self, type_: str) -> set[str]:
        """Return the ids of everything of a type."""
        return {one["id"] for one in self._resources if one["type"] == type_ and one.get("id")}

    def expect(self, resource: Json) -> None:
        """Note that this was about to be made."""
        operation = {"type": "creating", "resource": resource}
        self._deployment["pending_operations"] = [*self._operations, operation]

    def has_all_of(self, resource: Json) -> bool:
        """Whether everything is there that a resource belongs to or depends on."""
        there = {one["urn"] for one in self._resources}
        provider = str(resource.get("provider", "")).rpartition("::")[0]
        return {resource.get("parent"), provider, *resource.get("dependencies", ())} - {None, ""} <= there

    def take_over(self, ids: Mapping[str, str]) -> None:
        """Put what was about to be made among what is there, under these ids by URN; nothing is pending any more.

        What it was about to replace is left to be deleted, as `pulumi up` leaves it until its end.
        """
        for operation in self._operations:
            resource = operation["resource"]
            if operation["type"] != "creating" or resource["urn"] not in ids:
                continue
            for old in self._resources:
                if old["urn"] == resource["urn"]:
                    old["delete"] = True
            self._resources.append(resource | {"id": ids[resource["urn"]]})
        self._deployment["pending_operations"] = []
