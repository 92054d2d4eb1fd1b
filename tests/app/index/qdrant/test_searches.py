"""The searches for candidates: two steps, after which each candidate has both scores."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from app.index.qdrant.fields import DENSE, WINDOW
from app.index.qdrant.filters import Among, Is
from app.index.qdrant.searches import CandidateSearch
from app.memory.ports import CandidateQuery
from app.memory.types import Candidate, Filter
from tests.support.points import point

FIRST, SECOND, THIRD = (UUID(int=number) for number in (1, 2, 3))
TRAITS = point().payload.traits(UUID(int=1))


def query(**values: Any) -> CandidateQuery:
    return CandidateQuery(**{"user": "alice", "weights": {7: 1.0}, "where": Filter(), "limit": 10, **values})


def test_words_and_vector_are_looked_for_at_once() -> None:
    [words, vector] = CandidateSearch(query(dense=(1.0, 0.0)), without=[THIRD]).first()

    assert (words.using, words.vector, words.limit) == (WINDOW, {7: 1.0}, 10)
    assert (vector.using, vector.vector, vector.limit) == (DENSE, (1.0, 0.0), 10)
    for search in (words, vector):
        assert (search.must, search.without) == ([Is("user", "alice")], [THIRD])


def test_the_second_step_asks_for_what_the_other_search_did_not_tell() -> None:
    search = CandidateSearch(query(dense=(1.0, 0.0)))
    search.add(
        search.first(), [{FIRST: (3.0, TRAITS), SECOND: (1.0, None)}, {SECOND: (0.5, None), THIRD: (0.25, None)}]
    )
    [words, vector] = asked = search.second()

    assert (words.using, words.must, words.limit) == (WINDOW, [Among({THIRD})], 1)
    assert (vector.using, vector.must, vector.limit) == (DENSE, [Among({FIRST})], 1)
    search.add(asked, [{}, {FIRST: (0.125, TRAITS)}])
    assert search.candidates() == [
        Candidate(FIRST, 3.0, 0.125, TRAITS),
        Candidate(SECOND, 1.0, 0.5),
        Candidate(THIRD, 0.0, 0.25),
    ]


def test_without_a_vector_one_search_is_all() -> None:
    search = CandidateSearch(query())
    [words] = search.first()
    search.add([words], [{FIRST: (3.0, None)}])

    assert search.second() == []
    assert search.candidates() == [Candidate(FIRST, 3.0, None)]


def test_without_a_known_word_only_the_vector_is_looked_for() -> None:
    search = CandidateSearch(query(weights={}, dense=(1.0, 0.0)))
    [vector] = search.first()
    search.add([vector], [{FIRST: (0.5, None)}])

    assert vector.using == DENSE
    assert search.second() == []
    assert search.candidates() == [Candidate(FIRST, 0.0, 0.5)]


def test_a_filter_that_lets_nothing_pass_asks_nothing() -> None:
    for where in (Filter(projects=()), Filter(kinds=())):
        search = CandidateSearch(query(where=where, dense=(1.0, 0.0)))
        assert (search.first(), search.second(), search.candidates()) == ([], [], [])
