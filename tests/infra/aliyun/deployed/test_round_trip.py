"""A real use of the app over both ways: what is remembered is found, and nothing is left."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from infra.aliyun.deployed.conversation import Conversation, NoConversation, OverHttp, OverSse
from infra.aliyun.deployed.round_trip import PROJECT, walk
from tests.support.aliyun_stack import TOKEN
from tests.support.serving import Server

Way = Callable[[str, str | None], Conversation]


@pytest.mark.parametrize("way", [OverHttp, OverSse])
def test_a_text_is_remembered_found_and_forgotten(way: Way, memory: Server) -> None:
    steps = list(walk(lambda: way(memory.url, TOKEN)))

    assert [step.what for step in steps] == [
        *("connect", "initialize", "tools/list", "memorize", "search_memory", "forget_memory")
    ]
    assert all(step.seconds >= 0 for step in steps)
    left = memory.call("search_memory", {"query": "Probe", "project": PROJECT}, Authorization=f"Bearer {TOKEN}")
    assert left["structuredContent"]["results"] == []


class Other:
    """A server that answers as it is told to."""

    def __init__(self, **answers: dict[str, Any]) -> None:
        self.answers, self.closed, self.tools = answers, False, list[str]()

    def call(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        self.tools.append(str(params.get("name", method)))
        return self.answers.get(str(params.get("name", method)).replace("/", "_"), {})

    def notify(self, method: str) -> None:
        pass

    def close(self) -> None:
        self.closed = True


TOOLS = {"tools": [{"name": name} for name in ("memorize", "search_memory", "forget_memory")]}
STORED = {"structuredContent": {"id": "id-1"}}


def test_another_server_is_recognised_by_its_tools() -> None:
    other = Other(tools_list={"tools": [{"name": "weather"}]})

    with pytest.raises(NoConversation, match="no tool memorize"):
        list(walk(lambda: other))
    assert other.closed


def test_a_memory_that_cannot_forget_is_only_searched() -> None:
    tools = {"tools": [{"name": name} for name in ("memorize", "search_memory")]}
    other = Other(tools_list=tools, search_memory={"structuredContent": {"results": [], "degraded": False}})

    steps = list(walk(lambda: other))

    assert [step.what for step in steps] == ["connect", "initialize", "tools/list", "search_memory"]
    assert "memorize" not in other.tools


def test_a_memory_elsewhere_that_does_not_answer_is_told() -> None:
    tools = {"tools": [{"name": name} for name in ("memorize", "search_memory")]}
    away = {"structuredContent": {"results": [], "degraded": True, "reason": "memU did not answer within 1 s"}}

    with pytest.raises(NoConversation, match="memU did not answer within 1 s"):
        list(walk(lambda: Other(tools_list=tools, search_memory=away)))


def test_a_text_that_is_not_found_is_forgotten_all_the_same() -> None:
    nothing: dict[str, Any] = {"structuredContent": {"results": []}}
    other = Other(tools_list=TOOLS, memorize=STORED, search_memory=nothing, forget_memory={"structuredContent": {}})

    with pytest.raises(NoConversation, match="did not find what was just remembered"):
        list(walk(lambda: other))
    assert other.tools[-1] == "forget_memory"


def test_the_first_error_is_told_when_the_text_cannot_be_forgotten_either() -> None:
    refused = {"isError": True, "content": [{"text": "the database is down"}]}
    other = Other(tools_list=TOOLS, memorize=STORED, search_memory={"isError": True}, forget_memory=refused)

    with pytest.raises(NoConversation, match="search_memory: no answer"):
        list(walk(lambda: other))
    assert (other.tools[-1], other.closed) == ("forget_memory", True)


def test_what_a_tool_refuses_is_told_in_its_words() -> None:
    refused = {"isError": True, "content": [{"text": "memorize: this token does not have the scope 'write'"}]}

    with pytest.raises(NoConversation, match="does not have the scope"):
        list(walk(lambda: Other(tools_list=TOOLS, memorize=refused)))
