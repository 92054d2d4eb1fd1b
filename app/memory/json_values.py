"""Counts the values in a message before a parser makes objects of them, each of which costs time and memory.

The parsers hold Python's lock for the whole of a message. A text of 16 MB is no trouble; five million empty lists are.
"""

from __future__ import annotations

import re

from app.errors import MemoryServerError
from app.memory.off_loop import run_off_loop_if_long

VALUES_LIMIT = 200_000  # a conversation of 5,000 messages has less than half of it
LEAST_BYTES = 2 * VALUES_LIMIT  # a value is followed by a comma or a bracket
_SLICE_BYTES = 1_000_000
_LONG_NUMBER = re.compile(
    rb"[0-9]{400}"
)  # a double has 309 at most, and reading digits takes the square of their number
_BEFORE_A_VALUE = (b",", b":", b"[", b"{")


class TooManyValues(MemoryServerError):
    """A message has more values than any call needs."""

    code = "too_many_values"
    status = 413


async def check_values(body: bytes) -> None:
    """Raise TooManyValues for a message with more than VALUES_LIMIT names, texts, numbers, lists and objects.

    One with a number of over 400 digits counts as such, unless it is short.
    """
    if len(body) > LEAST_BYTES and await run_off_loop_if_long(len(body), lambda: is_too_much(body)):
        raise TooManyValues(
            f"a message of over {VALUES_LIMIT:,} values, or with a number of over 400 digits: no call takes as many;"
            " send several"
        )


def is_too_much(body: bytes) -> bool:
    """Return whether JSON has more than VALUES_LIMIT values, by the signs that stand before them outside of texts.

    A number of over 400 digits is too much too.
    """
    values = quotes = 0
    start, is_in_text = 0, 0
    while start < len(body):
        end = start + _SLICE_BYTES
        while body[end - 1 : end] == b"\\":
            end += 1
        plain = body[start:end].replace(b"\\\\", b"").replace(b'\\"', b"")
        quotes += (here := plain.count(b'"'))
        if quotes > 2 * VALUES_LIMIT:
            return True
        outside = b"".join(plain.split(b'"')[is_in_text::2])
        values += sum(map(outside.count, _BEFORE_A_VALUE))
        if values > VALUES_LIMIT or _LONG_NUMBER.search(outside):
            return True
        is_in_text ^= here & 1
        start = end
    return False
