"""How services of a stack are named, and found by their names."""

from __future__ import annotations

import pytest

from infra.render.deployed.names import Role, Store, name_of, role_of


@pytest.mark.parametrize(
    ("stack", "name"),
    [
        ("render", "claude-memory-web"),
        ("render-dev", "claude-memory-dev-web"),
        ("staging", "claude-memory-staging-web"),
        ("organisation/claude-memory/render-dev", "claude-memory-dev-web"),
    ],
)
def test_a_service_has_the_name_of_its_stack_and_role(stack: str, name: str) -> None:
    assert name_of(stack, Role.WEB) == name
    assert role_of(stack, name) is Role.WEB


@pytest.mark.parametrize("name", ["claude-memory-dev-web", "claude-memory", "claude-memory-web-2", "web", "other-web"])
def test_a_service_of_another_stack_has_no_role(name: str) -> None:
    assert role_of("render", name) is None


def test_stores_are_named_in_the_same_way() -> None:
    assert name_of("render-dev", Store.POSTGRES) == "claude-memory-dev-postgres"
