"""Resources of a Blueprint are found wherever they stand."""

from __future__ import annotations

from typing import Any

import pytest

from infra.render.blueprint.scopes import items, resources

TREE: dict[str, Any] = {
    "services": [{"name": "a"}],
    "ungrouped": {"databases": [{"name": "b"}]},
    "projects": [{"name": "p", "environments": [{"name": "e", "envVarGroups": [{"name": "c"}], "services": [{}]}]}],
}


def test_each_resource_has_a_section_a_scope_and_a_label() -> None:
    assert [(one.label, one.scope) for one in resources(TREE)] == [
        ("services a", "the file itself"),
        ("databases b", "ungrouped"),
        ("envVarGroups c", "p/e"),
        ("services (without a name)", "p/e"),
    ]


@pytest.mark.parametrize("value", [None, "text", {"a": 1}, 3])
def test_what_is_no_list_has_no_items(value: Any) -> None:
    assert items(value) == []
    assert items([{"a": 1}, "text", None]) == [{"a": 1}]
