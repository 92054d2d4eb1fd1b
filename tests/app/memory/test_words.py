"""Words in what stands between two spaces."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.memory.words import ASCII_TOKEN, NAME_LIMIT_CHARACTERS, TOKEN, grouped_numbers, words_of


@pytest.mark.parametrize(
    ("token", "words"),
    [
        ("Garden", ["garden"]),
        ("openXMLFile", ["openxmlfile", "open", "xml", "file"]),
        ("listIDs", ["listids", "list", "ids"]),
        ("utf8Text", ["utf8text", "utf8", "text"]),
        ("newOAuthToken", ["newoauthtoken", "new", "o", "auth", "token", "oauth"]),
        ("IPv6Route", ["ipv6route", "i", "pv6", "route", "ipv6"]),
        ("ОткрытьФайл", ["открытьфайл", "открыть", "файл"]),
        ("A1B2C3D4E5", ["a1b2c3d4e5"]),
        ("per-user_limit", ["per", "user", "limit", "peruserlimit"]),
        ("tidy--room", ["tidy", "room"]),
        ("trailing-", ["trailing"]),
        ("sha-1'", ["sha", "1", "sha1"]),
        ("Weren't", ["werent"]),
        ("Zoe's", ["zoe"]),
        ("s'envoler", ["senvoler", "envoler"]),
        ("nell'acqua", ["nellacqua", "acqua"]),
        ("d’O’Neill", ["doneill", "neill"]),
        ("paral·lel", ["paral", "lel", "parallel"]),
        ("4'500'000", ["4500000", "4", "500", "000"]),
    ],
)
def test_a_token_has_these_words(token: str, words: list[str]) -> None:
    assert words_of(token).words == words


def test_a_long_key_is_not_cut_into_parts() -> None:
    key = "aB" * NAME_LIMIT_CHARACTERS

    assert words_of(f"{key}-{key}").words == [key.lower()] * 2


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("1,250 and 3.500.000", ["1250", "3500000"]),
        ("12,34,567", ["1234567"]),
        ("٢٬٥٠٠", ["2500"]),
        ("1,250.75", ["1250"]),
        ("3.14, 0.5, 10.0.0.1, 1,25 and 1,2345", []),
    ],
)
def test_digits_in_groups_are_one_number(text: str, numbers: list[str]) -> None:
    assert grouped_numbers(text) == numbers


@given(st.text(st.characters(), max_size=50))
def test_every_token_has_words(text: str) -> None:
    for token in [*TOKEN.findall(text), *ASCII_TOKEN.findall(text)]:
        words, number, _ = words_of(token)
        assert number >= 1
        assert all(words)
