"""Recalling: one text within its budget, in the order things happened, that says what it left out."""

from __future__ import annotations

from itertools import count
from typing import Any, NoReturn

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.memory import requests
from app.memory.budget import tokens
from app.memory.ports import Domain
from app.memory.recall import recall
from app.memory.requests import checked
from app.memory.types import Recalled, Scope, StoredConversation
from tests.support.domain import converse, memorize, minutes

_users = count()


async def recalled(domain: Domain, scope: Scope, query: str, **more: Any) -> Recalled:
    return await recall(domain, scope, checked(requests.Recall, {"query": query, **more}))


def told(result: Recalled) -> list[str]:
    """The lines of a context that tell a memory, without their dates."""
    return [line.split("] ", 1)[1] for line in result.context.splitlines() if line.startswith("- [")]


async def talk(domain: Domain, scope: Scope, *texts: str, start: int = 0, **more: Any) -> StoredConversation:
    said = [
        {"role": "user", "name": "Ann", "content": text, "time": minutes(start + n).isoformat(), "id": f"{start}.{n}"}
        for n, text in enumerate(texts)
    ]
    return await converse(domain, scope, said, **more)


async def test_memories_are_told_under_their_conversation_in_order_with_day_and_speaker(
    domain: Domain, alice: Scope
) -> None:
    await talk(
        domain, alice, "The boat is called Ada.", "We sail the boat on Sunday.", conversation_id="talk", project="sea"
    )

    result = await recalled(domain, alice, "When do we sail the boat?")

    assert result.context == (
        "## Conversation talk (project sea)\n"
        "- [2026-05-08] Ann: The boat is called Ada.\n"
        "- [2026-05-08] Ann: We sail the boat on Sunday."
    )
    assert [source.text for source in result.sources] != []
    assert result.tokens == tokens(result.context)


async def test_notes_are_told_with_their_kind(domain: Domain, alice: Scope) -> None:
    await memorize(domain, alice, "Boats need paint.", kind="fact")

    result = await recalled(domain, alice, "boats")

    assert result.context.startswith("## Notes\n- [")
    assert result.context.endswith(", fact] Boats need paint.")


async def test_the_earlier_conversation_is_told_first_whatever_ranks_higher(domain: Domain, alice: Scope) -> None:
    await talk(domain, alice, "Another boat.", start=0, conversation_id="first")
    await talk(domain, alice, "The boat, the boat, that boat is a sailing boat.", start=600, conversation_id="second")

    result = await recalled(domain, alice, "sailing boat", mode="comprehensive")

    headings = [line for line in result.context.splitlines() if line.startswith("#")]
    assert headings == ["## Conversation first", "## Conversation second"]


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("conservative", ["zebra"]),
        ("balanced", ["before", "zebra"]),
        ("comprehensive", ["before", "zebra", "after"]),
    ],
)
async def test_the_mode_says_how_many_neighbours_come_along(
    domain: Domain, alice: Scope, mode: str, expected: list[str]
) -> None:
    texts = {"far": "Nothing here.", "before": "It was noon.", "zebra": "A zebra came by.", "after": "It left."}
    await talk(domain, alice, texts["far"], texts["before"], texts["zebra"], texts["after"], conversation_id="talk")
    # Turns near the zebra are found by its word too; told apart by asking for the best one's surroundings only.
    result = await recalled(domain, alice, "zebra", mode=mode)

    told_texts = told(result)
    wanted = [f"Ann: {texts[name]}" for name in expected]
    assert [line for line in told_texts if line in wanted] == wanted
    if mode == "conservative":
        assert f"Ann: {texts['zebra']}" in told_texts


async def test_only_the_asked_project_is_recalled(domain: Domain, alice: Scope) -> None:
    await memorize(domain, alice, "boat here", project="p")
    await memorize(domain, alice, "boat there", project="q")

    assert [source.project for source in (await recalled(domain, alice, "boat", project="p")).sources] == ["p"]


async def test_nothing_known_is_an_empty_context(domain: Domain, alice: Scope) -> None:
    result = await recalled(domain, alice, "boat")

    assert (result.context, result.sources, result.tokens, result.left_out) == ("", (), 0, 0)


async def test_what_does_not_fit_is_counted_and_said(domain: Domain, alice: Scope) -> None:
    for number in range(12):
        await memorize(domain, alice, f"boat {number} " + "and some more words about it " * 12)

    result = await recalled(domain, alice, "boat", max_tokens=500, mode="comprehensive")

    assert result.left_out == 12 - len(result.sources) > 0
    assert result.context.endswith(f"({result.left_out} more found but left out; a higher max_tokens includes them)")
    assert result.tokens <= 500


async def test_every_memory_is_told_once_though_it_is_a_neighbour_of_several(domain: Domain, alice: Scope) -> None:
    await talk(domain, alice, *(f"boat {n}" for n in range(6)), conversation_id="talk")

    lines = told(await recalled(domain, alice, "boat", mode="comprehensive"))
    assert lines == [f"Ann: boat {n}" for n in range(6)]


async def test_without_the_index_the_context_says_it_is_degraded(
    domain: Domain, alice: Scope, monkeypatch: pytest.MonkeyPatch
) -> None:
    from app.errors import IndexUnavailable

    async def away(user: str) -> NoReturn:
        raise IndexUnavailable("away")

    await memorize(domain, alice, "boat")
    monkeypatch.setattr(domain.index, "view", away)

    assert (await recalled(domain, alice, "boat")).degraded


_word = st.sampled_from(["boat", "sail", "茶", "🍎", "x" * 40, "a\nb", "—"])
_text = st.lists(_word, min_size=1, max_size=60).map(lambda words: " ".join(["boat", *words]))


@settings(max_examples=40)
@given(
    notes=st.lists(st.tuples(_text, st.sampled_from([None, "p", "项目" * 50])), max_size=6),
    turns=st.lists(_text, max_size=8),
    budget=st.integers(500, 1_500),
    mode=st.sampled_from(["conservative", "balanced", "comprehensive"]),
)
async def test_the_budget_is_never_passed_and_nothing_is_lost_from_the_count(
    domain: Domain, notes: list[tuple[Any, Any]], turns: list[Any], budget: int, mode: str
) -> None:
    scope = Scope(f"user {next(_users)}")
    for text, project in notes:
        await memorize(domain, scope, text, **({} if project is None else {"project": project}))
    if turns:
        await talk(domain, scope, *turns, conversation_id="c" * 200, project="q")

    result = await recalled(domain, scope, "boat sail", max_tokens=budget, mode=mode)

    assert tokens(result.context) <= budget
    assert result.tokens == (tokens(result.context) if result.context else 0)
    assert len({source.id for source in result.sources}) == len(result.sources)
    for source in result.sources:
        assert source.text in result.context
    assert bool(result.left_out) == ("left out" in result.context)
