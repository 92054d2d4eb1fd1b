"""Names releases: by everything that the function's behaviour follows from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

from infra.aliyun.bundle.build import Bundle
from infra.aliyun.config import AliyunConfig
from infra.config import StackConfig

_DIGITS = 12
# Keys that leave an instance as it is: who reaches it, how many there are, and what is beside it.
_NOT_PART = {"release", "provisioned", "alarms", "logs", "jobs", "keep_data", "access_key_id", "access_key_secret"}


def release_of(stack: StackConfig[AliyunConfig], bundle: Bundle) -> str:
    """Return the name of what this configuration and this bundle describe."""
    described = {
        "code": bundle.code.sha256,
        "layer": bundle.layer.sha256 if bundle.layer is not None else None,
        "keys": stack.options.model_dump(mode="json", exclude=_NOT_PART),
        "settings": dict(stack.environment),
        "secrets": _revealed(stack),
    }
    return hashlib.sha256(json.dumps(described, sort_keys=True).encode()).hexdigest()[:_DIGITS]


def _revealed(stack: StackConfig[AliyunConfig]) -> Mapping[str, str]:
    options = stack.options
    own = {"adminToken": options.admin_token, "databasePassword": options.database_password}
    return {name: value.get_secret_value() for name, value in {**stack.secrets, **own}.items() if value is not None}
