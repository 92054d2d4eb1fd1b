"""Errors of the APIs: typed by status, one line, with what to do."""

from __future__ import annotations

import pytest

from infra.aliyun.api.errors import CallFailed, NoConnection, NotAllowed, NotFound, Throttled, failed


@pytest.mark.parametrize(
    ("status", "kind"), [(401, NotAllowed), (403, NotAllowed), (404, NotFound), (429, Throttled), (400, CallFailed)]
)
def test_a_status_has_its_kind(status: int, kind: type[CallFailed]) -> None:
    error = failed("GetFunction of f", status, "Code", "two\nlines", "1-id")

    assert type(error) is kind
    assert str(error).startswith(f"GetFunction of f: {status} Code: two lines (request 1-id); ")


def test_no_connection_names_what_to_check() -> None:
    assert "HTTPS_PROXY" in str(NoConnection("host", "does not answer"))
