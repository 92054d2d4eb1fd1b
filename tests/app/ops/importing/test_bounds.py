"""What a JSON text would take is known before it is parsed."""

from __future__ import annotations

import json
import sys
import time
import tracemalloc

import pytest

from app.ops.importing import bounds
from app.ops.importing.bounds import decodes_to_bytes, long_number, too_large

MANY = 30_000
SHAPES = {
    "lists": "[" + "[]," * MANY + "1]",
    "objects": "[" + "{}," * MANY + "1]",
    "small objects": "[" + '{"a":1},' * MANY + "1]",
    "one large object": json.dumps({f"key {number}": 1_000 + number for number in range(MANY)}, separators=(",", ":")),
    "numbers": json.dumps([1_000 + number for number in range(MANY)], separators=(",", ":")),
    "short texts": json.dumps([str(1_000 + number) for number in range(MANY)], separators=(",", ":")),
    "nested": "[" + ("[" * 50 + "]" * 50 + ",") * (MANY // 50) + "1]",
}


@pytest.mark.parametrize("name", SHAPES)
def test_no_shape_takes_much_more_than_what_is_counted(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    text = SHAPES[name]
    tracemalloc.start()
    value = json.loads(text)
    _, taken = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    del value

    monkeypatch.setattr(bounds, "_HARMLESS_CHARACTERS", 0)
    monkeypatch.setattr(bounds, "_VALUES_LIMIT_BYTES", int(taken * 0.9))

    assert too_large(text) == "has too many parts to be held in memory"


@pytest.mark.parametrize("text", ["a word, ", '{"a": [1]}, ', "\\"])
def test_marks_within_texts_do_not_count(text: str) -> None:
    assert too_large(json.dumps([{"role": "user", "content": text * 300_000} for _ in range(2)])) is None


def test_a_text_is_counted_by_what_its_characters_take() -> None:
    assert too_large("x" * (bounds.TEXT_LIMIT_BYTES // 2)) is None
    assert too_large("\U0001f600" + "x" * (bounds.TEXT_LIMIT_BYTES // 2)) == "is longer than 25,165,824 bytes"


@pytest.mark.parametrize("text", ["", "tea", "té", "茶" * 100, "茶" * 100 + "\U0001f375"])
def test_bytes_tell_what_their_text_takes(text: str) -> None:
    assert 0 <= sys.getsizeof(text) - decodes_to_bytes(text.encode()) <= 80


def test_a_number_of_more_digits_than_python_parses_is_found() -> None:
    assert long_number("1" * 4_300 + " " + "2" * 4_301) == 4_301
    assert long_number("1" * 4_300) == -1


def test_looking_for_a_long_number_takes_no_more_than_the_length() -> None:
    began = time.process_time()
    long_number(("1" * 4_300 + "x") * 1_000)

    assert time.process_time() - began < 5  # the square of it takes 90 s
