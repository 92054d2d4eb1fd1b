"""Settings that the program sets itself: all of them exist, and a stack is told what to use instead."""

from __future__ import annotations

import pytest

from app.settings.fields import Settings
from infra.config import checked
from infra.errors import ConfigError
from infra.render.config import RenderConfig
from infra.render.containers import container_settings
from infra.render.managed import DEFAULTS, MANAGED
from tests.support.stacks import render_values

SETTINGS = {name.upper() for name in Settings.model_fields}


def test_every_one_is_a_setting_of_the_app() -> None:
    assert set(MANAGED) | set(DEFAULTS) <= SETTINGS
    assert not set(MANAGED) & set(DEFAULTS)


@pytest.mark.parametrize("name", MANAGED)
def test_a_stack_cannot_set_one_and_is_told_why(name: str) -> None:
    with pytest.raises(ConfigError) as refused:
        checked(render_values(None, **{name: "1"}), RenderConfig, MANAGED, container_settings)

    assert f"{name}: is set by the program; {MANAGED[name]}" in refused.value.problems


@pytest.mark.parametrize("key", ["adminToken", "alertsToken", "postgres"])
def test_the_keys_that_are_named_instead_exist(key: str) -> None:
    assert any(key in reason for reason in MANAGED.values())
    assert key in {field.alias or name for name, field in RenderConfig.model_fields.items()}
