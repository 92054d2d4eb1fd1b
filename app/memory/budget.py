"""Keeps replies within a number of tokens."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, TypeVar

# A token has 4 to 5 characters of English prose in current models, about 3 of code and JSON, about 1 of other scripts.
_ASCII_CHARACTERS_A_TOKEN = 3.0

T = TypeVar("T")


def tokens(text: str) -> int:
    """Estimate the tokens of a text, too many rather than too few, since no model's tokenizer is available."""
    if text.isascii():
        return int(len(text) / _ASCII_CHARACTERS_A_TOKEN) + 1
    wide = len(text) - len(text.encode("ascii", "ignore"))
    return int((len(text) - wide) / _ASCII_CHARACTERS_A_TOKEN) + wide + 1


def json_tokens(value: Any) -> int:
    """Estimate the tokens of a value as compact JSON, the form replies have."""
    return tokens(json.dumps(value, ensure_ascii=False, separators=(",", ":")))


def fitting(items: Iterable[tuple[T, int]], budget: int) -> tuple[list[T], bool]:
    """Return the first items (each given with its tokens) that fit, and whether any were left out.

    An item is included whole or not at all.
    """
    included: list[T] = []
    for item, cost in items:
        budget -= cost
        if budget < 0:
            return included, True
        included.append(item)
    return included, False
