"""Background work beside calls: it goes on after an error nobody foresaw."""

from __future__ import annotations

import asyncio

import pytest

from app.runtime import background
from tests.support.waiting import until


async def test_work_that_fails_is_told_of_and_begins_again(caplog: pytest.LogCaptureFixture) -> None:
    begun = 0

    async def work() -> None:
        nonlocal begun
        begun += 1
        if begun < 3:
            raise ZeroDivisionError
        await asyncio.Event().wait()

    working = asyncio.create_task(background.kept_up(work, restart_s=0.01))
    await until(lambda: begun == 3, "it begins again")

    assert [record.exc_info[0] for record in caplog.records if record.exc_info] == [ZeroDivisionError] * 2
    working.cancel()
    with pytest.raises(asyncio.CancelledError):
        await working
