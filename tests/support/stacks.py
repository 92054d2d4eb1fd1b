"""Stack configurations for tests, as the engine would hand them over."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from infra.config import StackValues
from infra.plan import Plan, declared
from infra.selfhost.program import check, declare

SECRETS = {
    "postgresPassword": "made-up-password-of-the-app",
    "postgresAdminPassword": "made-up-password-of-the-admin",
    "qdrantApiKey": "made-up-key-of-qdrant",
    "alertsToken": "made-up-token-of-alerts",
    "adminToken": "cm_made-up-token-of-the-first-user-0123456789-",
}


def selfhost_values(secrets: dict[str, str] | None = None, **others: Any) -> StackValues:
    """Return the least a selfhost stack needs, and what is given beside it; None leaves a key out."""
    secret = {**SECRETS, **(secrets or {})}
    written: dict[str, Any] = {"target": "selfhost", "images": {"app": "claude-memory:test"}, **secret, **others}
    return StackValues(
        stack="test",
        values={
            key: json.dumps(value)
            if isinstance(value, dict | list)
            else str(value).lower()
            if isinstance(value, bool)
            else str(value)
            for key, value in written.items()
            if value is not None
        },
        secret_keys=frozenset(secret) - frozenset(others),
    )


def selfhost_plan(**others: Any) -> Plan:
    """Return what the selfhost program declares for such a stack; worked out once for each."""
    return _plan(json.dumps(others, sort_keys=True))


@cache
def _plan(others: str) -> Plan:
    return declared(selfhost_values(**json.loads(others)), lambda values: declare(check(values)))
