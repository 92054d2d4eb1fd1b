"""`search`: what is found, for people and for programs."""

from __future__ import annotations

import json

import pytest

from app import cli
from tests.app.commands.conftest import Typed


def test_what_is_found_comes_with_its_id_and_what_is_known_of_it(typed: Typed) -> None:
    id_ = json.loads(typed("remember", "apples keep till March", "--project", "garden", "--tags", "fruit", "--json")[1])
    typed("remember", "the gate squeaks")

    status, out, error = typed("search", "how", "long", "do", "apples", "keep?")
    [found] = json.loads(typed("search", "apples", "--json")[1])["results"]

    assert (status, error) == (0, "")
    assert all(part in out for part in (id_["id"], "apples keep till March", "note, garden, fruit"))
    assert (found["id"], found["project"]) == (id_["id"], "garden")


def test_a_search_can_be_limited(typed: Typed) -> None:
    typed("remember", "apples one", "--project", "p", "--kind", "fact", "--tags", "x")
    typed("remember", "apples two")

    for limit in (["--project", "p"], ["--kind", "fact"], ["--tags", "x"]):
        assert [one["text"] for one in json.loads(typed("search", "apples", "--json", *limit)[1])["results"]] == [
            "apples one"
        ]
    assert typed("search", "apples", "--limit", "1")[1].endswith("the best 1; --limit shows more\n")


def test_archived_memories_are_found_when_they_are_asked_for(typed: Typed) -> None:
    id_ = json.loads(typed("remember", "old apples", "--json")[1])["id"]
    typed("edit", id_, "--archive")

    assert typed("search", "apples") == (0, "", "claude-memory: nothing found\n")
    assert id_ in typed("search", "apples", "--archived")[1]


def test_controls_in_a_text_do_not_reach_the_terminal(typed: Typed) -> None:
    typed("remember", "-", given="apples \x1b]0;title\x07 \u202egnp.exe")

    out = typed("search", "apples")[1]

    assert r"apples \u001b]0;title\u0007 \u202egnp.exe" in out


def test_a_degraded_answer_says_so(typed: Typed, monkeypatch: pytest.MonkeyPatch) -> None:
    reply = {"results": [], "truncated": False, "degraded": True, "reason": "memU does not answer"}
    monkeypatch.setattr("app.ops.memories.MemoryServer.call", lambda *given: reply)

    assert "not all was searched: memU does not answer" in typed("search", "apples")[2]


@pytest.mark.parametrize("limit", ["0", "-1", "x", "1000001"])
def test_what_is_no_number_of_results_is_wrong_usage(limit: str) -> None:
    assert cli.run(["search", "a", f"--limit={limit}"]) == 2


def test_of_a_long_memory_the_part_that_answers_is_shown_and_all_of_it_with_full(typed: Typed) -> None:
    text = "The weather was mild. " * 40 + "Quokkas came by. " + "It rained. " * 40
    typed("remember", text)

    part, full = (" ".join(typed("search", "quokkas", *more)[1].split()) for more in ([], ["--full"]))

    assert "Quokkas came" in part
    assert part.count("…") == 2
    assert part.endswith("of long texts, the part that answers; --full or `show` prints all")
    assert full.count("mild") == full.count("rained") == 40
    assert "…" not in full
