"""Provisioned instances of an alias, through a dynamic provider.

The vendor's resource (fc.V3ProvisionConfig of pulumi-alicloud 4.0.0) reads the instances of LATEST whatever its
qualifier is, so that each preview would show those of an alias as a difference.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi import dynamic

from infra.aliyun.api.access import Keys, NoKeys, find_keys
from infra.aliyun.api.provision import Provision
from infra.aliyun.api.transport import Transport
from infra.aliyun.config import Provisioned as ProvisionedConfig
from infra.config import NAMESPACE

_PLACE = ("region", "account_id", "function", "qualifier")  # another one is another thing
_WANTED = {"target": "target", "allocate_cpu": "alwaysAllocateCPU", "actions": "scheduledActions"}
_ACTION = ("name", "scheduleExpression", "target", "timeZone")


class ProvisionedProvider(dynamic.ResourceProvider):
    """Makes, reads, changes and deletes them. Keys are the stack's own, or the environment's; none is in the state."""

    def configure(self, req: dynamic.ConfigureRequest) -> None:
        """Take the stack's own keys."""
        id_, secret = (req.config.get(f"{NAMESPACE}:{key}") for key in ("accessKeyId", "accessKeySecret"))
        self._own = (id_, secret) if id_ and secret else None

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> dynamic.DiffResult:
        """Compare what is wanted with what was read last."""
        replaces = [key for key in _PLACE if _olds.get(key) != _news.get(key)]
        changed = any(_olds.get(key) != _news.get(key) for key in _WANTED)
        return dynamic.DiffResult(changes=bool(replaces) or changed, replaces=replaces, delete_before_replace=True)

    def create(self, props: dict[str, Any]) -> dynamic.CreateResult:
        """Have the instances run."""
        self._at(props).put(_wanted(props))
        return dynamic.CreateResult(f"{props['function']}/{props['qualifier']}", props)

    def read(self, id_: str, props: dict[str, Any]) -> dynamic.ReadResult:
        """Return what is wanted as it is stored; no id when the alias is gone."""
        found = self._at(props).get()
        if found is None:
            return dynamic.ReadResult("", {})
        return dynamic.ReadResult(id_, props | _stored(found))

    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> dynamic.UpdateResult:
        """Have other instances run."""
        self._at(_news).put(_wanted(_news))
        return dynamic.UpdateResult(_news)

    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        """Have none run."""
        self._at(_props).delete()

    def _at(self, props: Mapping[str, Any]) -> Provision:
        return Provision(
            keys=keys_of(getattr(self, "_own", None)),
            transport=Transport(),
            **{key: str(props[key]) for key in _PLACE},
        )


def keys_of(own: tuple[str, str] | None) -> Keys:
    """Return the keys to use. Raises NoKeys, also when the vendor's provider alone would find some."""
    found = find_keys(own)
    if found is None:
        raise NoKeys(
            "provisioned instances need a pair of keys: set ALIBABA_CLOUD_ACCESS_KEY_ID and"
            " ALIBABA_CLOUD_ACCESS_KEY_SECRET, or accessKeyId and accessKeySecret of the stack"
        )
    return found


def _wanted(props: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "target": int(props["target"]),
        "alwaysAllocateCPU": bool(props["allocate_cpu"]),
        "scheduledActions": [{**action, "target": int(action["target"])} for action in props["actions"]],
    }


def _stored(found: Mapping[str, Any]) -> dict[str, Any]:
    actions: Sequence[Mapping[str, Any]] = found.get("scheduledActions") or []
    return {
        "target": found.get("target", 0),
        "allocate_cpu": bool(found.get("alwaysAllocateCPU")),
        "actions": [{key: action[key] for key in _ACTION if action.get(key) is not None} for action in actions],
    }


@dataclass(frozen=True, kw_only=True)
class ProvisionedArgs:
    """function, qualifier: its name and the alias."""

    options: ProvisionedConfig
    region: str
    account_id: str
    function: pulumi.Input[str]
    qualifier: pulumi.Input[str]


class Provisioned(dynamic.Resource):
    """The provisioned instances of an alias."""

    def __init__(self, name: str, args: ProvisionedArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        options = args.options
        actions = [
            {
                "name": action.name,
                "scheduleExpression": f"cron({action.at})",
                "target": action.instances,
                "timeZone": action.timezone,
            }
            for action in options.schedule
        ]
        inputs = {
            "region": args.region,
            "account_id": args.account_id,
            "function": args.function,
            "qualifier": args.qualifier,
            "target": options.instances,
            "allocate_cpu": options.allocate_cpu,
            "actions": actions,
        }
        super().__init__(ProvisionedProvider(), name, inputs, opts)
