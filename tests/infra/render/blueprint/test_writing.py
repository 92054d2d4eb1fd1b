"""Whole Blueprints: of the example stacks, valid by Render's schema where it is here, and the committed one in step."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from infra.config import NAMESPACE
from infra.errors import ConfigError
from infra.render.blueprint.checks import problems
from infra.render.blueprint.writing import blueprint
from tests.support.serving import ROOT

PRODUCTION, DEVELOPMENT = ROOT / "Pulumi.render.yaml", ROOT / "Pulumi.render-dev.yaml"
SCHEMA = Path(os.environ.get("RENDER_BLUEPRINT_SCHEMA", ROOT.parent / "shared" / "render" / "blueprint.schema.json"))
both = pytest.mark.parametrize("file", [PRODUCTION, DEVELOPMENT], ids=lambda file: file.name)


def tree(file: Path) -> dict[str, Any]:
    parsed: dict[str, Any] = yaml.safe_load(blueprint(file)[0])
    return parsed


def environment(file: Path) -> dict[str, Any]:
    [project] = tree(file)["projects"]
    [found] = project["environments"]
    return dict(found)


def stack(folder: Path, **values: Any) -> Path:
    """Write a stack's file with these keys."""
    file = folder / "Pulumi.staging.yaml"
    least = {"target": "render", "app": {"repo": "https://github.com/example/it"}}
    own = {f"{NAMESPACE}:{key}": value for key, value in {**least, **values}.items()}
    file.write_text(yaml.safe_dump({"config": own}), encoding="utf-8")
    return file


VARIANTS: dict[str, dict[str, Any]] = {
    "the least": {},
    "previews": {"previews": "automatic"},
    "an image": {
        "app": {"image": f"ghcr.io/me/it@sha256:{'0' * 64}", "registry": {"kind": "GITHUB", "username": "me"}}
    },
    "a big one": {
        "web": {"plan": "pro_plus", "scaling": {"min": 2, "max": 2}, "allowedAddresses": ["203.0.113.0/24"]},
        "postgres": {
            "plan": "pro_4gb",
            "diskGb": 100,
            "highAvailability": True,
            "allowedAddresses": ["203.0.113.0/24"],
        },
        "environment": {"name": "production", "protected": True, "networkIsolation": True},
        "worker": {"plan": "pro_max"},
        "domains": ["example.org", "memory.example.org"],
        "MAINTENANCE_SCHEDULE": "off",
    },
}


@pytest.mark.skipif(not SCHEMA.exists(), reason="Render's schema is not here (RENDER_BLUEPRINT_SCHEMA)")
@both
def test_a_blueprint_of_an_example_is_valid_by_renders_schema(file: Path) -> None:
    jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text(encoding="utf-8"))).validate(tree(file))


@pytest.mark.skipif(not SCHEMA.exists(), reason="Render's schema is not here (RENDER_BLUEPRINT_SCHEMA)")
@pytest.mark.parametrize("values", VARIANTS.values(), ids=VARIANTS)
def test_a_blueprint_of_any_stack_is_valid_by_renders_schema(values: dict[str, Any], tmp_path: Path) -> None:
    written = tree(stack(tmp_path, **values))

    jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text(encoding="utf-8"))).validate(written)


@pytest.mark.parametrize("values", VARIANTS.values(), ids=VARIANTS)
def test_our_own_checks_find_nothing_in_what_we_write(values: dict[str, Any], tmp_path: Path) -> None:
    assert problems(tree(stack(tmp_path, **values))) == []


@both
def test_our_own_checks_find_nothing_in_the_examples(file: Path) -> None:
    assert problems(tree(file)) == []


def test_the_committed_file_is_in_step_with_the_stack_it_names() -> None:
    committed = (ROOT / "render.yaml").read_text(encoding="utf-8")
    [name] = re.findall(r"from (Pulumi\.\S+\.yaml)", committed)

    assert committed == blueprint(ROOT / name)[0], f"run python -m infra.render blueprint --stack {name.split('.')[1]}"


def test_everything_but_the_monitoring_is_in_it_and_that_is_said_in_the_file() -> None:
    text, left_out = blueprint(PRODUCTION)
    found = environment(PRODUCTION)

    assert {one["name"] for one in found["services"]} == {
        f"claude-memory-{role}" for role in ("qdrant", "web", "worker", "maintenance", "backup")
    }
    assert [one["name"] for one in found["databases"]] == ["claude-memory-postgres"]
    assert len(left_out) == 1
    assert "# Not in here: monitoring" in text
    assert "Not in here" not in blueprint(DEVELOPMENT)[0]


def test_an_environment_is_protected_and_isolated_as_the_stack_says(tmp_path: Path) -> None:
    file = stack(tmp_path, environment={"name": "production", "protected": True, "networkIsolation": True})

    assert environment(file)["permissions"] == {"protection": "enabled"}
    assert environment(file)["networking"] == {"isolation": "enabled"}
    assert environment(DEVELOPMENT)["permissions"] == {"protection": "disabled"}


def test_words_that_yaml_would_make_a_truth_of_are_quoted() -> None:
    text, _ = blueprint(PRODUCTION)

    assert re.search(r"generation: ['\"]off['\"]", text)
    assert not re.search(r": (off|on|yes|no)$", text, re.MULTILINE)


def test_no_secret_and_no_placeholder_is_in_it() -> None:
    for file in (PRODUCTION, DEVELOPMENT):
        assert "placeholder" not in blueprint(file)[0]


def test_previews_of_everything_follow_the_stack(tmp_path: Path) -> None:
    assert tree(DEVELOPMENT)["previews"] == {"generation": "off"}
    assert tree(stack(tmp_path, previews="manual"))["previews"] == {"generation": "manual"}


def test_a_project_of_another_stack_cannot_be_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"project\.id: a Blueprint makes its project by name"):
        blueprint(stack(tmp_path, project={"id": "prj-1"}))
