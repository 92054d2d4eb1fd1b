"""Conditions: a filter says the same in the process as in an engine."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from app.index.engine import Payload
from app.index.qdrant.fields import fields_of
from app.index.qdrant.filters import AnyOf, Between, Is, conditions, passes
from app.memory.types import Filter, Kind
from tests.support.points import NOON


def payload(**values: Any) -> Payload:
    plain = {"user": "alice", "project": "p", "kind": "note", "tags": ["x", "y"], "role": None, "conversation": None}
    return Payload(**{**plain, "at": NOON, **values})


def test_every_limit_of_a_filter_becomes_a_condition() -> None:
    where = Filter(
        projects=("p", "q"),
        kinds=(Kind.FACT,),
        tags=("x", "y"),
        role="user",
        conversation_id="talk",
        since=NOON,
        until=NOON + timedelta(hours=1),
    )

    assert conditions("alice", where) == [
        Is("user", "alice"),
        AnyOf("project", ("p", "q")),
        AnyOf("kind", ["fact"]),
        Is("tags", "x"),
        Is("tags", "y"),
        Is("role", "user"),
        Is("conversation", "talk"),
        Between("at", NOON.timestamp(), NOON.timestamp() + 3_600),
    ]


def test_without_a_filter_the_user_is_the_only_condition() -> None:
    assert conditions("alice", Filter()) == [Is("user", "alice")]


@pytest.mark.parametrize(
    ("where", "holds"),
    [
        pytest.param(Filter(), True, id="no limit"),
        pytest.param(Filter(projects=("q",)), False, id="another project"),
        pytest.param(Filter(projects=()), False, id="no project at all"),
        pytest.param(Filter(kinds=(Kind.NOTE, Kind.FACT)), True, id="one of the kinds"),
        pytest.param(Filter(tags=("x", "y")), True, id="all tags"),
        pytest.param(Filter(tags=("x", "z")), False, id="a tag it lacks"),
        pytest.param(Filter(role="user"), False, id="a role it has not"),
        pytest.param(Filter(since=NOON, until=NOON + timedelta(microseconds=1)), True, id="the moment itself"),
        pytest.param(Filter(until=NOON), False, id="until is exclusive"),
        pytest.param(Filter(since=NOON + timedelta(microseconds=1)), False, id="a moment before"),
    ],
)
def test_a_payload_passes_what_it_meets(where: Filter, holds: bool) -> None:
    assert passes(fields_of(payload()), conditions("alice", where)) is holds


def test_another_users_payload_does_not_pass() -> None:
    assert not passes(fields_of(payload(user="bob")), conditions("alice", Filter()))
