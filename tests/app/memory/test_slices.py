"""Slices of a text are normalised one by one with the result that the whole text has."""

from __future__ import annotations

import unicodedata

from hypothesis import example, given
from hypothesis import strategies as st

from app.memory.slices import SLICE_CHARACTERS, sliced

# What composes with what stands before it: jamo, vowel signs of India, marks.
_COMPOSING = "\u1112\u1161\u11ab\uac00\u0cc6\u0cc2\u0cd5\u0dd9\u0dcf\u0dca\u0301\u0323\u0338\u09c7\u09be=<ae \u4e00"


@given(text=st.text(st.sampled_from(_COMPOSING), max_size=60), size=st.integers(1, 9))
@example(text="\u1112\u1161\u11ab" * 9, size=2)
@example(text="\u1161" * 20, size=3)
def test_composed_slices_make_up_the_composed_text(text: str, size: int) -> None:
    slices = list(sliced(text, size))

    assert "".join(slices) == text
    assert "".join(unicodedata.normalize("NFC", one) for one in slices) == unicodedata.normalize("NFC", text)


def test_slices_of_all_shapes_are_about_as_long_as_they_should_be() -> None:
    for unit in ("a", "\u1112\u1161\u11ab", "\u1161", "a" + "\u0301" * 30, "\u0cc6\u0cc2\u0cd5"):
        slices = list(sliced(unit * (100_000 // len(unit))))
        assert max(map(len, slices)) < SLICE_CHARACTERS + 100, unit
