"""Reads with an action of one of Alibaba Cloud's APIs: a GET, signed by ACS3-HMAC-SHA256."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from infra.aliyun.api.access import Keys
from infra.aliyun.api.signing import NOTHING_SHA256, acs3, query_text
from infra.aliyun.api.transport import Transport

Json = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Api:
    """An API at a host, in one version such as 2023-03-30."""

    keys: Keys
    host: str
    version: str
    transport: Transport

    def get(self, action: str, path: str = "/", query: Mapping[str, str] | None = None, *, of: str = "") -> Json:
        """Return the answer. of: what is asked about, for errors. Raises ApiError."""
        asked = query or {}

        def headers() -> Json:
            signed = {
                "host": self.host,
                "x-acs-action": action,
                "x-acs-content-sha256": NOTHING_SHA256,
                "x-acs-date": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
                "x-acs-signature-nonce": uuid.uuid4().hex,
                "x-acs-version": self.version,
            }
            if self.keys.token:
                signed["x-acs-security-token"] = self.keys.token
            return signed | {"Authorization": acs3(self.keys, "GET", path, asked, signed)}

        target = f"{path}?{query_text(asked)}" if asked else path
        answer, _ = self.transport.get(f"{action} of {of}" if of else action, self.host, target, headers)
        return answer if isinstance(answer, dict) else {}
