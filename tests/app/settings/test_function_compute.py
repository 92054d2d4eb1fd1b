"""What Function Compute sets: its port under two names, and the names that show the platform."""

from __future__ import annotations

import pytest

from app.settings.fields import Settings
from app.settings.function_compute import MARKS, PORTS, is_on_platform, port_of


@pytest.mark.parametrize(
    ("texts", "port"),
    [
        ({}, ""),
        ({"FC_SERVER_PORT": "9000"}, "9000"),
        ({"FC_SERVER_PORT": "9000", "FC_CUSTOM_LISTEN_PORT": "9001"}, "9001"),
        ({"FC_SERVER_PORT": "9000", "FC_CUSTOM_LISTEN_PORT": ""}, "9000"),
    ],
)
def test_the_documented_name_goes_first(texts: dict[str, str], port: str) -> None:
    assert port_of(texts) == port


def test_either_name_shows_the_platform_and_no_other() -> None:
    assert is_on_platform({"FC_FUNCTION_NAME": "memory"})
    assert is_on_platform({"FC_INSTANCE_ID": "c-1"})
    assert not is_on_platform({"FC_RUNTIME": "custom.debian12", "FC_FUNCTION_NAME": ""})


def test_each_name_is_a_setting() -> None:
    assert {*PORTS, *MARKS} <= {name.upper() for name in Settings.model_fields}
