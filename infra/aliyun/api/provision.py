"""Function Compute 3.0: how many instances of an alias always run."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from infra.aliyun.api.access import Keys
from infra.aliyun.api.errors import NotFound
from infra.aliyun.api.signing import acs3, query_text
from infra.aliyun.api.transport import Transport

_VERSION = "2023-03-30"

Json = dict[str, Any]


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
        host = f"{self.account_id}.{self.region}.fc.aliyuncs.com"
        path = f"/{_VERSION}/functions/{self.function}/provision-config"
        query = {"qualifier": self.qualifier}

        def headers() -> dict[str, str]:
            signed = {
                "host": host,
                "x-acs-action": action,
                "x-acs-content-sha256": hashlib.sha256(content).hexdigest(),
                "x-acs-date": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
                "x-acs-signature-nonce": uuid.uuid4().hex,
                "x-acs-version": _VERSION,
            }
            if self.keys.token:
                signed["x-acs-security-token"] = self.keys.token
            authorization = {"Authorization": acs3(self.keys, method, path, query, signed)}
            return signed | authorization | ({"Content-Type": "application/json"} if content else {})

        what = f"{action} of {self.function}"
        return self.transport.send(method, what, host, f"{path}?{query_text(query)}", headers, content).content
