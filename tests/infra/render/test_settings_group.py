"""The environment group of shared settings."""

from __future__ import annotations

import pulumi

from infra.render.app_settings import AppSettings
from infra.render.settings_group import SettingsGroup, SettingsGroupArgs
from tests.support.render_plan import PLACE, built, of_kind


def test_a_group_is_in_the_stacks_environment_and_holds_plain_and_secret_settings() -> None:
    def declare() -> object:
        settings = AppSettings(plain={"LOG_LEVEL": "DEBUG"}, secrets={"KEY": pulumi.Output.secret("made-up")})
        return SettingsGroup("settings", SettingsGroupArgs(place=PLACE, settings=settings))

    [group] = of_kind(built(declare), "EnvGroup").values()
    assert (group.inputs["name"], group.inputs["environmentId"]) == ("claude-memory-settings", "evm-1")
    assert group.inputs["envVars"] == {"LOG_LEVEL": "DEBUG", "KEY": {"value": "made-up", "writeOnly": True}}
    assert group.secrets == {"envVars"}
