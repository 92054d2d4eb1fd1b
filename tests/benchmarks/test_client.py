"""The raw client reads what servers send."""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks.client import Answer, CallFailed, parsed

_WITH_LENGTH = b"HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n" + b'{"result":{}}'
_CHUNKED = (
    b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
    b"16\r\nevent: message\ndata: {\r\n" + b'12\r\n"result":{"a":1}}\n\r\n' + b"0\r\n\r\n"
)


@pytest.mark.parametrize(
    ("received", "result"),
    [pytest.param(_WITH_LENGTH, {}, id="content-length"), pytest.param(_CHUNKED, {"a": 1}, id="an event in chunks")],
)
def test_an_answer_is_read_when_all_of_it_is_there(received: bytes, result: dict[str, Any]) -> None:
    for end in range(len(received)):
        assert parsed(bytearray(received[:end])) is None, f"only {end} bytes had come"

    answer = parsed(bytearray(received))
    assert answer is not None
    assert answer.result() == result


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b'{"error":{"code":1}}', id="protocol error"),
        pytest.param(b'{"result":{"isError":true}}', id="tool error"),
        pytest.param(b"oops", id="no JSON"),
    ],
)
def test_an_error_is_never_taken_for_an_answer(body: bytes) -> None:
    with pytest.raises(CallFailed):
        Answer(200, b"", body).result()


def test_an_answer_is_judged_quickly_too() -> None:
    assert Answer(200, b"", b'{"result":{"text":"\\"error\\":{"}}').looks_good()
    assert not Answer(200, b"", b'{"result":{"isError":true}}').looks_good()
    assert not Answer(503, b"", b"{}").looks_good()
