"""Calls an action of one of Alibaba Cloud's APIs, signed by ACS3-HMAC-SHA256."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import requests

from infra.aliyun.api.access import Keys
from infra.aliyun.api.signing import acs3, query_text
from infra.aliyun.api.transport import Transport, json_of

Json = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Api:
    """An API at a host, in one version such as 2023-03-30."""

    keys: Keys
    host: str
    version: str
    transport: Transport

    def get(self, action: str, path: str = "/", query: Mapping[str, str] | None = None, *, of: str = "") -> Json:
        """Return the answer's object. of: what is asked about, for errors. Raises ApiError."""
        answer = json_of(self.host, self.send("GET", action, path, query, of=of))
        return answer if isinstance(answer, dict) else {}

    def send(
        self,
        method: str,
        action: str,
        path: str = "/",
        query: Mapping[str, str] | None = None,
        content: bytes = b"",
        *,
        of: str = "",
    ) -> requests.Response:
        """Send a request that is safe to repeat and return what was answered. content: JSON. Raises ApiError."""
        asked = query or {}

        def headers() -> dict[str, str]:
            signed = {
                "host": self.host,
                "x-acs-action": action,
                "x-acs-content-sha256": hashlib.sha256(content).hexdigest(),
                "x-acs-date": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
                "x-acs-signature-nonce": uuid.uuid4().hex,
                "x-acs-version": self.version,
            }
            if self.keys.token:
                signed["x-acs-security-token"] = self.keys.token
            authorization = {"Authorization": acs3(self.keys, method, path, asked, signed)}
            return signed | authorization | ({"Content-Type": "application/json"} if content else {})

        target = f"{path}?{query_text(asked)}" if asked else path
        what = f"{action} of {of}" if of else action
        return self.transport.send(method, what, self.host, target, headers, content)
