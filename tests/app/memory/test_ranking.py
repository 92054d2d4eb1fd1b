"""A small made-up conversation shows each part at work; LoCoMo, when it is there, shows the whole recipe."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.memory import bm25, ranking
from app.memory.analysis import analyse, analyse_question
from app.memory.bm25 import Vector
from app.memory.ranking import LEXICAL, SHARE, Scored, Weights, rank
from app.memory.types import Candidate, Corpus, Traits
from tests.support.bm25 import dot, window_vectors

LOCOMO = Path(__file__).parents[4] / "shared" / "locomo" / "dev.json"
SPACE = UUID(int=0)


@dataclass(frozen=True)
class Turn:
    speaker: str
    text: str
    at: datetime
    session: int


class Project:
    """What store and index would hold of some turns, with the engine's dot product done here."""

    def __init__(self, turns: Sequence[Turn]) -> None:
        self.turns = turns
        self.ids = [uuid5(SPACE, str(at)) for at in range(len(turns))]
        self.windows: dict[UUID, Vector] = {}
        self.traits: dict[UUID, Traits] = {}
        holding: Counter[int] = Counter()
        for number in sorted({turn.session for turn in turns}):
            members = [(id_, turn) for id_, turn in zip(self.ids, turns, strict=True) if turn.session == number]
            analyses = [analyse(turn.text) for _, turn in members]
            windows = window_vectors([Counter(a.terms) for a in analyses], [a.asks for a in analyses])
            for (id_, turn), analysis, window in zip(members, analyses, windows, strict=True):
                holding.update(set(analysis.terms))
                self.windows[id_] = window
                self.traits[id_] = Traits(
                    id=id_,
                    role="user",
                    name=turn.speaker,
                    at=turn.at,
                    asks=analysis.asks,
                    tells_time=analysis.tells_time,
                    tells_number=analysis.tells_number,
                    first_person=analysis.first_person,
                )
        self.counts = Corpus(memories=len(turns), holding=dict(holding))
        self.speakers = sorted({turn.speaker for turn in turns})

    def ask(self, text: str, weights: Weights | None = None, limit: int = 200) -> list[Scored]:
        question = analyse_question(text)
        query = bm25.query_weights(question, self.counts, bm25.speaker_terms(self.speakers))
        scores = {id_: dot(query, window) for id_, window in self.windows.items()}
        best = sorted((id_ for id_ in scores if scores[id_] > 0), key=lambda id_: -scores[id_])[:limit]
        return rank(
            question,
            [Candidate(id=id_, window_score=scores[id_]) for id_ in best],
            self.traits,
            self.speakers,
            weights=weights,
        )

    def answers(self, text: str, weights: Weights | None = None) -> list[str]:
        return [self.turns[self.ids.index(found.id)].text for found in self.ask(text, weights)]


MARCH = datetime(2024, 3, 4, 18, tzinfo=UTC)
JUNE = datetime(2024, 6, 10, 9, tzinfo=UTC)
LINES = [
    ("Nora", "Hi Tom, how was the trip to the coast?", MARCH, 1),
    ("Tom", "Windy! We rented a tiny boat last Saturday.", MARCH, 1),
    ("Nora", "Were you not afraid of the waves?", MARCH, 1),
    ("Tom", "A little, but the captain was calm.", MARCH, 1),
    ("Nora", "I would rather paint a boat than sit in one.", MARCH, 1),
    ("Tom", "The museum shows paintings of the harbour.", JUNE, 2),
    ("Nora", "Did you see the new paintings at the museum?", JUNE, 2),
    ("Nora", "I bought a violin in spring and practise every evening.", JUNE, 2),
    ("Tom", "My violin is gathering dust, I sold my bow.", JUNE, 2),
    ("Nora", "Bread again? I will bake rye bread for the neighbours.", JUNE, 2),
]
TALK = Project([Turn(*line) for line in LINES])


def test_a_turn_is_found_by_the_words_of_the_turn_before_it() -> None:
    question, answer = "How was the weather on the coast trip?", LINES[1][1]

    assert not set(analyse_question(question).terms) & set(analyse(answer).terms), "it says none of the words"
    assert answer in TALK.answers(question)[:2]


@pytest.mark.parametrize(
    ("part", "question", "first"),
    [
        pytest.param(
            "speaker", "What about Tom and the violin?", "My violin is gathering dust, I sold my bow.", id="speaker"
        ),
        pytest.param("asks", "paintings museum", "The museum shows paintings of the harbour.", id="asks"),
        pytest.param("when", "When was a boat there?", "Windy! We rented a tiny boat last Saturday.", id="when"),
    ],
)
def test_each_cue_brings_the_right_turn_first(part: str, question: str, first: str) -> None:
    assert TALK.answers(question)[0] == first
    with_it = TALK.ask(question)
    assert getattr(with_it[0].parts, part) >= max(getattr(other.parts, part) for other in with_it[1:])
    assert TALK.answers(question, replace(LEXICAL, **{part: 0.0})) != TALK.answers(question), "the part decides nothing"


def test_the_date_a_question_names_brings_what_was_said_then_first() -> None:
    both = Project(
        [
            Turn("Nora", "We ate at the harbour, it was lovely.", MARCH, 1),
            Turn("Nora", "We ate at the harbour, it was lovely!", JUNE, 2),
        ]
    )

    for question, at in [
        ("Who ate at the harbour in March 2024?", MARCH),
        ("Who ate at the harbour in June?", JUNE),
        ("Who ate at the harbour on 9 June 2024?", JUNE),
        ("Who ate at the harbour on 2024-03-01?", MARCH),
    ]:
        assert both.traits[both.ask(question)[0].id].at == at, question


@pytest.mark.parametrize(
    ("cue", "less", "more"),
    [
        ("number", {}, {"tells_number": True}),
        ("assistant", {"role": "assistant"}, {"role": "user"}),
        ("assistant", {"role": "Model"}, {}),
        ("first_person", {"name": "Nora", "first_person": 0}, {"name": "Nora", "first_person": 2}),
    ],
)
def test_between_equal_words_a_cue_decides(cue: str, less: dict[str, Any], more: dict[str, Any]) -> None:
    question, traits = (
        analyse_question("What did Nora say?"),
        {UUID(int=1): trait(1, **less), UUID(int=2): trait(2, **more)},
    )

    ranked = rank(question, [candidate(1), candidate(2)], traits, ["Nora", "Tom"])

    assert [found.id.int for found in ranked] == [2, 1]
    assert getattr(ranked[0].parts, cue) > getattr(ranked[1].parts, cue)


def test_one_who_speaks_of_themselves_counts_only_where_they_were_asked_about() -> None:
    question, traits = analyse_question("a boat"), {UUID(int=1): trait(1), UUID(int=2): trait(2, first_person=3)}

    assert {found.parts.first_person for found in rank(question, [candidate(1), candidate(2)], traits, [])} == {0.0}


@pytest.mark.parametrize(
    ("question", "named"),
    [
        ("What does Nora like?", {"Nora"}),
        ("What do Nora and Tom like?", set()),
        ("What do they like?", set()),
    ],
)
def test_naming_all_speakers_tells_none_apart(question: str, named: set[str]) -> None:
    assert ranking.named_speakers(analyse_question(question), ["Nora", "Tom", "Nora"]) == named


@pytest.mark.parametrize(
    ("question", "days", "part"),
    [
        ("in June 2024", 0, 1.0),
        ("in June 2024", 31, 1.0),
        ("in June 2024", 45, 0.5),
        ("in June 2024", 46, 0.0),
        ("in June 2024", -1, 0.0),
        ("on June 1st, 2024", 8, 1.0),
        ("on June 1st, 2024", 20, 0.5),
        ("on June 1st, 2024", -3, 0.5),
        ("on June 1st, 2024", -4, 0.0),
        ("on June 31st, 2024", 0, 0.0),
        ("in June", 10, 1.0),
        ("somewhere", 0, 0.0),
    ],
)
@pytest.mark.parametrize("zone", [UTC, None], ids=["aware", "naive"])
def test_the_date_part_looks_at_the_days_since(question: str, days: int, part: float, zone: Any) -> None:
    at = datetime(2024, 6, 1, 12, tzinfo=zone) + timedelta(days=days)

    assert ranking.date_part(analyse_question(question), at) == part


def trait(number: int, **others: Any) -> Traits:
    values = {
        "role": None,
        "name": None,
        "at": MARCH,
        "asks": False,
        "tells_time": False,
        "tells_number": False,
        "first_person": 0,
    }
    return Traits(id=UUID(int=number), **values | others)


def candidate(number: int, score: float = 1.0, dense: float | None = None) -> Candidate:
    return Candidate(id=UUID(int=number), window_score=score, dense_score=dense)


def test_equal_scores_put_the_newest_first_and_then_go_by_id() -> None:
    traits = {UUID(int=n): trait(n, at=at) for n, at in [(1, MARCH), (2, JUNE), (3, MARCH.replace(tzinfo=None))]}
    ranked = rank(analyse_question("x"), [candidate(3), candidate(1), candidate(2)], traits, [])

    assert [found.id.int for found in ranked] == [2, 1, 3]


def test_without_any_common_word_the_cues_decide_and_nothing_is_divided_by_nought() -> None:
    traits = {UUID(int=1): trait(1, asks=True), UUID(int=2): trait(2)}
    ranked = rank(analyse_question("x"), [candidate(1, 0.0), candidate(2, 0.0)], traits, [])

    assert [found.id.int for found in ranked] == [2, 1]
    assert ranked[1].score == 0.0, "never below nought"


def test_a_candidate_the_store_does_not_know_is_left_out() -> None:
    assert rank(analyse_question("x"), [candidate(1), candidate(2)], {UUID(int=2): trait(2)}, [])[0].id.int == 2
    assert rank(analyse_question("x"), [], {}, []) == []


def test_with_vectors_words_that_are_nowhere_leave_the_choice_to_them() -> None:
    traits = {UUID(int=n): trait(n) for n in (1, 2, 3, 4)}
    proposals = [candidate(1, 0.3, 0.1), candidate(2, 0.0, 0.9), candidate(3, 0.2), candidate(4, 0.1, 0.2)]

    ranked = rank(analyse_question("x"), proposals, traits, [], scale=20.0)
    assert ranked[0].id.int == 2
    assert ranked[0].parts.dense == SHARE.dense
    assert {found.id.int: found.parts.dense for found in ranked} == {
        2: 0.5,
        1: 0.0,
        3: pytest.approx(0.0625),
        4: pytest.approx(0.0625),
    }

    knows_the_words = rank(analyse_question("x"), proposals, traits, [], scale=0.4)
    assert knows_the_words[0].id.int == 1, "three quarters of the question are in it"


def test_a_memory_whose_vector_is_not_there_yet_counts_as_the_middle_one() -> None:
    traits = {UUID(int=n): trait(n) for n in range(1, 6)}
    proposals = [candidate(n, 1.0, dense) for n, dense in enumerate([0.9, 0.8, 0.2, 0.1, None], 1)]

    ranked = rank(analyse_question("x"), proposals, traits, [], scale=20.0)

    assert [found.id.int for found in ranked] == [1, 2, 5, 3, 4]


@pytest.mark.parametrize(("without", "vote"), [(0, True), (1, True), (2, False), (3, False)])
def test_vectors_have_a_vote_where_two_of_three_of_the_best_by_words_have_one(without: int, vote: bool) -> None:
    traits = {UUID(int=n): trait(n) for n in range(10)}
    by_words = [candidate(0, 1.0, 0.1), candidate(1, 1.0, 0.2), *(candidate(2 + n, 2.0) for n in range(without))]
    by_vector = candidate(9, 0.0, 0.9)

    ranked = rank(analyse_question("x"), [*by_words, by_vector], traits, [], scale=50.0)

    assert any(found.parts.dense for found in ranked) == vote
    assert (by_vector.id in {found.id for found in ranked}) == vote
    if not vote:
        assert ranked == rank(analyse_question("x"), [c._replace(dense_score=None) for c in by_words], traits, [])


def test_what_vectors_found_with_a_word_or_two_in_it_does_not_make_up_for_the_best_without_one() -> None:
    traits = {UUID(int=n): trait(n) for n in range(200)}
    best = [candidate(n, 9.0) for n in range(50)]
    others = [candidate(50 + n, 0.1, 0.9) for n in range(100)]

    ranked = rank(analyse_question("x"), [*best, *others], traits, [], scale=50.0)

    assert not any(found.parts.dense for found in ranked)


def test_one_vector_alone_tells_nothing_apart() -> None:
    [found] = rank(analyse_question("x"), [candidate(1, 1.0, 0.7)], {UUID(int=1): trait(1)}, [], scale=5.0)

    assert found.parts.dense == 0.0


def test_parts_add_up_to_the_score() -> None:
    for found in TALK.ask("When did Nora paint a boat in March?"):
        assert found.score == pytest.approx(max(0.0, sum(found.parts)), abs=1e-6)


proposals = st.lists(
    st.tuples(
        st.floats(0, 50),
        st.one_of(st.none(), st.floats(-1, 1)),
        st.integers(0, 500),
        st.booleans(),
        st.datetimes(timezones=st.sampled_from([UTC, None])),
        st.sampled_from(["Nora", "Tom", None]),
    ),
    max_size=12,
)


@given(proposals, st.sampled_from(["When did Nora go in May 2024?", "船", "", "What did Tom say on 30 February?"]))
def test_only_what_vectors_without_a_vote_found_is_left_out_and_the_order_given_is_nothing(
    rows: list[Any], text: str
) -> None:
    candidates = [candidate(n, row[0], row[1]) for n, row in enumerate(rows)]
    traits = {
        UUID(int=n): trait(n, first_person=words % 4, asks=asks, at=at, name=name)
        for n, (_, _, words, asks, at, name) in enumerate(rows)
    }
    arguments = (traits, ["Nora", "Tom"])
    ranked = rank(analyse_question(text), candidates, *arguments)

    assert len({found.id for found in ranked}) == len(ranked)
    left_out = {c.id for c in candidates} - {found.id for found in ranked}
    assert left_out <= {c.id for c in candidates if c.window_score == 0 and c.dense_score is not None}
    assert not left_out or all(found.parts.dense == 0 for found in ranked)
    assert ranked == rank(analyse_question(text), candidates[::-1], *arguments)
    assert [found.score for found in ranked] == sorted((found.score for found in ranked), reverse=True)


@pytest.mark.skipif(not LOCOMO.exists(), reason=f"needs LoCoMo's dev.json at {LOCOMO}")
@pytest.mark.parametrize("captions", [True, False], ids=["with captions", "without captions"])
def test_the_recipe_finds_the_evidence_in_locomo(captions: bool) -> None:
    at_5, at_10 = [], []
    for conversation in json.loads(LOCOMO.read_text(encoding="utf-8")):
        names, project = locomo_project(conversation, captions)
        for question in conversation["questions"]:
            evidence = set(question["evidence"])
            if question["category"] == 5 or not evidence:
                continue
            found = [names[found.id] for found in project.ask(question["question"])[:10]]
            at_5.append(len(evidence & set(found[:5])) / len(evidence))
            at_10.append(len(evidence & set(found)) / len(evidence))

    assert len(at_5) == 382
    assert sum(at_5) / len(at_5) >= 0.75
    assert sum(at_10) / len(at_10) >= 0.81


def locomo_project(conversation: dict[str, Any], captions: bool) -> tuple[dict[UUID, str], Project]:
    names, turns = [], []
    for number, session in enumerate(conversation["sessions"]):
        at = datetime.strptime(session["date_time"].upper(), "%I:%M %p on %d %B, %Y").replace(tzinfo=UTC)
        for turn in session["turns"]:
            caption = f" [image: {turn['image_caption']}]" if captions and turn.get("image_caption") else ""
            names.append(turn["id"])
            turns.append(Turn(turn["speaker"], turn["text"] + caption, at, number))
    project = Project(turns)
    return dict(zip(project.ids, names, strict=True)), project
