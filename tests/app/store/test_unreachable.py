"""What a caller is told when PostgreSQL did not do it."""

from __future__ import annotations

import asyncpg
import pytest

from app.store.unreachable import UNREACHABLE, refused, why


@pytest.mark.parametrize(
    ("error", "says"),
    [
        pytest.param(TimeoutError(), "did not answer in time; a write may have been done", id="late"),
        pytest.param(asyncpg.QueryCanceledError(), "did not answer in time", id="statement timeout"),
        pytest.param(asyncpg.DiskFullError(), "no disk space left and changed nothing", id="full disk"),
        pytest.param(asyncpg.DeadlockDetectedError(), "this one changed nothing, try again", id="deadlock"),
        pytest.param(OSError("db.example: no route"), r"does not answer \(OSError\); a write may have", id="network"),
    ],
)
def test_each_error_says_whether_something_may_have_been_written(error: Exception, says: str) -> None:
    assert isinstance(error, UNREACHABLE)
    with pytest.raises(AssertionError, match=says):
        raise AssertionError(why(error))
    assert "db.example" not in why(error), "no address"


def test_a_wrong_statement_is_an_error_of_ours() -> None:
    assert not isinstance(asyncpg.PostgresSyntaxError(), UNREACHABLE)


def test_where_nothing_listens_the_setting_is_named() -> None:
    assert "check DATABASE_URL" in refused("DATABASE_URL")
