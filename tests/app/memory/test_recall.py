"""Recalling: one text within its budget, in the order things happened, that says what it left out."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import count
from typing import Any, NoReturn
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.index.follower import Follower
from app.memory import requests
from app.memory.budget import tokens
from app.memory.ports import Domain
from app.memory.recall import recall
from app.memory.requests import checked
from app.memory.types import Recalled, Scope, StoredConversation
from app.store.postgres import PostgresStore
from tests.support.domain import converse, domain_on, memorize, minutes
from tests.support.rows import add_note

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


@pytest.mark.parametrize(
    ("time", "day"),
    [
        pytest.param("2026-03-01T23:30:00-05:00", "2026-03-01", id="an evening west of Greenwich"),
        pytest.param("2026-03-01T00:30:00+13:00", "2026-03-01", id="a night east of it"),
        pytest.param("2026-03-01T18:30:00Z", "2026-03-02", id="UTC, told in the reader's zone"),
        pytest.param("2026-03-01T18:30:00", "2026-03-01", id="the zone of the settings"),
    ],
)
async def test_a_day_is_told_as_it_was_where_something_was_said(
    store: PostgresStore, follower: Follower, alice: Scope, time: str, day: str
) -> None:
    store.db.zone = ZoneInfo("Asia/Tokyo")
    domain = domain_on(store, follower, zone=store.db.zone)
    await converse(domain, alice, [{"role": "user", "content": "Dinner with the crew", "time": time}])

    assert f"- [{day}] user: Dinner with the crew" in (await recalled(domain, alice, "crew dinner")).context


async def test_the_day_of_a_note_is_the_readers(store: PostgresStore, follower: Follower, alice: Scope) -> None:
    domain = domain_on(store, follower)
    await add_note(store, alice, "Boats need paint.", created_at=datetime(2026, 3, 1, 2, 0, tzinfo=UTC))

    store.db.zone = ZoneInfo("America/Lima")

    assert "- [2026-02-28, note] Boats need paint." in (await recalled(domain, alice, "paint")).context


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

    result = await recalled(domain, alice, "boat", project="p")

    assert [source.project for source in result.sources] == ["p"]
    assert result.context.startswith("## Notes\n"), "it goes without saying which project"


async def test_nothing_known_is_an_empty_context(domain: Domain, alice: Scope) -> None:
    result = await recalled(domain, alice, "boat")

    assert (result.context, result.sources, result.tokens, result.left_out) == ("", (), 0, 0)


async def test_memories_that_were_found_come_before_neighbours_of_better_ones(domain: Domain, alice: Scope) -> None:
    story = "of that day there is so much to tell that this line has some thirty words, which is about as long as lines"
    for n in range(8):
        texts = [f"Nothing {n} here, {story}", "So.", "And.", "Or.", "But.", f"A zebra {n} came by, {story}"]
        await talk(domain, alice, *texts, start=600 * n, conversation_id=f"talk {n}")
    found = [f"Ann: A zebra {n} came by, {story}" for n in range(8)]

    lines = told(await recalled(domain, alice, "zebra", max_tokens=700))
    roomy = told(await recalled(domain, alice, "zebra", max_tokens=2_000))

    assert [line for line in lines if line in found] == found
    assert "Ann: But." in roomy, "a neighbour has what room is left"


async def test_of_a_long_memory_the_part_that_answers_is_told(domain: Domain, alice: Scope) -> None:
    filler = "The weather was mild and the garden stayed green. "
    long = await memorize(domain, alice, filler * 20 + "A zebra came. " + filler * 20)
    short = await memorize(domain, alice, "zebra, short")

    result = await recalled(domain, alice, "zebra")

    assert "] …The weather" in result.context
    assert "green. A zebra came. The weather" in result.context
    assert result.tokens < 200
    assert result.in_part == {long}
    assert {source.id for source in result.sources} == {long, short}


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
        assert (source.text in result.context) or source.id in result.in_part
    assert bool(result.left_out) == ("left out" in result.context)
