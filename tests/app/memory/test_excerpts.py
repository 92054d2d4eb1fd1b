"""Of a long text, the part that answers: a piece of it, at borders that a reader sees, with the words asked for."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app.memory.analysis import analyse, analyse_question
from app.memory.budget import tokens
from app.memory.excerpts import PART_TOKENS, WHOLE_TOKENS, in_parts, is_long, part, parts
from app.memory.off_loop import LONG_CHARACTERS
from app.memory.types import Kind, Memory, Part, SearchHit, SearchResult

FILLER = "The weather was mild and the garden stayed green. "
CHINESE = "今天天气很好，我们在花园里散步。"


def memory(text: str) -> Memory:
    at = datetime(2026, 5, 8, tzinfo=UTC)
    return Memory(
        id=UUID(int=0), version=1, text=text, kind=Kind.NOTE, project=None, tags=(), metadata={}, role=None, name=None,
        conversation_id=None, message_id=None, position=None, created_at=at, updated_at=at, occurred_at=None,
        expires_at=None, archived_at=None,
    )  # fmt: skip


def asked(query: str, text: str) -> Part:
    assert is_long(text)
    return part(text, analyse_question(query))


@pytest.mark.parametrize(
    ("query", "sentence", "around"),
    [
        pytest.param("zebras", "Then two zebras crossed the road.", FILLER, id="a word in another form"),
        pytest.param("user profile", "We call getUserProfile here.", FILLER, id="parts of a name in code"),
        pytest.param("école", "On revient de l'école.", FILLER, id="after an elision"),
        pytest.param("1000000", "It cost 1,000,000 in all.", FILLER, id="grouped digits"),
        pytest.param("the who", "They saw The Who.", "A b c d e f g h i. ", id="stop words"),
        pytest.param("斑马", "后来有两只斑马过马路。", CHINESE, id="Chinese"),
        pytest.param("书店", "後來去了書店。", CHINESE, id="traditional characters"),
        pytest.param("café", "We met in the cafe\u0301.", FILLER, id="another Unicode form"),
    ],
)
@pytest.mark.parametrize("place", [0, 10, 20])
def test_the_part_holds_the_sentence_with_the_words_as_search_finds_them(
    query: str, sentence: str, around: str, place: int
) -> None:
    text = around * place + sentence + (" " if around.isascii() else "") + around * (20 - place)

    found = asked(query, text)

    assert sentence in found.text
    assert (found.cut_before, found.cut_after) == (place > 0, place < 20)


def test_sentences_around_the_words_come_along_as_far_as_the_tokens_go() -> None:
    found = asked("zebra", FILLER * 20 + "A zebra came. " + FILLER * 20)

    filler = FILLER.strip()
    assert found.text == " ".join([filler, filler, "A zebra came.", filler, filler, filler])
    assert tokens(found.text) <= PART_TOKENS
    assert found.marked == f"…{found.text}…"


def test_without_any_of_the_words_it_is_the_beginning() -> None:
    found = asked("zebra", "\n\nIt begins here. " + FILLER * 20)

    assert found.text.startswith("It begins here. The weather")
    assert found.marked == f"{found.text}…"


def test_where_several_words_stand_together_is_better_than_where_one_is_repeated() -> None:
    text = "A zebra, one more zebra. " + FILLER * 20 + "The zebra drank. " + "It drank from the river. " + FILLER * 20

    assert "drank from the river" in asked("Did the zebra drink from the river or drank it?", text).text


def test_a_rare_word_counts_more_than_one_that_is_in_every_sentence() -> None:
    text = FILLER * 20 + "A garden for quokkas. " + FILLER * 20

    assert "quokkas" in asked("mild green garden weather quokka", text).text


def test_of_places_with_the_same_words_the_first_is_taken_and_the_beginning_before_a_little_more() -> None:
    twice = FILLER * 10 + "A zebra drank. " + FILLER * 20 + "A zebra ran. " + FILLER * 10
    first = "A zebra drank. " + FILLER * 20 + "A zebra ran. The zebra slept. " + FILLER * 10

    assert "zebra drank" in asked("zebra", twice).text
    assert "zebra drank" in asked("zebra", first).text


def test_lines_of_code_are_not_cut() -> None:
    lines = [f"    value_{number} = compute({number})  # step" for number in range(40)]
    found = asked("value_20", "\n".join(lines))

    assert "value_20 = compute(20)" in found.text
    assert set(found.text.splitlines()) <= {*lines, *(line.strip() for line in lines)}


@pytest.mark.parametrize("end", ["e.g. small", "2. An item", "3.14 is pi", "v1.2.3"])
def test_not_every_full_stop_ends_a_sentence(end: str) -> None:
    sentence = f"Zebras are here {end} and so on."

    assert sentence in asked("zebra", FILLER * 20 + sentence + " " + FILLER * 20).text


@pytest.mark.parametrize("end", [".", "!", "?", '."', ".)", "؟", "।"])
def test_after_these_a_sentence_ends_before_a_space(end: str) -> None:
    long = "word " * 57
    text = f"Well {long}so{end} A zebra came{end} Well {long}so{end}"

    assert asked("zebra", text).text == f"A zebra came{end}"


@pytest.mark.parametrize("end", ["。", "！", "？", "。」", "……"])
def test_after_these_a_sentence_ends_without_a_space(end: str) -> None:
    long = "天" * 95
    text = f"{long}{end}有两只斑马{end}{long}{end}"

    assert asked("斑马", text).text == f"有两只斑马{end}"


def test_a_sentence_without_end_is_cut_between_words() -> None:
    words = [f"word{number}" for number in range(400)]
    found = asked("word200", " ".join(words))

    assert "word200" in found.text.split()
    assert set(found.text.split()) <= set(words)
    assert tokens(found.text) > PART_TOKENS // 2


def test_a_text_without_any_border_is_cut_all_the_same() -> None:
    found = asked("zebra", "x" * 5_000)

    assert set(found.text) == {"x"}
    assert PART_TOKENS // 2 < tokens(found.text) <= PART_TOKENS


@pytest.mark.parametrize(
    "grapheme",
    [
        pytest.param("👩‍👩‍👧", id="joined pictures"),
        pytest.param("👍🏽", id="the tone of a skin"),
        pytest.param("🇫🇷", id="flag"),
        pytest.param("e\u0301\u0323", id="marks"),
        pytest.param("क्षि", id="Devanagari"),
        pytest.param("กำ", id="Thai"),
        pytest.param("\u1112\u1161\u11ab", id="Hangul in parts"),
        pytest.param("\ud83d\ude00", id="surrogates of one character"),
        pytest.param("⚕️", id="variant"),
    ],
)
def test_what_a_reader_takes_for_one_character_is_never_cut(grapheme: str) -> None:
    for shift in range(4):
        found = asked("zebra", "x" * shift + grapheme * 400)

        rest = found.text.lstrip("x")
        assert rest == grapheme * (len(rest) // len(grapheme))


@pytest.mark.parametrize(
    ("text", "long"),
    [("", False), ("word " * 77, False), ("word " * 79, True), ("茶" * (WHOLE_TOKENS - 1), False), ("茶" * 130, True)],
)
def test_a_text_is_long_from_131_estimated_tokens(text: str, long: bool) -> None:
    assert is_long(text) is long is (tokens(text) > WHOLE_TOKENS)


_asked = st.sampled_from(["boat", "sail", "l'école", "getBoatName", "茶", "茶船", "🍎", "is it"])
_words = _asked | st.sampled_from(["Boats.", "。", "？", "👩‍👩‍👧", "x" * 90, "\n", "\n\n", "—", "e\u0301"])
_long_text = st.builds(
    lambda words, space, filler: space.join(words) + space + filler * 5,
    st.lists(_words, min_size=1, max_size=120),
    st.sampled_from([" ", "", ". "]),
    st.sampled_from([FILLER, CHINESE, "z" * 500 + " ", "```\ncode()\n```\n" * 3]),
).filter(is_long) | st.text(min_size=131, max_size=2_000).filter(is_long)


@given(text=_long_text, query=st.lists(_asked, max_size=4).map(" ".join))
@example(text=" " * 400 + "boat" + " " * 400, query="boat")
@example(text="\u0301" * 1_000, query="boat")
@example(text="\r\n" * 300, query="boat")
@example(text=" " * 500, query="boat")
def test_a_part_is_a_bounded_piece_of_the_text_with_a_word_of_the_question(text: Any, query: str) -> None:
    question = analyse_question(query)

    found = part(text, question)

    assert found.text in text
    if text.count(found.text) == 1:
        before, after = text.split(found.text)
        assert (found.cut_before, found.cut_after) == (bool(before.strip()), bool(after.strip()))
    assert found.text == found.text.strip()
    assert tokens(found.text) <= PART_TOKENS
    assert bool(found.text) == bool(text.strip())
    wanted = set(question.terms)
    if wanted.intersection(analyse(text).terms):
        assert wanted.intersection(analyse(found.text).terms)


class TestMemories:
    async def test_short_ones_stay_whole(self) -> None:
        long = memory(FILLER * 20 + "A zebra came.")

        found = await parts("zebra", [memory("A zebra."), long])

        assert found[0] is None
        assert found[1] is not None
        assert found[1].text.endswith("A zebra came.")

    async def test_a_result_keeps_its_order_and_scores(self) -> None:
        hits = (SearchHit(memory=memory("short"), score=2.0), SearchHit(memory=memory(FILLER * 20), score=1.0))
        result = SearchResult(results=hits, truncated=True, degraded=False)

        found = await in_parts("garden", result)

        assert found.results[0] == hits[0]
        assert replace(found.results[1], part=None) == hits[1]
        assert found.results[1].part is not None
        assert found.truncated

    async def test_a_megabyte_does_not_hold_the_event_loop(self) -> None:
        text = FILLER * (1_000_000 // len(FILLER)) + "A zebra came."
        assert len(text) > LONG_CHARACTERS
        turns = 0

        async def others() -> None:
            nonlocal turns
            while True:
                await asyncio.sleep(0)
                turns += 1

        other = asyncio.create_task(others())
        try:
            [found] = await parts("zebra", [memory(text)])
        finally:
            other.cancel()

        assert found is not None
        assert "A zebra came." in found.text
        assert turns > 10
