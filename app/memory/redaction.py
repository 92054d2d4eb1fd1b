"""Redacts credentials in a text before it is stored: each becomes `[redacted: kind]`.

app/memory/credentials says what a credential looks like: it has a mark of its own (marked.py), a shape such as a key
block's or a URL's (shaped.py), or stands after a name of credentials (named.py). Prose, code, hashes, public keys,
placeholders and base64 pictures do not change.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from app.memory.credentials.scanning import Found


@dataclass(frozen=True, slots=True)
class Redacted:
    """A text without its credentials. kinds: one entry per replacement."""

    text: str
    kinds: tuple[str, ...]


def redact(text: str) -> Redacted:
    """Replace what looks like a credential. Redacting the result again changes nothing.

    It takes 3 µs for a sentence; for 1,000,000 characters 0.02 s of prose, 0.1 s of code and some 0.5 s of nothing but
    credentials, while other threads run. A part of a text can be redacted by itself if it begins and ends at a line's
    end outside of a key block.
    """
    kinds: list[str] = []
    for _ in range(PASSES):
        spans = _credentials(text)
        if not spans:
            break
        spans = _merged(sorted(spans, key=lambda span: span.start))  # stable: the first of two names the kind
        kinds += (span.kind for span in spans)
        text = _replace(text, spans)
    return Redacted(text, tuple(kinds))


PASSES = 4  # a key glued to another shows once the first is gone; more than two need an adversary


def _credentials(text: str) -> list[Found]:
    """Return all credentials; of two that begin at one place, the first names the kind."""
    long_runs, tokens, shapes, headers, assigned = _finders()
    runs = list(long_runs(text))
    if not runs and not _hints(text):
        return []
    found = list(tokens(text, runs)) if runs else []
    found += shapes(text, long=bool(runs))
    found += headers(text)
    found += assigned(text)
    return found


# Credentials that are not long stand after one of these.
_HINTS = (
    *(":", "=", ">", " -", '",', "',", "login ", "：", "是", "为"),
    *("assword is ", "phrase is ", "ecret is ", "oken is ", "key is "),
)


def _hints(text: str) -> bool:
    for hint in _HINTS:  # noqa: SIM110 - any() with a generator takes thrice as long
        if hint in text:
            return True
    return False


@cache
def _finders() -> tuple[Callable[..., Iterator[Any]], ...]:
    """Return what finds credentials. Its patterns take 15 ms to compile, for which a start does not wait."""
    from app.memory.credentials.marked import long_runs, tokens
    from app.memory.credentials.named import assigned, headers
    from app.memory.credentials.shaped import shapes

    return long_runs, tokens, shapes, headers, assigned


def _merged(spans: list[Found]) -> list[Found]:
    """Join overlapping spans; the first one names the kind."""
    merged: list[Found] = []
    for span in spans:
        if merged and span.start < merged[-1].end:
            merged[-1] = merged[-1]._replace(end=max(merged[-1].end, span.end))
        else:
            merged.append(span)
    return merged


def _replace(text: str, spans: list[Found]) -> str:
    pieces: list[str] = []
    at = 0
    for span in spans:
        pieces += (text[at : span.start], f"[redacted: {span.kind}]")
        at = span.end
    return "".join((*pieces, text[at:]))
