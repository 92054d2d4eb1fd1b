"""Stack configurations for tests, as the engine would hand them over."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from infra.config import NAMESPACE, StackValues
from infra.plan import Plan, plan_of

EXAMPLES = sorted(Path(__file__).parents[2].glob("Pulumi.*.yaml"))
SECRETS = {
    "postgresPassword": "made-up-password-of-the-app",
    "postgresAdminPassword": "made-up-password-of-the-admin",
    "qdrantApiKey": "made-up-key-of-qdrant",
    "alertsToken": "made-up-token-of-alerts",
    "adminToken": "cm_made-up-token-of-the-first-user-0123456789-",
}
BACKUP_KEYS = {
    "BACKUP_S3_ACCESS_KEY_ID": "made-up-id-of-the-bucket",
    "BACKUP_S3_SECRET_ACCESS_KEY": "made-up-key-of-the-bucket",
}
LOG_ARCHIVE: dict[str, Any] = {
    "walArchive": "s3://bucket/log",
    "secrets": {"BACKUP_PASSPHRASE": "made-up-passphrase", **BACKUP_KEYS},
}
RENDER_SECRETS = {name: SECRETS[name] for name in ("adminToken", "qdrantApiKey", "alertsToken")}
ALIYUN_SECRETS = {
    "adminToken": SECRETS["adminToken"],
    "DATABASE_URL": "postgresql://memory:made-up-password@db.example.org/memory",
}
EXAMPLE_SECRETS = {
    "selfhost": SECRETS,
    "aliyun": {
        "adminToken": SECRETS["adminToken"],
        "databasePassword": "Made-up-password-0f-the-app",
        **BACKUP_KEYS,
    },
    "render": {**RENDER_SECRETS, **BACKUP_KEYS},
}  # that the examples of each target leave out


def selfhost_values(secrets: dict[str, str] | None = None, **others: Any) -> StackValues:
    """Return the least a selfhost stack needs, and what is given beside it; None leaves a key out."""
    secret = {**SECRETS, **(secrets or {})}
    written: dict[str, Any] = {"target": "selfhost", "images": {"app": "claude-memory:test"}, **secret, **others}
    return StackValues(stack="test", values=_written(written), secret_keys=frozenset(secret) - frozenset(others))


def render_values(secrets: dict[str, str] | None = None, **others: Any) -> StackValues:
    """Return the least a Render stack needs, and what is given beside it; None leaves a key out."""
    secret = {**RENDER_SECRETS, **(secrets or {})}
    app = {"repo": "https://github.com/example/claude-memory"}
    written: dict[str, Any] = {"target": "render", "app": app, **secret, **others}
    return StackValues(stack="test", values=_written(written), secret_keys=frozenset(secret) - frozenset(others))


def aliyun_values(secrets: dict[str, str] | None = None, **others: Any) -> StackValues:
    """Return the least an Alibaba Cloud stack needs, and what is given beside it; None leaves a key out."""
    secret = {**ALIYUN_SECRETS, **(secrets or {})}
    written: dict[str, Any] = {"target": "aliyun", "accountId": "1234567890123456", **secret, **others}
    return StackValues(stack="test", values=_written(written), secret_keys=frozenset(secret) - frozenset(others))


def example_values(file: Path) -> StackValues:
    """Return an example stack as the engine hands it over, once the secrets it lacks are set."""
    own = f"{NAMESPACE}:"
    given = yaml.safe_load(file.read_text(encoding="utf-8"))["config"]
    values = {key.removeprefix(own): value for key, value in given.items()}
    secrets = EXAMPLE_SECRETS[values["target"]]
    return StackValues(
        stack=file.name.split(".")[1], values=_written({**values, **secrets}), secret_keys=frozenset(secrets)
    )


def _written(values: dict[str, Any]) -> dict[str, str]:
    """Return values as the engine hands them over: text, objects and lists as JSON; None is left out."""
    return {
        key: json.dumps(value)
        if isinstance(value, dict | list)
        else str(value).lower()
        if isinstance(value, bool)
        else str(value)
        for key, value in values.items()
        if value is not None
    }


def selfhost_plan(**others: Any) -> Plan:
    """Return what the selfhost program declares for such a stack; worked out once for each."""
    return _plan(json.dumps(others, sort_keys=True))


def render_plan(**others: Any) -> Plan:
    """Return what the Render program declares for such a stack; worked out once for each."""
    return _plan(json.dumps(others, sort_keys=True), target="render")


def aliyun_plan(**others: Any) -> Plan:
    """Return what the Alibaba Cloud program declares for such a stack; worked out once for each."""
    return _plan(json.dumps(others, sort_keys=True), target="aliyun")


@cache
def _plan(others: str, target: str = "selfhost") -> Plan:
    values = {"selfhost": selfhost_values, "render": render_values, "aliyun": aliyun_values}[target]
    return plan_of(values(**json.loads(others)))
