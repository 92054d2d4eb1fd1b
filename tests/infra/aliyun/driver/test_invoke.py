"""`invoke`: the real app is used over both ways, with times."""

from __future__ import annotations

import pytest

from tests.support.aliyun_stack import TOKEN, Drive, Stack
from tests.support.serving import Server


def test_the_stacks_function_is_used_over_both_ways_with_its_own_token(deployed: Stack, drive: Drive) -> None:
    ran = drive("invoke")

    assert ran.status == 0, ran.said
    assert ran.out.count(" 6 steps in ") == 2
    assert ran.err.count("ms  search_memory: found") == 2


def test_the_report_for_machines_has_each_step(deployed: Stack, drive: Drive) -> None:
    [trip] = drive("invoke", "--way", "mcp", "--json").json

    assert (trip["ok"], trip["error"]) == (True, "")
    assert [step["what"] for step in trip["steps"]][-3:] == ["memorize", "search_memory", "forget_memory"]


@pytest.mark.parametrize(("path", "ways"), [("", 2), ("/mcp", 1), ("/sse", 1), ("/", 2)])
def test_an_address_may_name_the_way(path: str, ways: int, stack: Stack, memory: Server, drive: Drive) -> None:
    ran = drive("invoke", f"{memory.url}{path}", "--json", CLAUDE_MEMORY_TOKEN=TOKEN)

    assert (ran.status, len(ran.json)) == (0, ways)


def test_a_token_is_not_sent_in_clear(stack: Stack, drive: Drive) -> None:
    ran = drive("invoke", "http://memory.example.org")

    assert (ran.status, "must begin with https://" in ran.err) == (2, True)


def test_a_memory_that_does_not_answer_fails_in_one_line_each(stack: Stack, drive: Drive) -> None:
    ran = drive("invoke")

    assert ran.status == 1
    assert ran.out.count("cannot be reached (ConnectionError)") == 2


def test_a_wrong_token_says_where_to_get_one(stack: Stack, memory: Server, drive: Drive) -> None:
    ran = drive("invoke", memory.url, CLAUDE_MEMORY_TOKEN="cm_wrong-token")

    assert ran.status == 1
    assert "give a valid token" in ran.said
    assert "cm_wrong-token" not in ran.said
