"""What a caller is told when PostgreSQL did not do it."""

from __future__ import annotations

import socket
import ssl

import asyncpg
import pytest

from app.errors import StoreFull, StoreRefused
from app.store.unreachable import UNREACHABLE, connect_problem, refused, unavailable, why


@pytest.mark.parametrize(
    ("error", "says"),
    [
        pytest.param(TimeoutError(), "did not answer in time; a write may have been done", id="late"),
        pytest.param(asyncpg.QueryCanceledError(), "did not answer in time", id="statement timeout"),
        pytest.param(asyncpg.DeadlockDetectedError(), "this one changed nothing, try again", id="deadlock"),
        pytest.param(OSError("db.example: no route"), r"does not answer \(OSError\); a write may have", id="network"),
    ],
)
def test_each_error_says_whether_something_may_have_been_written(error: Exception, says: str) -> None:
    assert isinstance(error, UNREACHABLE)
    with pytest.raises(AssertionError, match=says):
        raise AssertionError(why(error))
    assert "db.example" not in why(error), "no address"


@pytest.mark.parametrize(
    ("error", "says"),
    [
        pytest.param(asyncpg.DiskFullError("could not extend file"), "no space left", id="full disk"),
        pytest.param(asyncpg.InternalServerError("write: Disk quota exceeded"), "quota", id="quota"),
        pytest.param(asyncpg.InsufficientPrivilegeError("open: Read-only file system"), "read-only", id="read-only"),
    ],
)
def test_a_disk_that_takes_nothing_more_has_its_own_error(error: Exception, says: str) -> None:
    told = unavailable(error)

    assert isinstance(told, StoreFull)
    assert says in str(told)
    assert "nothing of this call was stored" in str(told)


def test_what_only_reads_says_nothing_of_writes() -> None:
    for error in (TimeoutError(), OSError()):
        assert why(error, sent=False).endswith("nothing was done, try again")


@pytest.mark.parametrize(
    "error",
    [TimeoutError(), OSError("db.example"), ConnectionRefusedError(), ConnectionResetError(), socket.gaierror()],
    ids=type,
)
def test_a_connection_that_was_not_opened_wrote_nothing_and_names_the_setting(error: Exception) -> None:
    told = connect_problem(error, "ADMIN_DATABASE_URL")

    assert not isinstance(told, StoreRefused)
    assert "check ADMIN_DATABASE_URL" in str(told)
    assert "write" not in str(told)
    assert "db.example" not in str(told)


def test_a_certificate_that_is_not_trusted_is_told_with_what_to_do() -> None:
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_message = "self-signed certificate"

    told = connect_problem(error)

    assert isinstance(told, StoreRefused)
    assert "(self-signed certificate); put sslrootcert=FILE" in str(told)


def test_a_servers_words_are_one_line_of_limited_length() -> None:
    told = str(connect_problem(asyncpg.InternalServerError("one\ntwo\x1b[31m" + "x" * 1000)))

    assert "one two" in told
    assert told.isprintable()
    assert len(told) < 600


def test_a_wrong_statement_is_an_error_of_ours() -> None:
    assert not isinstance(asyncpg.PostgresSyntaxError(), UNREACHABLE)


def test_where_nothing_listens_the_setting_is_named() -> None:
    assert "check DATABASE_URL" in refused("DATABASE_URL")
