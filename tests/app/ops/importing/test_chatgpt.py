"""The account export of ChatGPT."""

from __future__ import annotations

import json
from typing import Any

import pytest

from app.memory.types import Scope
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
