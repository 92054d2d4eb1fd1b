"""An entry in memU's words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from app.memory.outbox import OutboxMessage
from app.memu import wording
from tests.support.memu import an_entry


@pytest.mark.parametrize(
    ("role", "expected"),
    [
        ("user", "user"),
        ("User", "user"),
        ("human", "user"),
        ("assistant", "assistant"),
        ("system", "system"),
        ("tool", "assistant"),
        ("developer", "assistant"),
    ],
)
def test_a_role_that_memu_does_not_know_is_never_the_persons(role: str, expected: str) -> None:
    assert wording.role_of(OutboxMessage(role=role, text="x")) == expected


@pytest.mark.parametrize(
    ("different", "label"),
    [
        pytest.param({}, "", id="a plain note"),
        pytest.param({"kind": "decision"}, "[decision]", id="a kind"),
        pytest.param({"project": "x"}, "[project x]", id="a project"),
        pytest.param({"tags": ("a", "b")}, "[tags a, b]", id="tags"),
        pytest.param(
            {"kind": "decision", "project": "x", "tags": ("a", "b")}, "[decision; project x; tags a, b]", id="all"
        ),
        pytest.param({"kind": "turn", "project": "x", "tags": ("a",)}, "", id="a turn"),
    ],
)
def test_a_line_says_what_memu_has_no_field_for(different: dict[str, Any], label: str) -> None:
    entry = an_entry("text", **different)

    assert wording.label_of(entry) == label
    assert wording.texts_of(entry) == [f"{label}\ntext" if label else "text"]


def test_memu_is_told_the_first_name_of_each_role_and_the_text_names_everyone_else() -> None:
    said = [
        ("user", "Ann", "one"),
        ("user", "Bob", "two"),
        ("assistant", None, "three"),
        ("tool", None, "four"),
        ("tool", "grep", "five"),
        ("user", None, "six"),
        ("system", "Setup", "seven"),
    ]
    entry = an_entry(
        kind="turn", messages=tuple(OutboxMessage(role=role, name=name, text=text) for role, name, text in said)
    )

    assert wording.names_in(entry) == {"user": "Ann", "assistant": "Assistant", "system": "Setup"}
    assert wording.texts_of(entry) == ["one", "Bob: two", "three", "tool: four", "grep: five", "six", "seven"]


def test_without_names_memu_is_told_those_of_its_own_clients() -> None:
    assert wording.names_in(an_entry()) == {"user": "User", "assistant": "Assistant"}


def test_a_moment_is_the_same_text_in_every_zone() -> None:
    at = datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC)
    elsewhere = at.astimezone(timezone(timedelta(hours=8)))

    assert wording.iso_time(at) == wording.iso_time(elsewhere) == "2026-01-02T03:04:05+00:00"
    assert wording.plain_time(at) == wording.plain_time(elsewhere) == "2026-01-02 03:04:05"


def test_a_session_is_when_its_first_dated_message_was_said_or_else_when_it_was_written() -> None:
    at = datetime(2026, 1, 2, tzinfo=UTC)
    dated = an_entry(messages=(OutboxMessage(role="user", text="x"), OutboxMessage(role="user", text="y", at=at)))

    assert wording.session_time(dated) == "2026-01-02T00:00:00+00:00"
    assert wording.session_time(an_entry()) == "2026-11-28T12:30:00+00:00"
