"""Vectors made of words alone: texts that share words are near each other, and nothing has to be downloaded."""

from __future__ import annotations

import hashlib
import math
import re

from app.memory.vectors import pack

SIZE = 64
SAME = {"automobile": "car", "汽车": "car"}  # what a model knows and words do not tell


def bag_of_words(text: str, size: int = SIZE) -> list[float]:
    """Return the unit vector of a text: every word adds a direction of its own."""
    total = [0.0] * size
    for word in re.findall(r"\w+", text.lower()) or [""]:
        digest = hashlib.shake_256(SAME.get(word, word).encode()).digest(size)
        total = [number + byte - 127.5 for number, byte in zip(total, digest, strict=True)]
    length = math.hypot(*total)
    return [number / length for number in total]


def kept(text: str) -> bytes:
    """Return a text's vector as PostgreSQL keeps it."""
    return pack(bag_of_words(text))
