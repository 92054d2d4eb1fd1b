"""What an account has in a region of networks, security groups, databases and alarms, found by name.

Their names are labels: Alibaba Cloud chooses an id, and lets any number of them have the same name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from infra.aliyun.api.access import Keys
from infra.aliyun.api.actions import Api, Json
from infra.aliyun.api.transport import Transport

_PAGE = 50
_PAGES = 40  # that are read at most
_VERSIONS = {"vpc": "2016-04-28", "ecs": "2014-05-26", "rds": "2014-08-15", "metrics": "2019-01-01"}
# Regions whose databases are at a host without a region. Source: Alibaba Cloud's client of RDS.
_RDS_WITHOUT_REGION = {
    *("cn-qingdao", "cn-beijing", "cn-hangzhou", "cn-shanghai", "cn-shenzhen", "cn-heyuan", "cn-hongkong"),
    *("ap-southeast-1", "us-west-1", "us-east-1"),
}


@dataclass(frozen=True, kw_only=True)
class Listing:
    """The things of an account in a region."""

    keys: Keys
    region: str
    transport: Transport

    def networks(self, name: str) -> list[Json]:
        """Return the networks of this name. Raises ApiError."""
        found = self._pages("vpc", "DescribeVpcs", {"VpcName": name}, ("Vpcs", "Vpc"))
        return [one for one in found if one.get("VpcName") == name]

    def switches(self, name: str, network: str) -> list[Json]:
        """Return the switches of this name in a network. Raises ApiError."""
        asked = {"VSwitchName": name, "VpcId": network}
        found = self._pages("vpc", "DescribeVSwitches", asked, ("VSwitches", "VSwitch"))
        return [one for one in found if (one.get("VSwitchName"), one.get("VpcId")) == (name, network)]

    def security_groups(self, name: str, network: str) -> list[Json]:
        """Return the security groups of this name in a network. Raises ApiError."""
        asked = {"SecurityGroupName": name, "VpcId": network}
        found = self._pages("ecs", "DescribeSecurityGroups", asked, ("SecurityGroups", "SecurityGroup"))
        return [one for one in found if (one.get("SecurityGroupName"), one.get("VpcId")) == (name, network)]

    def databases(self, name: str) -> list[Json]:
        """Return the instances of RDS of this name. Raises ApiError."""
        found = self._pages("rds", "DescribeDBInstances", {"Engine": "PostgreSQL"}, ("Items", "DBInstance"))
        return [one for one in found if one.get("DBInstanceDescription") == name]

    def alarms(self, name: str, namespace: str) -> list[Json]:
        """Return the rules of Cloud Monitor of this name. Raises ApiError."""
        found = self._pages(
            "metrics",
            "DescribeMetricRuleList",
            {"Namespace": namespace},  # a search by name may stumble over the address in it
            ("Alarms", "Alarm"),
            page_number="Page",
        )
        return [one for one in found if (one.get("RuleName"), one.get("Namespace")) == (name, namespace)]

    def _pages(
        self,
        product: str,
        action: str,
        asked: Mapping[str, str],
        place: tuple[str, str],
        page_number: str = "PageNumber",
    ) -> list[Json]:
        regional = product != "rds" or self.region not in _RDS_WITHOUT_REGION
        host = f"{product}.{self.region}.aliyuncs.com" if regional else f"{product}.aliyuncs.com"
        api = Api(keys=self.keys, host=host, version=_VERSIONS[product], transport=self.transport)
        found: list[Json] = []
        for page in range(1, _PAGES + 1):
            query = {**asked, "RegionId": self.region, "PageSize": str(_PAGE), page_number: str(page)}
            more: list[Json] = (api.get(action, query=query).get(place[0]) or {}).get(place[1]) or []
            found += more
            if len(more) < _PAGE:
                break
        return found
