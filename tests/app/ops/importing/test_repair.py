"""Bytes that should be UTF-8 become text, and a broken one costs one character."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.ops.importing.repair import Texts, as_utf8, joined, repaired, without_mark


@pytest.mark.parametrize(
    ("data", "text"),
    [
        pytest.param("tea 你好 😀".encode(), "tea 你好 😀", id="whole"),
        pytest.param(b"a\xffb", "a\ufffdb", id="no UTF-8"),
        pytest.param(b"a\xe4\xbdb", "a\ufffdb", id="half a character"),
        pytest.param(b"a\xed\xa0\xbd\xed\xb8\x80b", "a😀b", id="two surrogates"),
        pytest.param(b"a\xed\xa0\xbdb", "a\ufffdb", id="a lone surrogate"),
        pytest.param(b"\xed\xb8\x80\xed\xa0\xbd", "\ufffd\ufffd", id="surrogates the wrong way round"),
    ],
)
def test_a_broken_byte_costs_one_character(data: bytes, text: str) -> None:
    assert repaired(data) == text


@given(st.text(), st.binary(min_size=1, max_size=3), st.text())
def test_what_stands_around_broken_bytes_stays(before: str, broken: bytes, after: str) -> None:
    text = repaired(before.encode() + b" " + broken + b" " + after.encode())

    assert text.startswith(before + " ")
    assert text.endswith(" " + after)
    text.encode()  # no lone surrogates


@given(st.text(), st.integers(1, 7))
def test_pieces_of_a_stream_part_no_character(text: str, size: int) -> None:
    texts = Texts(io.BytesIO(text.encode()))
    read = []
    while not texts.ended:
        read.append(texts.read(size))

    assert "".join(read) == text


@given(st.text(), st.integers(1, 7))
def test_pieces_of_a_stream_part_no_pair_of_surrogates(text: str, size: int) -> None:
    wide = "".join(_as_two(character) for character in text)
    texts = Texts(io.BytesIO(wide.encode("utf-8", "surrogatepass")))
    read = []
    while not texts.ended:
        read.append(texts.read(size))

    assert "".join(read) == text


def _as_two(character: str) -> str:
    """Return a character as the surrogates that some programs write."""
    units = character.encode("utf-16-be")
    return "".join(chr(int.from_bytes(units[at : at + 2], "big")) for at in range(0, len(units), 2))


def test_surrogates_of_json_escapes_become_one_character() -> None:
    assert joined("a\ud83d\ude00b\ud83d") == "a😀b\ufffd"


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_byte_order_mark_tells_the_encoding_and_is_no_text(encoding: str) -> None:
    data = '{"text": "😀"}\n'.encode(encoding)

    assert as_utf8(io.BufferedReader(io.BytesIO(data))).read() == '{"text": "😀"}\n'.encode()
    assert without_mark(data) == '{"text": "😀"}\n'.encode()
