"""The plan: what programs declare, without an engine."""

from __future__ import annotations

import pytest

from infra.errors import ConfigError
from tests.support.stacks import selfhost_plan


def test_what_a_resource_needs_stands_before_it():
    names = [(one.type, one.name) for one in selfhost_plan().resources]
    container = "docker:index/container:Container"

    order = [names.index((container, f"memory-{name}")) for name in ("postgres", "app-init", "app-1", "app-2", "proxy")]
    assert order == sorted(order)


def test_a_wrong_configuration_declares_nothing():
    with pytest.raises(ConfigError):
        selfhost_plan(nonsense="1")
