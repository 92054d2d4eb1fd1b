"""Thresholds: typed, with defaults and a schema of each."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from infra.aliyun.config import Function
from policies.catalogue import all_rules
from policies.rule import AnyRule
from policies.thresholds import Images, Keys, Memory, Nothing, Production, Thresholds, Timeout


@pytest.mark.parametrize(
    ("stack", "production"),
    [
        ("render", True),
        ("production", True),
        ("developer", True),
        ("render-dev", False),
        ("dev", False),
        ("organization/claude-memory/render-dev", False),
        ("organization/claude-memory/render", True),
    ],
)
def test_a_stack_is_for_production_unless_its_name_says_otherwise(stack: str, production: bool) -> None:
    assert Production().is_production(stack) is production


def test_limits_of_the_function_are_the_programs_defaults() -> None:
    assert Memory().minimum_mb == Function().memory_mb
    assert Timeout().seconds == Function().timeout_s


def test_a_configuration_gives_numbers_as_json_has_them() -> None:
    assert Memory.model_validate({"maximumMb": 4096.0}).maximum_mb == 4096


@pytest.mark.parametrize("given", [{"bits": 7}, {"length": 8}, {"lenght": 32}])
def test_a_wrong_threshold_is_refused(given: dict[str, int]) -> None:
    with pytest.raises(ValidationError):
        Keys.model_validate(given)


def test_a_schema_has_a_type_a_default_and_a_description() -> None:
    assert Images.properties()["digests"] == {
        "default": False,
        "description": "whether a digest is needed; otherwise a tag with a version is enough",
        "title": "Digests",
        "type": "boolean",
    }
    assert Nothing.properties() == Thresholds.properties() == {}


@pytest.mark.parametrize("rule", all_rules(), ids=lambda rule: rule.name)
def test_every_threshold_of_a_rule_is_described_and_names_no_other_schema(rule: AnyRule) -> None:
    for one in rule.thresholds.properties().values():
        assert one["description"]
        assert "default" in one
        assert "$ref" not in str(one)
