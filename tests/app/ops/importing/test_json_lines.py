"""Another program's lines: what can be read of a broken one is read, and the others are not touched."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.ops.importing import json_lines
from app.ops.importing.entries import BadEntry
from app.ops.importing.json_lines import objects

WHOLE = [{"type": "user", "id": number, "text": f"line {number} 你好"} for number in range(4)]


def read(data: bytes) -> tuple[list[dict[str, Any]], list[str]]:
    """Return the objects, and where something is wrong."""
    found = list(objects(io.BytesIO(data), "f"))
    good = [value for _, value in found if not isinstance(value, BadEntry)]
    return good, [f"{value.position}: {value.reason}" for _, value in found if isinstance(value, BadEntry)]


def lines(*values: Any) -> bytes:
    return b"".join(json.dumps(value, ensure_ascii=False).encode() + b"\n" for value in values)


@given(st.integers(0, len(lines(*WHOLE)) - 1), st.binary(max_size=2))
def test_one_broken_place_costs_one_line(at: int, broken: bytes) -> None:
    data = lines(*WHOLE)
    good, _ = read(data[:at] + broken + data[at + 1 :])

    hit = data[:at].count(b"\n")
    neighbours = {hit, hit + 1} if data[at : at + 1] == b"\n" else {hit}
    expected = [value for number, value in enumerate(WHOLE) if number not in neighbours]
    assert [value for value in good if value in WHOLE and value in expected] == expected


def test_bytes_that_are_no_text_cost_a_character() -> None:
    good, bad = read(b'{"text": "a\xffb"}\n{"text": "a\xed\xa0\xbd\xed\xb8\x80"}\n{"text": "a\x00b\x07"}\n')

    assert bad == []
    assert [value["text"] for value in good] == ["a\ufffdb", "a😀", "ab\x07"]


def test_a_line_after_a_half_one_is_read_though_it_stands_on_the_same_line() -> None:
    good, bad = read(lines(WHOLE[0]) + b'{"type": "user", "text": "ha' + lines(WHOLE[1]))

    assert good == [WHOLE[0], WHOLE[1]]
    assert len(bad) == 1
    assert bad[0].startswith("f, line 2: is not JSON")


def test_two_objects_on_a_line_are_both_read() -> None:
    assert read(lines(WHOLE[0]).rstrip() + lines(WHOLE[1])) == ([WHOLE[0], WHOLE[1]], [])


def test_what_is_no_object_is_told() -> None:
    assert read(b"[1]\n") == ([], ["f, line 1: got [1], takes a JSON object"])


def test_a_line_that_is_too_long_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_lines, "LINE_LIMIT_BYTES", 60)
    good, bad = read(b"x" * 200 + b"\n" + lines(WHOLE[0]))

    assert good == [WHOLE[0]]
    assert bad == ["f, line 1: is longer than 60 bytes; make it several lines"]
