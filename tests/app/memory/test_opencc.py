"""The table is the one in OpenCC's file; tests/app/memory/test_analysis.py has the digest of all of it."""

from __future__ import annotations

from app.memory import opencc
from tests.support.opencc_table import encoded, read


def test_the_table_is_what_the_command_writes() -> None:
    assert encoded(opencc.simplified()) == opencc._TABLE


def test_every_traditional_character_has_one_of_its_own() -> None:
    table = opencc.simplified()

    assert len(table) == 4113
    assert chr(table[ord("漢")]) == "汉"
    assert sum(one == other for one, other in table.items()) == 8


def test_of_several_simplified_characters_the_first_is_taken() -> None:
    assert read("乾\t干 乾\n\n後\t后\n") == {ord("乾"): ord("干"), ord("後"): ord("后")}
