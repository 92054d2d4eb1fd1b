"""The searches for candidates: two steps, after which each candidate has both scores."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from app.index.engine import DENSE, SESSION, WINDOW
from app.index.filters import Among, Is
from app.index.searches import CandidateSearch, session_search
from app.memory.ports import CandidateQuery
from app.memory.types import Candidate, Filter

FIRST, SECOND, THIRD = (UUID(int=number) for number in (1, 2, 3))


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
    search.add(search.first(), [{FIRST: 3.0, SECOND: 1.0}, {SECOND: 0.5, THIRD: 0.25}])
    [words, vector] = asked = search.second()

    assert (words.using, words.must, words.limit) == (WINDOW, [Among({THIRD})], 1)
    assert (vector.using, vector.must, vector.limit) == (DENSE, [Among({FIRST})], 1)
    search.add(asked, [{}, {FIRST: 0.125}])
    assert search.candidates() == [
        Candidate(FIRST, 3.0, 0.125),
        Candidate(SECOND, 1.0, 0.5),
        Candidate(THIRD, 0.0, 0.25),
    ]


def test_without_a_vector_one_search_is_all() -> None:
    search = CandidateSearch(query())
    [words] = search.first()
    search.add([words], [{FIRST: 3.0}])

    assert search.second() == []
    assert search.candidates() == [Candidate(FIRST, 3.0, None)]


def test_without_a_known_word_only_the_vector_is_looked_for() -> None:
    search = CandidateSearch(query(weights={}, dense=(1.0, 0.0)))
    [vector] = search.first()
    search.add([vector], [{FIRST: 0.5}])

    assert vector.using == DENSE
    assert search.second() == []
    assert search.candidates() == [Candidate(FIRST, 0.0, 0.5)]


def test_a_filter_that_lets_nothing_pass_asks_nothing() -> None:
    for where in (Filter(projects=()), Filter(kinds=())):
        search = CandidateSearch(query(where=where, dense=(1.0, 0.0)))
        assert (search.first(), search.second(), search.candidates()) == ([], [], [])


def test_sessions_are_asked_for_by_user_and_id() -> None:
    search = session_search("alice", {7: 1.0}, [FIRST, SECOND])

    assert (search.using, search.limit) == (SESSION, 2)
    assert search.must == [Is("user", "alice"), Among([FIRST, SECOND])]
