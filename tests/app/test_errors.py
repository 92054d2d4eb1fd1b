"""Errors: what is in groups of them."""

from __future__ import annotations

import asyncio

import pytest

from app.errors import StoreUnavailable, first_of


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
