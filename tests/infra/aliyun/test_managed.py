"""Settings that the program sets itself: all of them exist, and a stack is told what to use instead."""

from __future__ import annotations

import pytest

from app.settings.fields import Settings
from infra.aliyun.config import AliyunConfig
from infra.aliyun.containers import container_settings
from infra.aliyun.managed import DEFAULTS, MANAGED
from infra.config import checked
from infra.errors import ConfigError
from tests.support.stacks import aliyun_values

SETTINGS = {name.upper() for name in Settings.model_fields}


def test_every_one_is_a_setting_of_the_app() -> None:
    assert set(MANAGED) | set(DEFAULTS) <= SETTINGS
    assert not set(MANAGED) & set(DEFAULTS)


def test_the_platforms_own_variables_are_never_set() -> None:
    assert {name for name in SETTINGS if name.startswith("FC_")} <= set(MANAGED)


@pytest.mark.parametrize("name", MANAGED)
def test_a_stack_cannot_set_one_and_is_told_why(name: str) -> None:
    with pytest.raises(ConfigError) as refused:
        checked(aliyun_values(None, **{name: "1"}), AliyunConfig, MANAGED, container_settings)

    assert f"{name}: is set by the program; {MANAGED[name]}" in refused.value.problems


@pytest.mark.parametrize("key", ["adminToken", "alarms", "function"])
def test_the_keys_that_are_named_instead_exist(key: str) -> None:
    assert any(key in reason for reason in MANAGED.values())
    assert key in {field.alias or name for name, field in AliyunConfig.model_fields.items()}
