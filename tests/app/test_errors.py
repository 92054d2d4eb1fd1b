"""Errors: what is in groups of them."""

from __future__ import annotations

import asyncio
from enum import StrEnum

import pytest

from app.errors import StoreUnavailable, first_of, shown


def test_an_error_that_is_no_group_is_its_own_first() -> None:
    error = StoreUnavailable("away")

    assert first_of(error) is error


def test_the_first_error_of_a_group_is_found_however_deep() -> None:
    error = StoreUnavailable("away")

    assert first_of(ExceptionGroup("a", [ExceptionGroup("b", [error, ValueError()]), KeyError()])) is error
    assert isinstance(first_of(BaseExceptionGroup("a", [KeyboardInterrupt()])), KeyboardInterrupt)


async def test_what_a_group_of_tasks_met_is_found() -> None:
    async def fail() -> None:
        raise StoreUnavailable("away")

    with pytest.raises(ExceptionGroup) as groups:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(fail())

    assert isinstance(first_of(groups.value), StoreUnavailable)


class Colour(StrEnum):
    RED = "red"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        pytest.param("it's\n", '"it\'s\\n"', id="a text"),
        pytest.param("x" * 61, f"'{'x' * 59}… (61 characters)", id="a long text"),
        pytest.param(b"{}", "'{}'", id="bytes"),
        pytest.param(b"\xff", "'\ufffd'", id="bytes that are no text"),
        pytest.param(None, "null", id="nothing"),
        pytest.param(True, "true", id="a truth"),
        pytest.param({"nope": 1}, '{"nope": 1}', id="an object"),
        pytest.param(["read", "写"], '["read", "写"]', id="a list"),
        pytest.param(("read",), '["read"]', id="a tuple"),
        pytest.param(["a\u2028\ud800"], r'["a\u2028\ud800"]', id="what cannot be seen"),
        pytest.param([0] * 1_000, "list of 1,000", id="a long list"),
        pytest.param({"a": "x" * 99}, '{"a": "' + "x" * 53 + "…", id="a long object"),
        pytest.param(Colour.RED, "'red'", id="a member of an enumeration"),
    ],
)
def test_a_value_is_shown_as_plain_text_and_never_as_python_writes_it(value: object, text: str) -> None:
    assert shown(value) == text
