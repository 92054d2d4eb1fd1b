"""Texts as a model on this machine gets them, and what becomes of those at which it fails."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.backoff import Backoff
from app.embedding.local.embedder import LIMIT_BYTES, LocalEmbedder, sendable
from app.embedding.local.folder import LocalModel
from app.errors import EmbeddingUnavailable
from tests.support.local_model import PROGRAM, starts, texts


@pytest.fixture
async def embedder(local: LocalModel, backoff: Backoff) -> AsyncIterator[LocalEmbedder]:
    embedder = LocalEmbedder(local, program=PROGRAM, backoff=backoff)
    yield embedder
    await embedder.close()


def places(vectors: list[tuple[float, ...] | None]) -> list[int | None]:
    return [vector.index(1.0) if vector is not None else None for vector in vectors]


async def test_questions_and_memories_have_a_process_each(embedder: LocalEmbedder, local: LocalModel) -> None:
    assert places(await embedder.embed(["a", "bb"], "passage")) == [1, 2]
    assert places(await embedder.embed(["a"], "query")) == [2], "a question is told from a memory"

    assert [kind for kind, _ in starts(local)] == ["passage", "query"]
    assert embedder.model == "e5-small-q4"


async def test_no_texts_start_nothing(embedder: LocalEmbedder, local: LocalModel) -> None:
    assert await embedder.embed([], "passage") == []
    assert starts(local) == []


async def test_a_text_at_which_the_model_fails_twice_gets_none_and_the_others_theirs(embedder: LocalEmbedder) -> None:
    assert places(await embedder.embed(["a", "CRASH", "bb"], "passage")) == [1, None, 2]


async def test_a_text_at_which_it_fails_once_gets_its_vector(embedder: LocalEmbedder, local: LocalModel) -> None:
    assert places(await embedder.embed(["CRASH ONCE"], "passage")) == [len("CRASH ONCE") % 8]
    assert len(starts(local)) == 2


async def test_a_model_that_fails_at_any_text_is_the_problem_and_not_the_text(
    embedder: LocalEmbedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.embedding.local.embedder._PLAIN_TEXT", b"CRASH")

    with pytest.raises(EmbeddingUnavailable, match="was ended by SIGKILL"):
        await embedder.embed(["CRASH"], "passage")


async def test_what_is_no_unit_vector_is_none(embedder: LocalEmbedder) -> None:
    assert await embedder.embed(["ZERO", "a"], "passage") == [None, (0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)]


async def test_long_texts_are_cut_before_they_are_sent(embedder: LocalEmbedder, local: LocalModel) -> None:
    await embedder.embed(["x" * 100_000], "passage")
    await embedder.embed(["y" * 100_000], "query")

    assert texts(local) == ["x" * LIMIT_BYTES["passage"], "y" * LIMIT_BYTES["query"]]


async def test_nul_and_lone_surrogates_do_not_end_a_text(embedder: LocalEmbedder, local: LocalModel) -> None:
    await embedder.embed(["before\0after \ud800 end"], "passage")

    assert texts(local) == ["before after ? end"]


@given(st.text(st.characters()), st.integers(1, 20))
def test_any_text_is_cut_between_characters_and_within_the_limit(text: str, limit: int) -> None:
    sent = sendable(text, limit)

    assert len(sent) <= limit
    assert b"\0" not in sent
    assert text.encode("utf-8", "replace").replace(b"\0", b" ").startswith(sent)
    sent.decode()
