"""Pulumi.selfhost.yaml, the example stack: accepted as it is, and so is every line that is commented out."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel

from infra.config import NAMESPACE, TargetConfig, checked
from infra.selfhost.config import Host, Limit, SelfhostConfig
from infra.selfhost.containers import container_settings
from infra.selfhost.managed import MANAGED
from tests.support.stacks import SECRETS, selfhost_values

EXAMPLE = (Path(__file__).parents[3] / "Pulumi.selfhost.yaml").read_text(encoding="utf-8")
OPTIONAL = ("grafanaPassword", "watchdogUrl", "remoteWritePassword", "certificateKey", "acmeKey", "dnsCredentials")
EVERYTHING = re.sub(r"^  # ", "  ", EXAMPLE, flags=re.MULTILINE)


def options(text: str) -> SelfhostConfig:
    """Return the checked configuration that a stack file gives, once its secrets are set."""
    own = f"{NAMESPACE}:"
    given = {key.removeprefix(own): value for key, value in yaml.safe_load(text)["config"].items()}
    secrets = {"remoteWritePassword": "made-up-password-of-a-service", "BACKUP_PASSPHRASE": "made-up-passphrase"}
    return checked(selfhost_values(secrets, **given), SelfhostConfig, MANAGED, container_settings).options


def test_the_example_is_accepted_as_it_is() -> None:
    assert options(EXAMPLE).images.app.startswith("claude-memory:")


def test_what_is_commented_out_shows_the_defaults() -> None:
    shown, default = options(EVERYTHING), options(EXAMPLE)

    assert shown.images == default.images
    assert shown.limits == default.limits.model_copy(update={"postgres": Limit(memory_mb=2_048, cpus=2.0)})
    assert shown.hosts.data.ssh_options == Host().ssh_options
    assert shown.hosts.data.memory_mb == Host().memory_mb
    for key in ("replicas", "ports", "qdrant", "grafana", "keep_data"):
        assert getattr(shown, key) == getattr(default, key), key


def keys(model: type[BaseModel], tree: dict[str, Any], path: str) -> list[str]:
    """Return the keys of a model, and of models inside, that a tree lacks."""
    lacking = []
    for name, field in model.model_fields.items():
        key = field.alias or name
        if key not in tree:
            lacking.append(f"{path}{key}")
        elif isinstance(field.annotation, type) and issubclass(field.annotation, TargetConfig):
            lacking += keys(field.annotation, tree[key], f"{path}{key}.")
    return lacking


def test_every_key_is_shown() -> None:
    tree = yaml.safe_load(EVERYTHING)["config"]
    given = {key.removeprefix(f"{NAMESPACE}:"): value for key, value in tree.items()}
    given["hosts"] = dict.fromkeys(given["hosts"], given["hosts"]["data"])  # what one role takes, all take

    assert set(keys(SelfhostConfig, given, "")) == {*SECRETS, *OPTIONAL}, (
        "Pulumi.selfhost.yaml shows each key with its default"
    )


@pytest.mark.parametrize("key", [*SECRETS, *OPTIONAL])
def test_secrets_are_named_and_not_given(key: str) -> None:
    assert re.search(rf"^#   {key} ", EXAMPLE, flags=re.MULTILINE)
    assert f"{NAMESPACE}:{key}" not in EXAMPLE
