"""The measure of each part of the ranking, on a small chat."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.ablation import STORED, Sizes, measure, recalls, searched_with
from benchmarks.chats import Chat, Message, Question, beam, chinese, locomo
from tests.benchmarks.test_measurements import QUIET

CHAT = Chat(
    "talk",
    [
        [
            Message("1", "user", None, "Which instrument did you choose?", None),
            Message("2", "user", None, "The old one from Lucia.", None),
            Message("3", "user", None, "Lunch was good.", None),
        ]
    ],
    [Question("Which instrument was chosen?", frozenset({"2"}), "one turn")],
)


def test_leaving_out_the_neighbours_loses_an_answer_without_the_questions_words() -> None:
    alone = {**STORED["near neighbours"], **STORED["all that was said around it"], **STORED["the question before it"]}

    assert recalls(searched_with([CHAT], {})) == (1.0, 1.0)
    assert recalls(searched_with([CHAT], alone)) == (0.0, 0.0)
    assert recalls(searched_with([CHAT], {})) == (1.0, 1.0), "the parts are back"


def test_every_chinese_question_is_answered_by_memories_that_are_there() -> None:
    chat = chinese()
    ids = [message.id for session in chat.sessions for message in session]

    assert len(ids) == len(set(ids))
    assert len({question.text for question in chat.questions}) == 100
    assert all(question.evidence and question.evidence <= set(ids) for question in chat.questions)


def test_locomo_and_beam_are_read_in_their_forms(tmp_path: Path) -> None:
    turn = {"id": "D1:1", "speaker": "Ann", "text": "Look", "image_caption": "a cat"}
    asked = [
        {"question": "What?", "category": 1, "evidence": ["D1:1"]},
        {"question": "No answer?", "category": 5, "evidence": ["D1:1"]},
    ]
    session = {"session": 1, "date_time": "1:56 pm on 8 May, 2023", "turns": [turn]}
    (tmp_path / "dev.json").write_text(
        json.dumps([{"conversation": "c", "sessions": [session], "questions": asked}]), encoding="utf-8"
    )
    folder = tmp_path / "1" / "probing_questions"
    folder.mkdir(parents=True)
    said = {"role": "user", "id": 0, "time_anchor": "March-15-2024", "content": "I use Flask ->-> 1,1"}
    (tmp_path / "1" / "chat.json").write_text(json.dumps([{"turns": [[said]]}]), encoding="utf-8")
    kinds = {
        "information_extraction": [{"question": "Which?", "source_chat_ids": {"first": [0]}}],
        "abstention": [{"question": "Why?"}],
    }
    (folder / "probing_questions.json").write_text(json.dumps(kinds), encoding="utf-8")

    [talk], [chat] = locomo(tmp_path / "dev.json"), beam(tmp_path, range(1, 2))

    assert [one.text for one in talk.sessions[0]] == ["Look [image: a cat]"]
    assert [one.text for one in talk.questions] == ["What?"]
    assert [(one.text, one.at.day if one.at else None) for one in chat.sessions[0]] == [("I use Flask", 15)]
    assert [(one.text, one.evidence) for one in chat.questions] == [("Which?", frozenset({"0"}))]


def test_it_says_what_was_not_there(tmp_path: Path) -> None:
    report = measure(Sizes(locomo=tmp_path / "a", beam=tmp_path / "b"), QUIET)

    assert str(tmp_path / "a") in report.notes[0]
    assert all(row.what.startswith("Chinese: ") for row in report.rows)


@pytest.mark.parametrize("part", STORED)
def test_a_part_that_is_left_out_changes_weights(part: str) -> None:
    whole, without = searched_with([CHAT], {})[0], searched_with([CHAT], STORED[part])[0]

    assert (whole.postings != without.postings) == (part != "long neighbours count less")
