"""Function Compute 3.0: how many instances of an alias always run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from infra.aliyun.api.access import Keys
from infra.aliyun.api.actions import Json
from infra.aliyun.api.errors import NotFound
from infra.aliyun.api.functions import API_VERSION, api_of
from infra.aliyun.api.transport import Transport


@dataclass(frozen=True, kw_only=True)
class Provision:
    """The provisioned instances of one alias. All methods raise ApiError."""

    keys: Keys
    region: str
    account_id: str
    function: str
    qualifier: str
    transport: Transport

    def put(self, wanted: Mapping[str, Any]) -> None:
        """Have so many instances run. wanted: target, alwaysAllocateCPU and scheduledActions, as the API has them."""
        self._send("PUT", "PutProvisionConfig", json.dumps(wanted).encode())

    def get(self) -> Json | None:
        """Return what is wanted and what runs; None when the function or the alias is gone."""
        try:
            found: Json = json.loads(self._send("GET", "GetProvisionConfig"))
        except NotFound:
            return None
        return found

    def delete(self) -> None:
        """Have none run. What is gone is fine."""
        try:
            self._send("DELETE", "DeleteProvisionConfig")
        except NotFound:
            return

    def _send(self, method: str, action: str, content: bytes = b"") -> bytes:
        api = api_of(self.keys, self.region, self.account_id, self.transport)
        path = f"/{API_VERSION}/functions/{self.function}/provision-config"
        return api.send(method, action, path, {"qualifier": self.qualifier}, content, of=self.function).content
