"""What is offered with memU: a tool or argument without a counterpart is refused by name, before anything is done."""

from __future__ import annotations

import pytest

from app.errors import NotOffered
from app.memu.limits import OFFERED, require_offered
from app.serve.mcp.tools import TOOLS


@pytest.mark.parametrize("name", sorted(TOOLS.keys() - OFFERED.keys()))
def test_each_tool_that_is_not_offered_says_why_and_what_else_to_do(name: str) -> None:
    with pytest.raises(NotOffered, match=rf"^{name}: memU .* \(API v3\); set MEMORY_BACKEND=both"):
        require_offered(name, set(), "v3")


def test_only_tools_that_exist_are_offered_and_only_arguments_that_exist_are_left_out() -> None:
    for name, offer in OFFERED.items():
        assert offer.without <= TOOLS[name].request.model_fields.keys()


def test_an_argument_without_a_counterpart_is_named() -> None:
    require_offered("search_memory", {"query", "limit", "max_tokens"}, "v3")

    with pytest.raises(NotOffered, match=r"^search_memory: memU takes no project, tags"):
        require_offered("search_memory", {"query", "tags", "project"}, "v3")
