"""The example stack: accepted as it is, and so is every line that is commented out."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml
from pydantic import BaseModel

from infra.aliyun.config import AliyunConfig, Function
from infra.aliyun.program import check
from infra.config import NAMESPACE, TargetConfig
from tests.support.serving import ROOT
from tests.support.stacks import BACKUP_KEYS, EXAMPLE_SECRETS, aliyun_values

EXAMPLE = (ROOT / "Pulumi.aliyun.yaml").read_text(encoding="utf-8")
EVERYTHING = re.sub(r"^  # ", "  ", EXAMPLE, flags=re.MULTILINE)
SECRET_KEYS = ("accessKeyId", "accessKeySecret", "adminToken", "databasePassword", "certificateKey")
SECRETS = {**EXAMPLE_SECRETS["aliyun"], "certificateKey": "made-up", "DASHSCOPE_API_KEY": "made-up"}


def given(text: str) -> dict[str, Any]:
    return {key.removeprefix(f"{NAMESPACE}:"): value for key, value in yaml.safe_load(text)["config"].items()}


def options(text: str) -> AliyunConfig:
    """Return the checked configuration that a stack file gives, once its secrets are set."""
    return check(aliyun_values(SECRETS, DATABASE_URL=None, **given(text))).options


def test_the_example_is_accepted_as_it_is() -> None:
    assert options(EXAMPLE).postgres is not None


def test_what_is_commented_out_is_accepted_and_shows_the_defaults() -> None:
    shown, default = options(EVERYTHING), options(EXAMPLE)

    assert shown.function == Function(reserved=10)
    for key in ("network", "postgres", "code", "jobs", "logs", "region", "account_type", "keep_data"):
        assert getattr(shown, key) == getattr(default, key), key
    assert shown.release.canary == 10
    assert shown.alarms is not None


def keys(model: type[BaseModel], tree: dict[str, Any], path: str) -> list[str]:
    """Return the keys of a model, and of models inside, that a tree lacks."""
    lacking = []
    for name, field in model.model_fields.items():
        key = field.alias or name
        if key not in tree:
            lacking.append(f"{path}{key}")
            continue
        for kind in [field.annotation, *getattr(field.annotation, "__args__", ())]:
            if isinstance(kind, type) and issubclass(kind, TargetConfig) and isinstance(tree[key], dict):
                lacking += keys(kind, tree[key], f"{path}{key}.")
    return lacking


def test_every_key_is_shown() -> None:
    assert set(keys(AliyunConfig, given(EVERYTHING), "")) == set(SECRET_KEYS)


@pytest.mark.parametrize("key", [*SECRET_KEYS, *BACKUP_KEYS])
def test_secrets_are_named_and_not_given(key: str) -> None:
    assert re.search(rf"^#   .*\b{key}\b", EXAMPLE, flags=re.MULTILINE)
    assert f"{NAMESPACE}:{key}" not in EXAMPLE
