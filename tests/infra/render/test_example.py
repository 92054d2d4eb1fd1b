"""The example stacks: accepted as they are, and so is every line that is commented out."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml
from pydantic import BaseModel

from infra.config import NAMESPACE, TargetConfig, checked
from infra.render.config import RenderConfig
from infra.render.containers import container_settings
from infra.render.managed import MANAGED
from infra.render.rules import problems
from tests.support.serving import ROOT
from tests.support.stacks import BACKUP_KEYS, render_values

EXAMPLE = (ROOT / "Pulumi.render.yaml").read_text(encoding="utf-8")
FREE = (ROOT / "Pulumi.render-dev.yaml").read_text(encoding="utf-8")
# Two lines of the example show another choice, and cannot be there beside the first one.
_OTHERS = ("image: ghcr.io", "registry: ", "remoteWrite: ")
EVERYTHING = re.sub(r"^  # ", "  ", EXAMPLE, flags=re.MULTILINE)
SECRET_KEYS = ("renderApiKey", "adminToken", "qdrantApiKey", "alertsToken", "remoteWritePassword", "registryToken")


def given(text: str) -> dict[str, Any]:
    return {key.removeprefix(f"{NAMESPACE}:"): value for key, value in yaml.safe_load(text)["config"].items()}


def options(text: str) -> RenderConfig:
    """Return the checked configuration that a stack file gives, once its secrets are set."""
    return checked(
        render_values(BACKUP_KEYS, **given(text)), RenderConfig, MANAGED, container_settings, problems
    ).options


def test_the_examples_are_accepted_as_they_are() -> None:
    assert options(EXAMPLE).web.scaling.max == 3
    assert options(FREE).web_is_free


def test_what_is_commented_out_shows_the_defaults() -> None:
    without_others = "\n".join(line for line in EVERYTHING.splitlines() if not line.strip().startswith(_OTHERS))
    shown, default = options(without_others), options(EXAMPLE)

    assert shown.model_copy(update={"postgres": default.postgres, "owner": None, "render_api_url": None}) == default
    assert shown.postgres == default.postgres.model_copy(update={"disk_gb": 15})


def test_the_other_choices_are_accepted_in_place_of_the_first_ones() -> None:
    digest = f"sha256:{'0' * 64}"
    text = EVERYTHING.replace("sha256:DIGEST", digest)
    kept = [line for line in text.splitlines() if not line.strip().startswith(("repo: ", "branch: ", "autoDeploy: "))]
    secrets = {**BACKUP_KEYS, "registryToken": "made-up", "remoteWritePassword": "made-up"}

    found = checked(
        render_values(secrets, **given("\n".join(kept))), RenderConfig, MANAGED, container_settings, problems
    ).options
    assert (found.app.image or "").endswith(digest)
    assert found.app.registry is not None
    assert found.monitoring is not None
    assert found.monitoring.remote_write is not None


def keys(model: type[BaseModel], tree: dict[str, Any], path: str) -> list[str]:
    """Return the keys of a model, and of models inside, that a tree lacks."""
    lacking = []
    for name, field in model.model_fields.items():
        key = field.alias or name
        if key not in tree:
            lacking.append(f"{path}{key}")
            continue
        kinds = [field.annotation, *getattr(field.annotation, "__args__", ())]
        for kind in kinds:
            if isinstance(kind, type) and issubclass(kind, TargetConfig):
                lacking += keys(kind, tree[key], f"{path}{key}.")
    return lacking


def test_every_key_is_shown() -> None:
    assert set(keys(RenderConfig, given(EVERYTHING), "")) == {*SECRET_KEYS, "project.id"}


@pytest.mark.parametrize("key", [*SECRET_KEYS, *BACKUP_KEYS])
def test_secrets_are_named_and_not_given(key: str) -> None:
    assert re.search(rf"^#   .*\b{key}\b", EXAMPLE, flags=re.MULTILINE)
    assert f"{NAMESPACE}:{key}" not in EXAMPLE
