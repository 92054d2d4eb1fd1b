"""The program that prepares texts: what it writes for what it reads. test_preparing_process.py runs it as a process."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from functools import partial
from io import BytesIO
from typing import Any

import pytest

from app.memory.analysis import analyse
from app.memory.preparing_child import SIZE, serve
from app.memory.types import Analysis


def replies_to(*calls: Callable[[], object]) -> list[tuple[Any, Exception | None]]:
    """Return what is written for calls, read as the server reads it."""
    read, written = BytesIO(), BytesIO()
    for call in calls:
        packed = pickle.dumps(call)
        read.write(SIZE.pack(len(packed)) + packed)
    read.seek(0)
    serve(read, written)
    written.seek(0)
    found = []
    while head := written.read(SIZE.size):
        found.append(pickle.loads(written.read(*SIZE.unpack(head))))
    return found


def test_each_call_has_its_reply_in_turn() -> None:
    assert replies_to(partial(sum, (1, 2)), partial(max, "ab")) == [(3, None), ("b", None)]


def test_an_error_is_the_reply_of_its_call_alone() -> None:
    (none, error), after = replies_to(partial(int, "x"), partial(int, "7"))

    assert none is None
    assert isinstance(error, ValueError)
    assert after == (7, None)


@pytest.mark.parametrize("text", ["", "I met Emeka in May", "我在巴黎住了三年"])
def test_terms_take_four_bytes_each(text: str) -> None:
    [(found, _)] = replies_to(partial(analyse, text))

    assert isinstance(found, Analysis)
    assert found.terms.tobytes() == b"".join(  # type: ignore[attr-defined]  # it is an array
        term.to_bytes(4, "little") for term in analyse(text).terms
    )


def test_it_ends_with_its_input() -> None:
    assert replies_to() == []
