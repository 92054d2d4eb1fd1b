"""A message is counted before it is parsed: values count, texts do not."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.memory import json_values
from app.memory.json_values import TooManyValues, check_values, is_too_much

_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.sampled_from('a,:[]{}"\\\u00e9'), max_size=6),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text('",[\\', max_size=3), inner, max_size=4),
    max_leaves=20,
)


def signs(value: Any) -> int:
    """Return how many commas, colons and brackets JSON writes around values."""
    if isinstance(value, dict):
        return 1 + max(2 * len(value) - 1, 0) + sum(map(signs, value.values()))
    return 1 + max(len(value) - 1, 0) + sum(map(signs, value)) if isinstance(value, list) else 0


@given(value=_values, ascii_only=st.booleans(), slice_bytes=st.integers(1, 40))
def test_values_are_counted_outside_of_texts_wherever_a_slice_ends(
    value: Any, ascii_only: bool, slice_bytes: int
) -> None:
    body = json.dumps(value, ensure_ascii=ascii_only).encode()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_values, "_SLICE_BYTES", slice_bytes)
        for limit, over in ((signs(value), False), (signs(value) - 1, True)):
            patch.setattr(json_values, "VALUES_LIMIT", max(limit, body.count(b'"')))
            assert is_too_much(body) == (over and limit >= body.count(b'"'))


async def test_a_long_text_of_commas_is_one_value() -> None:
    await check_values(json.dumps({"text": ',[{:"' * 300_000}).encode())


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"[" + b"[]," * 300_000 + b"[]]", id="empty lists"),
        pytest.param(b"[" * 500_000, id="depth"),
        pytest.param(b"{" + b'"a":1,' * 200_000 + b'"a":1}', id="equal names"),
        pytest.param(b"[" + b'"",' * 500_000 + b'""]', id="texts"),
        pytest.param(b"[" + b"9" * 4_000 + b"," + b" " * 400_000 + b"1]", id="a long number"),
    ],
)
async def test_more_values_than_any_call_has_are_refused(body: bytes) -> None:
    with pytest.raises(TooManyValues, match="over 200,000 values"):
        await check_values(body)
