"""Keeps replies within a number of tokens."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, TypeVar

# English prose has 4 to 5 characters a token in today's models, code and JSON about 3; other scripts about one.
_ASCII_CHARACTERS_A_TOKEN = 3.0

T = TypeVar("T")


def tokens(text: str) -> int:
    """Estimate the tokens of a text, rather too many than too few: no model's tokenizer is at hand."""
    if text.isascii():
        return int(len(text) / _ASCII_CHARACTERS_A_TOKEN) + 1
    wide = sum(1 for character in text if ord(character) > 127)
    return int((len(text) - wide) / _ASCII_CHARACTERS_A_TOKEN) + wide + 1


def json_tokens(value: Any) -> int:
    """Estimate the tokens of a value as JSON without spaces, as replies are written."""
    return tokens(json.dumps(value, ensure_ascii=False, separators=(",", ":")))


def fitting(items: Iterable[tuple[T, int]], budget: int) -> tuple[list[T], bool]:
    """Take items (each with its tokens) in order while they fit; say whether any was left out.

    An item is taken whole or not at all.
    """
    taken: list[T] = []
    for item, cost in items:
        budget -= cost
        if budget < 0:
            return taken, True
        taken.append(item)
    return taken, False
