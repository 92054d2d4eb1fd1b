"""`explain`: what the scores of a search are made of, for people and for programs; the example in the docs is true."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from app import cli
from app.ops.memories import on_this_machine
from tests.app.commands.conftest import Typed
from tests.support.serving import Server

PAGE = Path(__file__).parents[3] / "docs" / "retrieval.md"
ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
TALK = [("Ann", "Which fruit do you like best?"), ("Ben", "The quince, of course."), ("Ann", "Quince trees are small.")]
REPLY: dict[str, Any] = {"results": [], "truncated": False, "degraded": False}


def remember(server: Server, conversation: str, messages: list[tuple[str, ...]]) -> None:
    """Remember messages of a conversation: (who, text) or (who, text, day)."""
    said = [
        {"role": "user", "name": name, "content": text, "time": f"{more[0] if more else '2026-05-07'}T12:00:00Z"}
        for name, text, *more in messages
    ]
    with on_this_machine(server.data_dir) as memory:
        memory.call("memorize_conversation", {"conversation_id": conversation, "messages": said})


def rows(out: str) -> list[list[str]]:
    """Return the cells of what was printed, without white space."""
    return [re.split(r"  +", line.strip()) for line in out.splitlines()]


def test_the_question_and_each_result_are_explained(typed: Typed, memory_server: Server) -> None:
    remember(memory_server, "talk", [(*one,) for one in TALK])

    status, out, error = typed("explain", "which", "fruit", "does", "Ben", "like?", "--limit", "1")

    assert (status, error) == (0, "")
    told = rows(out)
    assert ["memories", "3"] in told
    assert ["words compared with", "the memories' and their neighbours'"] in told
    assert ["names speakers", "Ben"] in told
    assert ["Ben", "1.03", "0", "a name"] in told
    assert ["The quince, of course."] in told
    assert ["score", "words", "speaker"] in told
    [(score, words, speaker)] = [map(float, row) for row in told if row[-1] == "0.21"]
    assert score == pytest.approx(words + speaker, abs=0.011)
    assert [row[-1] for row in told if row[0] == "like" and len(row) == 5] == ["neighbours"]
    assert [(row[0], row[2:]) for row in told if row[0].startswith("1 before")] == [
        ("1 before, asks", ["0.70", "1.00", "fruit, like"])
    ]
    assert told[-1] == ["the best 1; --limit shows more"]


def test_programs_get_the_tools_own_reply(typed: Typed, memory_server: Server) -> None:
    remember(memory_server, "talk", [(*one,) for one in TALK])

    reply = json.loads(typed("explain", "quince", "--json")[1])

    assert len(reply["results"]) == 3
    assert all(one["explanation"]["words"] for one in reply["results"])
    assert reply["explanation"]["words"][0]["word"] == "quince"


def test_a_search_can_be_limited_as_that_of_search(typed: Typed) -> None:
    typed("remember", "apples one", "--project", "p", "--kind", "fact", "--tags", "x")
    typed("remember", "apples two")
    id_ = json.loads(typed("remember", "old apples", "--json")[1])["id"]
    typed("edit", id_, "--archive")

    for limit in (["--project", "p"], ["--kind", "fact"], ["--tags", "x"]):
        assert [one["text"] for one in json.loads(typed("explain", "apples", "--json", *limit)[1])["results"]] == [
            "apples one"
        ]
    out = typed("explain", "apples", "--archived")[1]
    assert "old apples" in out
    assert ["words compared with", "the memories' own, without the index"] in rows(out)


def test_a_question_of_stop_words_says_how_texts_have_it(typed: Typed) -> None:
    typed("remember", "Who are they?")

    out = typed("explain", "who are they")[1]

    assert ["words compared with", "the texts: these are stop words"] in rows(out)
    assert "it has the question in another case" in out


def test_nothing_found_is_said_below_the_question(typed: Typed) -> None:
    status, out, error = typed("explain", "quokkas")

    assert (status, error) == (0, "claude-memory: nothing found\n")
    assert ["quokkas", "0.69", "0"] in rows(out)


def test_a_long_text_is_shown_by_its_beginning_and_many_words_by_their_number(typed: Typed) -> None:
    words = [f"{first}{second}" for first in "bcdfgh" for second in ("oak", "elm", "ash", "yew", "fir", "box")]
    typed("remember", " ".join(words))

    out = typed("explain", *words)[1]

    assert f"{' '.join(words)[:100]}…" in out
    assert "and 6 more" in out
    assert "and 24 more" in out


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"unexplained": "memU finds the memories"}, "no explanations: memU finds the memories"),
        ({"degraded": True}, "not all was searched: the index does not answer"),
    ],
)
def test_what_a_reply_lacks_is_said(
    typed: Typed, monkeypatch: pytest.MonkeyPatch, more: dict[str, Any], said: str
) -> None:
    monkeypatch.setattr("app.ops.memories.MemoryServer.call", lambda *given: {**REPLY, **more})

    assert said in typed("explain", "apples")[2]


def test_vectors_and_changes_are_told_below_the_words(typed: Typed, monkeypatch: pytest.MonkeyPatch) -> None:
    typed("remember", "apples")
    reply = json.loads(typed("explain", "apples", "--json")[1])
    [one] = reply["results"]
    one["explanation"] |= {"cosine": 0.5, "similarity": 1.0, "changed": True}
    other = {**one, "explanation": {**one["explanation"], "cosine": None, "similarity": 0.25, "changed": False}}
    other["explanation"]["reranked_from"] = 7
    bare = {name: value for name, value in one.items() if name != "explanation"}
    monkeypatch.setattr("app.ops.memories.MemoryServer.call", lambda *given: {**reply, "results": [one, other, bare]})

    out = typed("explain", "apples")[1]

    assert "vector: cosine 0.50, scaled 1.00\nit, or a neighbour, was changed meanwhile" in out
    assert "vector: without a vector, so the median, scaled 0.25\nthe rerank model put it here from place 7" in out
    assert "\n\n3. " in out


def test_controls_in_a_text_do_not_reach_the_terminal(typed: Typed) -> None:
    typed("remember", "-", given="apples \x1b]0;title\x07\n\u202egnp.exe")

    assert r"apples \u001b]0;title\u0007\n\u202egnp.exe" in typed("explain", "apples")[1]


@pytest.mark.parametrize("limit", ["0", "x"])
def test_what_is_no_number_of_results_is_wrong_usage(limit: str) -> None:
    assert cli.run(["explain", "a", f"--limit={limit}"]) == 2


def test_the_example_in_the_docs_is_what_the_command_prints(typed: Typed, memory_server: Server) -> None:
    section = PAGE.read_text(encoding="utf-8").partition("## One search explained")[2].partition("\n## ")[0]
    talks: dict[str, list[tuple[str, ...]]] = {}
    for conversation, day, name, text in re.findall(r"^\| (\d) \| (\S+) \| (\w+) \| (.*) \|$", section, re.MULTILINE):
        talks.setdefault(conversation, []).append((name, text, day))
    for conversation, messages in talks.items():
        remember(memory_server, conversation, messages)
    _, block, *_ = section.split("```\n")
    line, _, printed = block.partition("\n")

    out = typed(*shlex.split(line.removeprefix("$ claude-memory ")))[1]

    numbers = {id_: f"{number:036}" for number, id_ in enumerate(dict.fromkeys(ID.findall(out)), 1)}
    assert printed == ID.sub(lambda found: numbers[found[0]], out)
    found = json.loads(typed("explain", shlex.split(line)[3], "--json", "--limit", "10")[1])["results"]
    assert [one["conversation_id"] for one in found] == ["2"] * 4 + ["1"] * 2, "as the text says"
