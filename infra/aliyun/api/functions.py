"""Function Compute 3.0: what it has stored of a function and of a layer."""

from __future__ import annotations

from dataclasses import dataclass

from infra.aliyun.api.access import Keys
from infra.aliyun.api.actions import Api, Json
from infra.aliyun.api.transport import Transport

ALIAS = "live"  # the alias that clients reach: it gives a release its requests
API_VERSION = "2023-03-30"
_PAGE = 100  # the most versions that one call answers with


def api_of(keys: Keys, region: str, account_id: str, transport: Transport) -> Api:
    """Return Function Compute's API of an account in a region."""
    host = f"{account_id}.{region}.fc.aliyuncs.com"
    return Api(keys=keys, host=host, version=API_VERSION, transport=transport)


@dataclass(frozen=True, kw_only=True)
class Functions:
    """The functions of an account in a region."""

    keys: Keys
    region: str
    account_id: str
    transport: Transport

    def get(self, name: str, qualifier: str) -> Json:
        """Return a function as it is stored, its variables included: they hold secrets. Raises ApiError.

        qualifier: the alias or the version that is meant.
        """
        return self._get("GetFunction", f"/functions/{name}", {"qualifier": qualifier})

    def triggers(self, name: str) -> list[Json]:
        """Return a function's triggers. Raises ApiError."""
        found: list[Json] = self._get("ListTriggers", f"/functions/{name}/triggers").get("triggers") or []
        return found

    def versions(self, name: str) -> list[Json]:
        """Return a function's last versions, the newest first. Raises ApiError."""
        query = {"direction": "BACKWARD", "limit": str(_PAGE)}
        found: list[Json] = (
            self._get("ListFunctionVersions", f"/functions/{name}/versions", query).get("versions") or []
        )
        return found

    def layer_versions(self, name: str) -> list[Json]:
        """Return a layer's last versions, the newest first. Raises ApiError."""
        found: list[Json] = (
            self._get("ListLayerVersions", f"/layers/{name}/versions", {"limit": str(_PAGE)}).get("layers") or []
        )
        return sorted(found, key=lambda one: -int(one["version"]))

    def _get(self, action: str, path: str, query: dict[str, str] | None = None) -> Json:
        api = api_of(self.keys, self.region, self.account_id, self.transport)
        return api.get(action, f"/{API_VERSION}{path}", query, of=path.split("/")[2])
