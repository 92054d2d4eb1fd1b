"""Ids of what an interrupted `up` made: from a thing's own name where that is unique, else found at Alibaba Cloud.

The forms are those of the provider, pulumi-alicloud 4.0.0.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from infra.aliyun.api.actions import Json
from infra.aliyun.api.functions import Functions
from infra.aliyun.api.listing import Listing
from infra.aliyun.recovery.state import Pending
from infra.command_errors import CannotDo

# Of what has a unique name. Whether it is there, `pulumi refresh` sees.
BY_NAME: Mapping[str, str] = {
    "alicloud:fc/v3Alias:V3Alias": "{functionName}:{aliasName}",
    "alicloud:fc/v3CustomDomain:V3CustomDomain": "{customDomainName}",
    "alicloud:fc/v3Function:V3Function": "{functionName}",
    "alicloud:fc/v3Trigger:V3Trigger": "{functionName}:{triggerName}",
    "alicloud:log/project:Project": "{projectName}",
    "alicloud:log/store:Store": "{projectName}:{logstoreName}",
    "alicloud:log/storeIndex:StoreIndex": "{project}:{logstore}",
    "alicloud:oss/bucket:Bucket": "{bucket}",
    "alicloud:ram/policy:Policy": "{policyName}",
    "alicloud:ram/role:Role": "{roleName}",
    "alicloud:ram/rolePolicyAttachment:RolePolicyAttachment": "role:{policyName}:{policyType}:{roleName}",
    "alicloud:rds/database:Database": "{instanceId}:{dataBaseName}",
    "alicloud:rds/rdsAccount:RdsAccount": "{dbInstanceId}:{accountName}",
}
# Made by a request that sets something: another one sets the same.
MADE_AGAIN = {
    "alicloud:fc/v3ConcurrencyConfig:V3ConcurrencyConfig",
    "alicloud:oss/bucketAcl:BucketAcl",
    "alicloud:oss/bucketObject:BucketObject",
    "fcprovision:index:ProvisionedInstances",
}


@dataclass(frozen=True, kw_only=True)
class Finder:
    """Finds ids at Alibaba Cloud."""

    listing: Listing
    functions: Functions

    def id_of(self, one: Pending, known: set[str]) -> str | None:
        """Return the id that a thing has if it was made; None if it was not, or is simply made again.

        known: ids of its type that the state has. Raises ApiError, and CannotDo when several things may be it.
        """
        if one.type in BY_NAME:
            return BY_NAME[one.type].format_map(one.inputs)
        look = self.looked_for.get(one.type)
        if look is None:
            return None
        found = [id_ for id_ in look(one.inputs) if id_ not in known]
        if len(found) > 1 and one.type not in _COPIES:
            raise CannotDo(
                f"{one.kind} {one.name}: {len(found)} of its name are there ({', '.join(found)}), and which one is the"
                " stack's is not known; delete the others in Alibaba Cloud's console, then run this again"
            )
        return found[0] if found else None

    @property
    def looked_for(self) -> Mapping[str, Callable[[Mapping[str, Any]], Iterable[str]]]:
        """What has no name of its own, by type, and what lists the ids that it may have."""
        return {
            "alicloud:cms/alarm:Alarm": self._alarms,
            "alicloud:ecs/securityGroup:SecurityGroup": self._groups,
            "alicloud:fc/v3FunctionVersion:V3FunctionVersion": self._versions,
            "alicloud:fc/v3LayerVersion:V3LayerVersion": self._layers,
            "alicloud:rds/instance:Instance": self._databases,
            "alicloud:vpc/network:Network": self._networks,
            "alicloud:vpc/switch:Switch": self._switches,
        }

    def _networks(self, inputs: Mapping[str, Any]) -> Iterable[str]:
        return _each(self.listing.networks(inputs["vpcName"]), "VpcId")

    def _switches(self, inputs: Mapping[str, Any]) -> Iterable[str]:
        return _each(self.listing.switches(inputs["vswitchName"], inputs["vpcId"]), "VSwitchId")

    def _groups(self, inputs: Mapping[str, Any]) -> Iterable[str]:
        return _each(self.listing.security_groups(inputs["securityGroupName"], inputs["vpcId"]), "SecurityGroupId")

    def _databases(self, inputs: Mapping[str, Any]) -> Iterable[str]:
        return _each(self.listing.databases(inputs["instanceName"]), "DBInstanceId")

    def _alarms(self, inputs: Mapping[str, Any]) -> Iterable[str]:
        return _each(self.listing.alarms(inputs["name"], inputs["project"]), "RuleId")

    def _versions(self, inputs: Mapping[str, Any]) -> Iterable[str]:
        function = inputs["functionName"]
        found = self.functions.versions(function)
        return [f"{function}:{one['versionId']}" for one in found if one.get("description") == inputs["description"]]

    def _layers(self, inputs: Mapping[str, Any]) -> Iterable[str]:
        layer, checksum = inputs["layerName"], inputs["code"].get("checksum")
        known = isinstance(checksum, str)  # else it is encrypted
        found = self.functions.layer_versions(layer)
        return [f"{layer}:{one['version']}" for one in found if not known or one.get("codeChecksum") == checksum]


# Versions of one name are copies of the same thing, the newest first.
_COPIES = {"alicloud:fc/v3FunctionVersion:V3FunctionVersion", "alicloud:fc/v3LayerVersion:V3LayerVersion"}


def _each(found: Iterable[Json], key: str) -> list[str]:
    return [str(one[key]) for one in found]
