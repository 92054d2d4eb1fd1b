"""`list`: the newest memories."""

from __future__ import annotations

import json

from tests.app.commands.conftest import Typed


def test_the_newest_come_first_and_more_are_told(typed: Typed) -> None:
    for text in ("one", "two", "three"):
        typed("remember", text)

    assert [one["text"] for one in json.loads(typed("list", "--json")[1])] == ["three", "two", "one"]
    out = typed("list", "--limit", "2")[1]
    assert "one" not in out.replace("none", "")
    assert out.endswith("the newest 2; --limit shows more\n")
    assert "--limit" not in typed("list", "--limit", "3")[1]


def test_a_list_can_be_limited_to_a_project_a_kind_or_the_archive(typed: Typed) -> None:
    ids = [
        json.loads(typed("remember", text, "--json", *more)[1])["id"]
        for text, *more in (["of p", "--project", "p"], ["fact", "--kind", "fact"], ["gone"])
    ]
    typed("edit", ids[2], "--archive")

    def listed(*which: str) -> list[str]:
        return [one["id"] for one in json.loads(typed("list", "--json", *which)[1])]

    assert listed("--project", "p") == ids[:1]
    assert listed("--kind", "fact") == ids[1:2]
    assert listed("--archived") == ids[2:]
    assert listed() == [ids[1], ids[0]]


def test_an_empty_memory_is_no_failure(typed: Typed) -> None:
    assert typed("list") == (0, "", "claude-memory: there are no memories\n")
    assert typed("list", "--archived") == (0, "", "claude-memory: nothing is archived\n")
    assert typed("list", "--json")[1] == "[]\n"
