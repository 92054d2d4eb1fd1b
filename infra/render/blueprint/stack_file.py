"""A stack's file as the program takes it, with a placeholder for each secret, whose value only Pulumi reads."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from infra.config import NAMESPACE, StackValues
from infra.errors import ConfigError
from infra.targets import Target

# Keys of secrets that the program may ask for, each with what stands for it.
_PLACEHOLDERS = {
    "adminToken": "cm_" + "placeholder-" * 3 + "0000000",
    "alertsToken": "placeholder-of-alertsToken",
    "qdrantApiKey": "placeholder-of-qdrantApiKey",
    "registryToken": "placeholder-of-registryToken",
    "remoteWritePassword": "placeholder-of-remoteWritePassword",
}
# Secret settings without which backups to a bucket fail; a Blueprint asks for them.
_OF_BACKUPS = ("BACKUP_S3_ACCESS_KEY_ID", "BACKUP_S3_SECRET_ACCESS_KEY")
_FOR_PULUMI = ("renderApiKey", "renderApiUrl", "owner", "keepData")


def stack_values(file: Path) -> tuple[StackValues, list[str]]:
    """Return a stack's configuration, and what of it a Blueprint cannot have. Raises ConfigError."""
    stack, own = _read(file)
    return _taken(stack, own, ("monitoring", *_FOR_PULUMI)), left_out(own)


def whole_stack_values(file: Path) -> StackValues:
    """Return a stack's configuration with all that Pulumi makes of it. Raises ConfigError."""
    stack, own = _read(file)
    return _taken(stack, own, _FOR_PULUMI)


def _read(file: Path) -> tuple[str, dict[str, Any]]:
    stack = file.name.removeprefix("Pulumi.").removesuffix(".yaml")
    try:
        config = yaml.safe_load(file.read_text(encoding="utf-8"))["config"]
        own = {key.removeprefix(f"{NAMESPACE}:"): value for key, value in config.items()}
    except (OSError, UnicodeDecodeError, yaml.YAMLError, KeyError, TypeError, AttributeError) as error:
        raise ConfigError(stack, [f"{file.name}: cannot be read ({type(error).__name__})"]) from None
    if own.get("target") != Target.RENDER:
        raise ConfigError(stack, [f"target: got {own.get('target')}, takes {Target.RENDER}"])
    return stack, own


def _taken(stack: str, own: Mapping[str, Any], without: Sequence[str]) -> StackValues:
    """Return the values as the program takes them."""
    values = {key: value for key, value in own.items() if key not in without}
    secrets = {key: _placeholder(key) for key, value in values.items() if isinstance(value, dict) and "secure" in value}
    needed = _OF_BACKUPS if "BACKUP_TO" in values else ()
    secrets = {key: _placeholder(key) for key in needed} | secrets | _PLACEHOLDERS
    written = {key: _written(value) for key, value in values.items()} | secrets
    return StackValues(stack=stack, values=written, secret_keys=frozenset(secrets))


def left_out(values: Mapping[str, Any]) -> list[str]:
    """Return, in sentences, what of a stack a Blueprint cannot have."""
    if values.get("monitoring") is None:
        return []
    return [
        "monitoring: a Blueprint has no secret files, in which Prometheus and Alertmanager find their configuration;"
        " deploy the stack with Pulumi to have them"
    ]


def _placeholder(key: str) -> str:
    """Return what stands for a secret; settings that are addresses take an address."""
    return f"https://{key.lower()}.invalid" if key.endswith("_URL") else f"placeholder-of-{key}"


def _written(value: Any) -> str:
    """Return a value as the engine hands it over: objects and lists as JSON."""
    if isinstance(value, dict | list):
        return json.dumps(value)
    return str(value).lower() if isinstance(value, bool) else str(value)
