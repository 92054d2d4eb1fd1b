"""Makes, reads, changes and deletes provisioned instances of an alias.

The vendor's resource (fc.V3ProvisionConfig of pulumi-alicloud 4.0.0) reads those of LATEST whatever its qualifier is:
each preview would show an alias's as a difference. A dynamic provider is no way out: Pulumi looks for its virtual
environment in the folder of `main`.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

from pulumi.provider.experimental import provider as wire
from pulumi.provider.experimental.property_value import PropertyValue

from infra.aliyun.api.access import Keys, NoKeys, find_keys
from infra.aliyun.api.provision import Provision
from infra.aliyun.api.transport import Transport

NAME = "fcprovision"
TYPE = f"{NAME}:index:ProvisionedInstances"
VERSION = "0.1.0"
KEY_ID, KEY_SECRET = "accessKeyId", "accessKeySecret"
_PLACE = {"region": "region", "accountId": "account_id", "function": "function", "qualifier": "qualifier"}
_WANTED = ("target", "allocateCpu", "actions")
_ACTION = ("name", "scheduleExpression", "target", "timeZone")

Properties = dict[str, PropertyValue]


class ProvisionProvider(wire.Provider):
    """Keys are the stack's own, or the environment's; none is in the state of a resource.

    Properties: region, accountId, function, qualifier; target, allocateCpu; actions, which is JSON text.
    """

    def __init__(self) -> None:
        self._own: tuple[str, str] | None = None

    async def get_schema(self, request: wire.GetSchemaRequest) -> wire.GetSchemaResponse:
        """Return the name alone: the only program that uses the type brings its own class."""
        return wire.GetSchemaResponse(json.dumps({"name": NAME, "version": VERSION}))

    async def check_config(self, request: wire.CheckRequest) -> wire.CheckResponse:
        """Return the configuration with the keys as secrets."""
        secrets = (KEY_ID, KEY_SECRET)
        return wire.CheckResponse(
            {name: value.with_secret(name in secrets) for name, value in request.new_inputs.items()}
        )

    async def configure(self, request: wire.ConfigureRequest) -> wire.ConfigureResponse:
        """Take the stack's own keys, if it has any."""
        given = plain(request.args)
        if given.get(KEY_ID) and given.get(KEY_SECRET):
            self._own = str(given[KEY_ID]), str(given[KEY_SECRET])
        return wire.ConfigureResponse(accept_secrets=True, supports_preview=False)

    async def check(self, request: wire.CheckRequest) -> wire.CheckResponse:
        """Accept what the program declares: its configuration was checked."""
        return wire.CheckResponse(request.new_inputs)

    async def diff(self, request: wire.DiffRequest) -> wire.DiffResponse:
        """Compare what is wanted with what was read last."""
        old, new = plain(request.old_state), plain(request.new_inputs)
        replaces = [name for name in _PLACE if old.get(name) != new.get(name)]
        diffs = replaces + [name for name in _WANTED if old.get(name) != new.get(name)]
        return wire.DiffResponse(changes=bool(diffs), replaces=replaces, diffs=diffs, delete_before_replace=True)

    async def create(self, request: wire.CreateRequest) -> wire.CreateResponse:
        """Have the instances run."""
        given = plain(request.properties)
        await asyncio.to_thread(self._at(given).put, wanted(given))
        return wire.CreateResponse(f"{given['function']}/{given['qualifier']}", request.properties)

    async def read(self, request: wire.ReadRequest) -> wire.ReadResponse:
        """Return what is wanted as it is stored; no id when the alias is gone."""
        found = await asyncio.to_thread(self._at(plain(request.properties)).get)
        if found is None:
            return wire.ReadResponse("")
        properties = request.properties | {name: PropertyValue(value) for name, value in stored(found).items()}
        return wire.ReadResponse(request.resource_id, properties, properties)

    async def update(self, request: wire.UpdateRequest) -> wire.UpdateResponse:
        """Have other instances run."""
        given = plain(request.news)
        await asyncio.to_thread(self._at(given).put, wanted(given))
        return wire.UpdateResponse(request.news)

    async def delete(self, request: wire.DeleteRequest) -> None:
        """Have none run."""
        await asyncio.to_thread(self._at(plain(request.properties)).delete)

    def _at(self, given: Mapping[str, Any]) -> Provision:
        place = {argument: str(given[name]) for name, argument in _PLACE.items()}
        return Provision(keys=keys_of(self._own), transport=Transport(), **place)


def keys_of(own: tuple[str, str] | None) -> Keys:
    """Return the keys to use. Raises NoKeys, also when the vendor's provider alone would find some."""
    found = find_keys(own)
    if found is None:
        raise NoKeys(
            "provisioned instances need a pair of keys: set ALIBABA_CLOUD_ACCESS_KEY_ID and"
            " ALIBABA_CLOUD_ACCESS_KEY_SECRET, or accessKeyId and accessKeySecret of the stack"
        )
    return found


def plain(properties: Properties) -> dict[str, Any]:
    """Return the values of properties, which are texts, numbers and booleans."""
    return {name: value.value for name, value in properties.items()}


def wanted(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the API takes."""
    return {
        "target": int(given["target"]),
        "alwaysAllocateCPU": bool(given["allocateCpu"]),
        "scheduledActions": json.loads(given["actions"]),
    }


def stored(found: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the API has, as properties."""
    actions = [
        {key: action[key] for key in _ACTION if action.get(key) is not None}
        for action in found.get("scheduledActions") or []
    ]
    return {
        "target": float(found.get("target", 0)),
        "allocateCpu": bool(found.get("alwaysAllocateCPU")),
        "actions": actions_text(actions),
    }


def actions_text(actions: list[dict[str, Any]]) -> str:
    """Return scheduled actions as text, the same for the same actions."""
    return json.dumps(actions, sort_keys=True, separators=(",", ":"))
