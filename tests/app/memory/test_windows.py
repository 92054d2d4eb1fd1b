"""Windows made of arrays: the same terms and weights as made one by one, to the last bit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from app.memory import bm25
from app.memory.analysis import analyse
from app.memory.windows import Window, windows

Turn = tuple[list[int], bool]

# Few distinct terms, so that turns share them; lengths beyond what counts fully as a neighbour, and at all.
_TEXT = st.one_of(
    st.lists(st.integers(1, 30), max_size=40),
    st.builds(
        lambda first, length: [first + number % 350 for number in range(length)],
        st.integers(1, 2**31 - 400),
        st.sampled_from([bm25.NEIGHBOUR_TERMS, bm25.LONGEST_NEIGHBOUR, bm25.LONGEST_NEIGHBOUR + 1]),
    ),
)
_SESSION = st.lists(st.one_of(st.none(), st.tuples(_TEXT, st.booleans())), min_size=1, max_size=14)


def one_by_one(session: Sequence[Turn | None]) -> list[tuple[dict[int, float], int]]:
    """Return the vectors of a session's turns, each with the number of own terms; None is a deleted turn."""
    counts = [None if turn is None else Counter(turn[0]) for turn in session]
    asks = [turn is not None and turn[1] for turn in session]
    return [(bm25.window_vector(counts, asks, at), len(own)) for at, own in enumerate(counts) if own is not None]


def at_once(sessions: Sequence[Sequence[Turn | None]]) -> list[Window]:
    """Return the windows of sessions, all made together."""
    turns, slots, base = list[Turn](), list[int](), 0
    for session in sessions:
        for place, turn in enumerate(session):
            if turn is not None:
                turns.append(turn)
                slots.append(base + place)
        base += len(session) + bm25.NEIGHBOURS
    return windows([terms for terms, _ in turns], [asks for _, asks in turns], slots) if turns else []


@given(st.lists(_SESSION, max_size=5))
def test_they_equal_those_made_one_by_one(sessions: list[list[Turn | None]]) -> None:
    wanted = [one for session in sessions for one in one_by_one(session)]

    made = at_once(sessions)

    assert [dict(window) for window in made] == [vector for vector, _ in wanted]
    assert [window.own for window in made] == [own for _, own in wanted]


@given(_SESSION)
def test_a_turns_own_terms_come_first(session: list[Turn | None]) -> None:
    for window, (vector, own) in zip(at_once([session]), one_by_one(session), strict=True):
        assert set(list(window)[:own]) == set(list(vector)[:own])


def test_real_texts_weigh_the_same_too() -> None:
    said = ("How was the coast?", "Windy, on a boat.", "A boat!", "The captain was calm.", "So was I.", "海岸怎么样?")
    texts = [analyse(text) for text in said * 3]
    session: list[Turn | None] = [(list(text.terms), text.asks) for text in texts]

    assert [dict(window) for window in at_once([session])] == [vector for vector, _ in one_by_one(session)]


def test_a_window_is_a_mapping() -> None:
    [window] = at_once([[([7, 9, 7], False)]])

    assert (len(window), set(window), 8 in window) == (2, {7, 9}, False)
    assert window[7] > window[9]
