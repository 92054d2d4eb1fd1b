"""Function Compute 3.0: what it has stored of a function."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from infra.aliyun.api.access import Keys
from infra.aliyun.api.signing import NOTHING_SHA256, acs3
from infra.aliyun.api.transport import Transport

_VERSION = "2023-03-30"

Json = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Functions:
    """The functions of an account in a region."""

    keys: Keys
    region: str
    account_id: str
    transport: Transport

    def get(self, name: str) -> Json:
        """Return a function as it is stored, its variables included: they hold secrets. Raises ApiError."""
        return self._get("GetFunction", f"/{_VERSION}/functions/{name}")

    def triggers(self, name: str) -> list[Json]:
        """Return a function's triggers. Raises ApiError."""
        found: list[Json] = self._get("ListTriggers", f"/{_VERSION}/functions/{name}/triggers").get("triggers") or []
        return found

    def _get(self, action: str, path: str) -> Json:
        host = f"{self.account_id}.{self.region}.fc.aliyuncs.com"

        def headers() -> Json:
            signed = {
                "host": host,
                "x-acs-action": action,
                "x-acs-content-sha256": NOTHING_SHA256,
                "x-acs-date": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
                "x-acs-signature-nonce": uuid.uuid4().hex,
                "x-acs-version": _VERSION,
            }
            if self.keys.token:
                signed["x-acs-security-token"] = self.keys.token
            return signed | {"Authorization": acs3(self.keys, "GET", path, {}, signed)}

        answer, _ = self.transport.get(f"{action} of {path.split('/')[3]}", host, path, headers)
        found: Json = answer if isinstance(answer, dict) else {}
        return found
