"""The made-up memories."""

from __future__ import annotations

from collections import Counter

from benchmarks.texts import Texts


def test_the_same_seed_gives_the_same_texts() -> None:
    assert Texts(5).conversation(3) == Texts(5).conversation(3)
    assert Texts(5).text() != Texts(6).text()


def test_conversations_hold_as_many_turns_as_asked_for() -> None:
    sizes = [len(conversation["messages"]) for conversation in Texts(1).conversations(250)]

    assert sizes == [100, 100, 50]


def test_words_are_as_frequent_as_in_english() -> None:
    texts = Texts(1)
    words = Counter(" ".join(texts.text() for _ in range(500)).lower().replace(".", "").replace("?", "").split())

    assert 15 < words.total() / 500 < 25
    assert 0.05 < words["the"] / words.total() < 0.12, "one word in eleven or so"
    assert sum(1 for count in words.values() if count == 1) > len(words) / 3, "many words come once"
