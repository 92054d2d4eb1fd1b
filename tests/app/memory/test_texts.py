"""Long texts are cut into pieces, and nothing of them is lost."""

from __future__ import annotations

from typing import Any
from uuid import RFC_4122

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app.memory.ports import DomainSettings
from app.memory.texts import Cleaner, content_hash, content_id, cut, pieces
from app.store.rows import new_id

KEY = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"  # made up

_text = st.text(st.sampled_from("ab .,!?\n。 茶"), min_size=1, max_size=400) | st.text(min_size=1, max_size=200)


@given(text=_text, limit=st.integers(5, 60))
@example(text="a" + " " * 100 + "b", limit=10)
@example(text=" " * 100 + "b", limit=10)
def test_pieces_joined_are_the_text_and_none_is_over_the_limit(text: Any, limit: int) -> None:
    parts = cut(text, limit)

    assert "".join(parts) == text
    assert all(0 < len(part) <= limit for part in parts)


@given(words=st.lists(st.text("abc", min_size=1, max_size=4), min_size=1, max_size=80), limit=st.integers(12, 60))
def test_no_piece_of_prose_is_blank(words: list[str], limit: int) -> None:
    assert all(part.strip() for part in cut("  ".join(words), limit))


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        pytest.param("short", ["short"], id="within the limit"),
        pytest.param("a" * 20, ["a" * 20], id="exactly the limit"),
        pytest.param("first part\n\nsecond\nthird. x", ["first part\n\n", "second\nthird. x"], id="paragraph"),
        pytest.param("one sentence\nand. more x", ["one sentence\n", "and. more x"], id="line"),
        pytest.param("one sentence. and more", ["one sentence. ", "and more"], id="sentence"),
        pytest.param("only some words and more", ["only some words and ", "more"], id="word"),
        pytest.param(
            "这是一个很长的中文句子。然后还有另外一个句子",
            ["这是一个很长的中文句子。", "然后还有另外一个句子"],
            id="Chinese",
        ),
        pytest.param("x" * 45, ["x" * 20, "x" * 20, "x" * 5], id="nowhere"),
        pytest.param("a b" + "x" * 30, ["a b" + "x" * 17, "x" * 13], id="a border too early is none"),
    ],
)
def test_a_text_is_cut_at_the_best_border_there_is(text: str, parts: list[str]) -> None:
    assert cut(text, 20) == parts


def test_each_piece_has_an_id_and_the_analysis_of_its_own_text() -> None:
    made = pieces("green tea. red apples.", 12, new_id)

    assert [piece.text for piece in made] == ["green tea. ", "red apples."]
    assert len({piece.id for piece in made}) == 2
    assert set(made[0].analysis.terms).isdisjoint(made[1].analysis.terms)


@given(st.lists(st.text(), min_size=1, max_size=4), st.lists(st.text(), min_size=1, max_size=4))
def test_hashes_differ_where_parts_differ_also_in_where_one_ends(one: list[str], other: list[str]) -> None:
    from hypothesis import assume

    assume(not any("\ud800" <= character <= "\udfff" for text in (*one, *other) for character in text))
    assert (content_hash(*one) == content_hash(*other)) == (one == other)


class TestCleaner:
    def cleaner(self, redact: bool = True) -> Cleaner:
        return Cleaner(DomainSettings(piece_characters=8_000, redact=redact, reply_tokens=8_000))

    def test_credentials_are_replaced_and_counted(self) -> None:
        cleaner = self.cleaner()

        assert KEY not in cleaner.text(f"my key is {KEY}, keep it")
        assert cleaner.redacted == 1

    def test_json_is_cleaned_in_keys_and_values_at_any_depth_and_keeps_its_shape(self) -> None:
        cleaner = self.cleaner()

        clean = cleaner.value({"a": [1, None, True, {"b": KEY}], KEY: 2.5})

        assert clean["a"][:3] == [1, None, True]
        assert KEY not in str(clean)
        assert cleaner.redacted == 2

    def test_switched_off_it_changes_nothing(self) -> None:
        cleaner = self.cleaner(redact=False)

        assert cleaner.value({"a": KEY}) == {"a": KEY}
        assert cleaner.redacted == 0


def test_an_id_of_a_content_is_a_uuid_of_version_8() -> None:
    id_ = content_id(bytes(range(200, 232)))

    assert str(id_) == "c8c9cacb-cccd-8ecf-90d1-d2d3d4d5d6d7"
    assert (id_.variant, content_id(bytes(range(200, 232)))) == (RFC_4122, id_)
