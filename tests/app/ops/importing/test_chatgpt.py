"""The account export of ChatGPT."""

from __future__ import annotations

import json
from typing import Any

import pytest

from app.memory.types import Kind, Scope
from app.ops.importing.chatgpt import branch
from app.store.postgres import PostgresStore
from tests.app.ops.conftest import Take


def node(id_: str, parent: str | None, role: str | None, *said: Any, time: float | None = 1e9, **more: Any) -> Any:
    """Return an entry of `mapping`; without a role a node without a message."""
    message = {
        "id": id_,
        "author": {"role": role, "name": None, "metadata": {}},
        "create_time": time,
        "content": {"content_type": "text", "parts": list(said)},
        "recipient": "all",
        "metadata": {},
        "weight": 1.0,
        **more,
    }
    return id_, {"id": id_, "parent": parent, "children": [], "message": message if role else None}


def conversation(*nodes: Any, current: str | None, id_: str = "c1") -> dict[str, Any]:
    return {
        "title": "Tea",
        "create_time": 1778241600.5,
        "update_time": 1778241600.5,
        "mapping": dict(nodes),
        "current_node": current,
        "conversation_id": id_,
        "id": id_,
    }


def export(*conversations: Any) -> bytes:
    return json.dumps(conversations).encode()


async def said(take: Take, store: PostgresStore, scope: Scope, *nodes: Any, current: str) -> list[str]:
    report = await take(export(conversation(node("root", None, None), *nodes, current=current)))
    assert (report.formats, report.problems) == (["chatgpt"], [])
    return [turn.text for turn in await store.of_conversation(scope, "c1", 10)]


async def test_the_branch_on_the_screen_becomes_the_conversation(
    take: Take, store: PostgresStore, alice: Scope
) -> None:
    found = await said(
        take,
        store,
        alice,
        node("q", "root", "user", "tea?", time=1778241600.5),
        node("given up", "q", "assistant", "coffee"),
        node("a", "q", "assistant", "with ", "milk"),
        node("thanks", "a", "user", "thanks"),
        current="thanks",
    )

    turns = await store.of_conversation(alice, "c1", 10)
    assert found == ["tea?", "with \n\nmilk", "thanks"]
    assert [(turn.role, turn.message_id) for turn in turns] == [("user", "q"), ("assistant", "a"), ("user", "thanks")]
    assert turns[0].occurred_at is not None
    assert turns[0].occurred_at.isoformat() == "2026-05-08T12:00:00.500000+00:00"


NOISE = [
    pytest.param(node("n", "root", "system", "be good"), id="system"),
    pytest.param(node("n", "root", "tool", "a page"), id="tool"),
    pytest.param(node("n", "root", "user", "x", metadata={"is_visually_hidden_from_conversation": True}), id="hidden"),
    pytest.param(node("n", "root", "user", "x", metadata={"is_user_system_message": True}), id="custom instructions"),
    pytest.param(node("n", "root", "assistant", "search()", recipient="web"), id="a call of a tool"),
    pytest.param(node("n", "root", "assistant", "hm", channel="analysis"), id="analysis"),
    pytest.param(node("n", "root", "assistant", content={"content_type": "thoughts", "thoughts": []}), id="thoughts"),
    pytest.param(node("n", "root", "assistant", content={"content_type": "code", "text": "1"}), id="code"),
    pytest.param(node("n", "root", "user", {"content_type": "image_asset_pointer"}), id="picture"),
    pytest.param(node("n", "root", "user", ""), id="empty"),
    pytest.param(node("n", "root", "user", content=None, author=None, metadata=None), id="nothing"),
    pytest.param(("n", {"parent": "root", "message": "odd"}), id="odd message"),
]


@pytest.mark.parametrize("noise", NOISE)
async def test_what_was_not_on_the_screen_is_passed_over(
    take: Take, store: PostgresStore, alice: Scope, noise: tuple[Any, ...]
) -> None:
    assert await said(take, store, alice, noise, node("m", "n", "user", "hello"), current="m") == ["hello"]


async def test_what_was_spoken_is_taken_from_its_transcription(take: Take, store: PostgresStore, alice: Scope) -> None:
    parts = [{"content_type": "audio_transcription", "text": "tea, please"}, {"content_type": "audio_asset_pointer"}]
    content = {"content_type": "multimodal_text", "parts": parts}

    assert await said(take, store, alice, node("m", "root", "user", content=content), current="m") == ["tea, please"]


async def test_marks_of_citations_are_left_out(take: Take, store: PostgresStore, alice: Scope) -> None:
    text = "It rains.\ue200cite\ue202turn0search1\ue201 Often."

    assert await said(take, store, alice, node("m", "root", "user", text), current="m") == ["It rains. Often."]


def test_a_tree_that_goes_round_in_a_circle_ends() -> None:
    mapping = dict([node("a", "b", "user", "a"), node("b", "a", "user", "b")])

    assert [one["id"] for one in branch(mapping, "a")] == ["b", "a"]


@pytest.mark.parametrize("current", [None, "not there"])
def test_without_a_current_node_the_newest_message_ends_the_branch(current: str | None) -> None:
    mapping = dict(
        [
            node("root", None, None),
            node("q", "root", "user", "q", time=1.0),
            node("new", "q", "assistant", "new", time=3.0),
            node("old", "q", "assistant", "old", time=2.0),
            node("timeless", "q", "assistant", "timeless", time=None),
        ]
    )

    assert [one["id"] for one in branch(mapping, current)] == ["q", "new"]


async def test_an_odd_conversation_is_told_and_the_others_are_stored(take: Take) -> None:
    good = conversation(node("root", None, None), node("m", "root", "user", "hello"), current="m")

    report = await take(export({"title": "x", "mapping": []}, good), "chatgpt")

    [problem] = report.problems
    assert (report.messages_stored, report.bad) == (1, 1)
    assert "has no id or no mapping" in problem.reason


async def test_a_conversation_that_went_on_brings_only_what_is_new(
    take: Take, store: PostgresStore, alice: Scope
) -> None:
    nodes = [node("root", None, None), node("q", "root", "user", "tea?")]
    await take(export(conversation(*nodes, current="q")))

    report = await take(export(conversation(*nodes, node("a", "q", "assistant", "yes"), current="a")))

    assert (report.messages_stored, report.messages_skipped) == (1, 1)


def to(recipient: str, given: Any) -> dict[str, Any]:
    """Return the message fields of a call of a tool."""
    return {"recipient": recipient, "content": {"content_type": "code", "text": json.dumps(given)}}


async def test_a_canvas_document_is_told_as_it_became(take: Take, store: PostgresStore, alice: Scope) -> None:
    create = to("canmore.create_textdoc", {"name": "Poem", "type": "document", "content": "Tea is hot. Tea is good."})
    updates = [{"pattern": r"hot\.", "multiple": False, "replacement": "warm."}]
    nodes = [
        node("q", "root", "user", "write"),
        node("c", "q", "assistant", **create),
        node("t", "c", "tool", "Successfully created text document."),
        node("u", "t", "assistant", **to("canmore.update_textdoc", {"updates": updates})),
        node("a", "u", "assistant", "done"),
    ]

    found = await said(take, store, alice, *nodes, current="a")

    assert found == ["write", "# Poem\n\nTea is warm. Tea is good.", "done"]
    kinds = [turn.kind for turn in await store.of_conversation(alice, "c1", 10)]
    assert kinds == [Kind.TURN, Kind.REFERENCE, Kind.TURN]


async def test_a_change_that_does_not_fit_a_canvas_is_counted_and_no_pattern_is_run(take: Take) -> None:
    create = to("canmore.create_textdoc", {"name": "Poem", "content": "a" * 30})
    update = to("canmore.update_textdoc", {"updates": [{"pattern": "(a+)+$|b", "replacement": "x"}]})
    nodes = [node("c", "root", "assistant", **create), node("u", "c", "assistant", **update)]

    report = await take(export(conversation(node("root", None, None), *nodes, current="u")))

    assert (report.messages_stored, report.left_aside["changes of a canvas that do not fit it"]) == (1, 1)


@pytest.mark.parametrize("role", ["assistant", "tool"])
async def test_a_research_report_is_a_reference(take: Take, store: PostgresStore, alice: Scope, role: str) -> None:
    metadata = {"is_async_task_result_message": True, "async_task_title": "Tea"}

    assert await said(
        take, store, alice, node("r", "root", role, "Tea grows in hills.", metadata=metadata), current="r"
    ) == ["Tea grows in hills."]
    [turn] = await store.of_conversation(alice, "c1", 10)
    assert (turn.kind, turn.role, turn.metadata) == (Kind.REFERENCE, "assistant", {"document": "Tea"})


async def test_the_text_of_a_file_is_a_reference(take: Take, store: PostgresStore, alice: Scope) -> None:
    text = "The contents of the file tea.txt are copied here. \n\nBrew 3 minutes.\n\nEnd of copied content"
    hidden = {"is_visually_hidden_from_conversation": True}

    assert await said(take, store, alice, node("f", "root", "system", text, metadata=hidden), current="f") == [
        "Brew 3 minutes."
    ]
    [turn] = await store.of_conversation(alice, "c1", 10)
    assert (turn.kind, turn.role, turn.metadata) == (Kind.REFERENCE, "user", {"file": "tea.txt"})


async def test_memories_and_instructions_are_taken_once(take: Take, store: PostgresStore, alice: Scope) -> None:
    about = {"content_type": "user_editable_context", "user_profile": "I am Ada.", "user_instructions": "Be short."}
    known = {
        "content_type": "model_editable_context",
        "model_set_context": "1. [2026-05-08]. Drinks tea.\n2. [2026-05-09]. Owns a pot.",
    }
    nodes = [
        node("root", None, None),
        node("p", "root", "user", content=about, metadata={"is_user_system_message": True}),
        node("k", "p", "assistant", content=known),
        node("b", "k", "assistant", content={"content_type": "text", "parts": ["Drinks tea."]}, recipient="bio"),
        node("q", "b", "user", "hello"),
    ]

    report = await take(export(*(conversation(*nodes, current="q", id_=id_) for id_ in ("c1", "c2"))))

    kept = {memory.text: memory.kind for memory in await store.recent(alice, 20) if memory.kind != Kind.TURN}
    assert (report.memories_stored, report.messages_stored) == (4, 2)
    assert kept == {
        "I am Ada.": Kind.PREFERENCE,
        "Be short.": Kind.PREFERENCE,
        "Drinks tea.": Kind.FACT,
        "Owns a pot.": Kind.FACT,
    }


async def test_what_is_left_aside_is_counted_by_its_name(take: Take) -> None:
    nodes = [
        node("root", None, None),
        node("q", "root", "user", "hello", metadata={"attachments": [{"name": "tea.pdf"}]}),
        node("other", "q", "assistant", "given up"),
        node("t", "q", "assistant", content={"content_type": "thoughts", "thoughts": []}),
        node("a", "t", "assistant", "hi"),
    ]

    report = await take(export(conversation(*nodes, current="a")))

    assert report.left_aside == {"thoughts": 1, "messages on other branches": 1, "files without their text": 1}
