"""Made-up memories: English function words and invented content words, distributed by Zipf's law.

The same seed gives the same texts. No text comes from LoCoMo or any other corpus.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import accumulate
from typing import Any

VOCABULARY_WORDS = 30_000
WORDS_MEAN, WORDS_SPREAD = 20, 7  # of a turn in a chat
CONVERSATION_TURNS = 100
PROJECTS = 5
_PEOPLE = ("Ada", "Bruno", "Chen", "Dalia", "Emeka", "Freya", "Goran", "Hana")
_FUNCTION_WORDS = (
    "the a to of and in i is that it for you was on with as have but be they at this my not are we so from or had an "
    "by she he her his what there will would one all can if about do me when which more out up who just some like "
    "then them could been has its now into than other time only over new very after"
)
_CONSONANTS, _VOWELS = "bdfklmnprstvz", "aeio"
_START = datetime(2025, 1, 6, 9, tzinfo=UTC)


class Texts:
    """A source of texts, conversations and questions about them."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        function_words = _FUNCTION_WORDS.split()
        self._words = [*function_words, *_content_words(VOCABULARY_WORDS - len(function_words))]
        self._weights = list(accumulate(1 / rank for rank in range(1, len(self._words) + 1)))
        self._function_words = frozenset(function_words)

    def text(self) -> str:
        """Return one or two sentences of about 20 words; one in eight is a question."""
        count = max(4, round(self._random.gauss(WORDS_MEAN, WORDS_SPREAD)))
        words = self._random.choices(self._words, cum_weights=self._weights, k=count)
        if count > WORDS_MEAN:
            half = count // 2
            words[half - 1] += "."
            words[half] = words[half].capitalize()
        words[0] = words[0].capitalize()
        return " ".join(words) + ("?" if self._random.random() < 1 / 8 else ".")

    def conversation(self, number: int, turns: int = CONVERSATION_TURNS) -> dict[str, Any]:
        """Return the arguments of memorize_conversation: two people, some minutes between turns, a break halfway."""
        first, second = self._random.sample(_PEOPLE, 2)
        at = _START + timedelta(hours=5 * number)
        messages = []
        for index in range(turns):
            at += timedelta(minutes=self._random.randint(1, 5))
            if index == turns // 2:
                at += timedelta(days=1)
            name, role = (first, "user") if index % 2 == 0 else (second, "assistant")
            messages.append(
                {"role": role, "name": name, "content": self.text(), "time": at.isoformat(), "id": f"m{index}"}
            )
        return {"conversation_id": f"c{number}", "project": project(number), "messages": messages}

    def conversations(self, memories: int) -> Iterator[dict[str, Any]]:
        """Yield conversations that hold `memories` turns together."""
        for number, start in enumerate(range(0, memories, CONVERSATION_TURNS)):
            yield self.conversation(number, min(CONVERSATION_TURNS, memories - start))

    def question(self) -> str:
        """Return a question as people ask: some function words, a name now and then, three content words."""
        words: list[str] = []
        while len(words) < 3:
            [word] = self._random.choices(self._words, cum_weights=self._weights)
            if word not in self._function_words:
                words.append(word)
        who = self._random.choice([*_PEOPLE, "they", "we"])
        when = self._random.choice(["What did", "When did", "How did"])
        return f"{when} {who} {words[0]} the {words[1]} of {words[2]}?"


def project(number: int) -> str:
    """Return the project of a conversation."""
    return f"project-{number % PROJECTS}"


@cache
def _content_words(count: int) -> list[str]:
    chooser = random.Random(7)
    words: dict[str, None] = {}
    while len(words) < count:
        syllables = (chooser.choice(_CONSONANTS) + chooser.choice(_VOWELS) for _ in range(chooser.choice((2, 3, 3, 4))))
        words["".join(syllables)] = None
    return list(words)
