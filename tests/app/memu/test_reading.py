"""memU's answers, in all forms that they are known to have."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any

import pytest

from app.memu import reading
from app.memu.reading import WrongShape
from app.memu.service import Category, Item, Progress, Task

NOON = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)


class TestEntries:
    @pytest.mark.parametrize(
        ("answer", "entries"),
        [
            pytest.param([1], [1], id="a bare list"),
            pytest.param({"categories": [1]}, [1], id="by its name"),
            pytest.param({"subjects": [1], "more": 2}, [1], id="by another name"),
            pytest.param({"categories": None}, [], id="null"),
        ],
    )
    def test_a_list_is_the_answer_or_in_it(self, answer: Any, entries: list[Any]) -> None:
        assert reading.entries_in(answer, "categories", "subjects") == entries

    @pytest.mark.parametrize(
        ("answer", "missing"),
        [
            pytest.param({}, "no categories or subjects", id="nothing"),
            pytest.param({"detail": "a secret"}, "no categories or subjects", id="something else"),
            pytest.param({"categories": "a secret"}, "categories is no list", id="no list"),
            pytest.param("a secret", "no object", id="a text"),
            pytest.param(None, "no object", id="null"),
        ],
    )
    def test_another_answer_is_told_without_what_it_held(self, answer: Any, missing: str) -> None:
        with pytest.raises(WrongShape, match=f"^{missing}$"):
            reading.entries_in(answer, "categories", "subjects")


class TestValues:
    @pytest.mark.parametrize(
        ("value", "text"),
        [
            pytest.param("  a\0b\ud800 ", "a b?", id="fit to be stored"),
            pytest.param({"text": "a"}, "a", id="in an object"),
            pytest.param({"text": 1}, "", id="a number in an object"),
            pytest.param(["a"], "", id="a list"),
            pytest.param("\0", "", id="nothing but a NUL"),
        ],
    )
    def test_a_text(self, value: Any, text: str) -> None:
        assert reading.text_in({"content": value}, "content") == text

    def test_the_first_text_that_is_there_counts(self) -> None:
        assert reading.text_in({"content": None, "summary": " ", "text": "a"}, "content", "summary", "text") == "a"

    @pytest.mark.parametrize(("value", "text"), [(7, "7"), ("x", "x"), (True, ""), (1.5, ""), (None, "")])
    def test_an_id_is_a_text_or_a_whole_number(self, value: Any, text: str) -> None:
        assert reading.id_in({"id": value}, "id") == text

    @pytest.mark.parametrize(
        ("value", "number"),
        [(1, 1.0), (0.5, 0.5), (True, None), ("1", None), (math.nan, None), (math.inf, None), (10**400, None)],
    )
    def test_a_number_is_finite(self, value: Any, number: float | None) -> None:
        assert reading.number_in({"score": value}, "score") == number

    @pytest.mark.parametrize(
        ("value", "at"),
        [
            pytest.param("2026-11-28T12:00:00Z", NOON, id="ISO 8601"),
            pytest.param("2026-11-28T20:00:00+08:00", NOON, id="of another zone"),
            pytest.param(" 2026-11-28 12:00:00 ", NOON, id="without a zone"),
            pytest.param("2026-11-28T12:00:00.000000", NOON, id="with parts of a second"),
            pytest.param("2026-11-28", NOON.replace(hour=0), id="a day"),
            pytest.param(NOON.timestamp(), NOON, id="seconds"),
            pytest.param(int(NOON.timestamp() * 1_000), NOON, id="milliseconds"),
            pytest.param("yesterday", None, id="a word"),
            pytest.param("\ud800", None, id="a lone surrogate"),
            pytest.param("0001-01-01T00:00:00+08:00", None, id="before all time"),
            pytest.param(math.nan, None, id="not a number"),
            pytest.param(math.inf, None, id="infinite"),
            pytest.param(10**400, None, id="too large for a float"),
            pytest.param(True, None, id="a truth"),
            pytest.param({}, None, id="an object"),
        ],
    )
    def test_a_moment(self, value: Any, at: datetime | None) -> None:
        assert reading.time_of(value) == at


class TestItems:
    def test_all_that_an_item_can_hold_is_read(self) -> None:
        entry = {
            "id": "i1",
            "memory_type": "event",
            "summary": "in short",
            "content": "at length",
            "score": 0.5,
            "created_at": "2026-11-28T12:00:00Z",
            "happened_at": "2026-11-28T12:00:00Z",
            "resource_id": None,
        }

        assert reading.items_in([entry], "memory_type") == [
            Item(id="i1", text="at length", kind="event", score=0.5, created_at=NOON, occurred_at=NOON)
        ]

    def test_a_score_may_stand_beside_the_memory(self) -> None:
        entry = {"memory": {"memory_id": "m1", "content": "a", "category": "event"}, "similarity_score": 0.5}

        assert reading.items_in([entry], "category") == [Item(id="m1", text="a", kind="event", score=0.5)]

    def test_an_item_without_an_id_has_the_same_one_each_time(self) -> None:
        [one, again, other] = reading.items_in([{"summary": "a"}, "a", {"summary": "b"}])

        assert one == again
        assert one.id != other.id

    def test_what_holds_no_text_is_no_item(self) -> None:
        assert reading.items_in([{}, {"content": ""}, 5, None, [], {"memory": {"content": None}}]) == []

    def test_a_subject_without_a_name_is_none(self) -> None:
        entries = [{"name": "food", "description": "d", "content": "s"}, {"summary": "s"}, "food", None]

        assert reading.categories_in(entries) == [Category(name="food", description="d", summary="s")]

    def test_the_best_are_first_and_no_more_than_wanted(self) -> None:
        items = [Item(id=name, text=name, score=score) for name, score in (("a", 0.1), ("b", 0.9), ("c", 0.5))]

        assert [item.id for item in reading.found(items, [], 2).items] == ["b", "c"]

    def test_without_a_score_for_each_the_services_order_stands(self) -> None:
        items = [Item(id="a", text="a", score=0.1), Item(id="b", text="b"), Item(id="c", text="c", score=0.9)]

        assert [item.id for item in reading.found(items, [], 9).items] == ["a", "b", "c"]


class TestTasks:
    @pytest.mark.parametrize(
        ("answer", "task"),
        [
            pytest.param({"task_id": "t", "status": "PENDING"}, (("t", Progress.UNDER_WAY)), id="as documented"),
            pytest.param({"task_id": 7}, ("7", Progress.UNDER_WAY), id="a number, without a status"),
            pytest.param({"task_id": "t", "status": "SUCCESS"}, ("t", Progress.DONE), id="done at once"),
            pytest.param({"task_id": None, "items": []}, (None, Progress.DONE), id="what came of it, and no task"),
            pytest.param({"status": "completed"}, (None, Progress.DONE), id="done, and no task"),
        ],
    )
    def test_a_handover_begins_a_task_or_is_done(self, answer: Any, task: tuple[str | None, Progress]) -> None:
        assert reading.handover_in(answer) == Task(id=task[0], progress=task[1])

    @pytest.mark.parametrize(
        "answer",
        [
            pytest.param({}, id="nothing"),
            pytest.param([], id="a list"),
            pytest.param({"message": "ok"}, id="a message"),
            pytest.param({"status": "PENDING"}, id="under way, and no task"),
            pytest.param({"task_id": ""}, id="an empty id"),
            pytest.param({"task_id": ".."}, id="a step up"),
            pytest.param({"task_id": "a\nb"}, id="two lines"),
            pytest.param({"task_id": "x" * 201}, id="too long"),
        ],
    )
    def test_a_handover_is_not_taken_for_done_when_nothing_says_so(self, answer: Any) -> None:
        with pytest.raises(WrongShape):
            reading.handover_in(answer)

    @pytest.mark.parametrize(
        ("status", "progress"),
        [
            ("PENDING", Progress.UNDER_WAY),
            ("PROCESSING", Progress.UNDER_WAY),
            ("something new", Progress.UNDER_WAY),
            ("COMPLETED", Progress.DONE),
            ("success", Progress.DONE),
            ("FAILED", Progress.REFUSED),
            ("FAILURE", Progress.REFUSED),
        ],
    )
    def test_every_status_means_one_of_three(self, status: str, progress: Progress) -> None:
        assert reading.progress_in({"status": status}, "t").progress is progress

    @pytest.mark.parametrize(
        ("answer", "problem"),
        [
            ({"detail_info": "ActivityError", "message": "m"}, "ActivityError"),
            ({"detail_info": "", "message": "m"}, "m"),
            ({"error": "e"}, "e"),
            ({}, "it gave no reason"),
        ],
    )
    def test_a_refusal_has_the_services_reason(self, answer: dict[str, str], problem: str) -> None:
        told = reading.progress_in({"status": "FAILURE", **answer}, "t")

        assert told == Task(id="t", progress=Progress.REFUSED, problem=problem)

    @pytest.mark.parametrize("answer", [{}, {"task_id": "t"}, {"status": 5}, None])
    def test_an_answer_without_a_status_is_none(self, answer: Any) -> None:
        with pytest.raises(WrongShape):
            reading.progress_in(answer, "t")
