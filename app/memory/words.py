"""Finds the words in what stands between two spaces: parts of a name, the word after an elision, grouped digits.

`getUserProfile`, `get_user_profile` and `get-user-profile` are get, user, profile and getuserprofile. `l'école` is
école and lécole, `O'Brien` is brien and obrien; English contractions (`don't`) are one word. `1,000,000` is 1, 000, 000
and 1000000.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import NamedTuple

from app.memory.folding import APOSTROPHES, MARKS, folded, split
from app.memory.patterns import late

NAME_LIMIT_CHARACTERS = 80  # what is longer is a key or a hash, and has no parts worth finding

# With its case, and with what joins the parts of a name: apostrophes, hyphens, low lines, and the point of Catalan l·l.
ASCII_TOKEN = late(r"[A-Za-z0-9][A-Za-z0-9'_-]*")
TOKEN = late(rf"[^\W_][\w{MARKS}\u05f3\u05f4\u0640{APOSTROPHES}\u00b7\u2010-]*")
_JOINT = late(r"[-_\u00b7\u2010]+")
_JOINS = late(f"[-_\u00b7\u2010{APOSTROPHES}]")
_POSSESSIVE = late(r"'s\b", re.IGNORECASE)
APOSTROPHES_AS_ONE = str.maketrans(dict.fromkeys(APOSTROPHES, "'"))
# Groups of three digits, or of two in India, with one separator. Three at the end: 3.14 has decimals, not groups.
# It begins with a digit, which a search skips to, and then looks back for another one.
_GROUPED = late(r"\d(?<!\d\d)\d{0,2}([ ,.'\u2019\u066b\u066c])(?:\d{2,3}\1)*\d{3}(?!\d|\1\d)")

_CONTRACTED = frozenset(["t", "m", "re", "ve", "ll", "d", "all", "em"])  # after the apostrophe
_ELIDING = "qu jusqu lorsqu puisqu quoiqu dell all dall nell sull coll quell quest"
_ELIDED = frozenset(_ELIDING.split())  # before it; single letters too


class Words(NamedTuple):
    """What is found in a token. words: folded, each once. number: how many words a reader counts.

    may_be_grouped: whether it has three digits, which can be the end of a number in groups.
    """

    words: list[str]
    number: int
    may_be_grouped: bool


def plain_word(token: str) -> str | None:
    """Return the word of a token that is nothing but one English word, as nearly all are; None of another."""
    is_plain = token.isascii() and token.isalpha() and (token.islower() or token[1:].islower() or len(token) == 1)
    return token.lower() if is_plain else None


def words_of(token: str) -> Words:
    """Return the words of a token: those of its segments, each whole and in its parts, and all of it as one."""
    plain, segments = _segments(token)
    is_name = len(token) <= NAME_LIMIT_CHARACTERS
    words: list[str] = []
    for segment in segments:
        found = dict.fromkeys([segment, *_parts(segment)]) if is_name else [segment]
        words += dict.fromkeys(word for part in found for word in _folded(part))
    if is_name and len(segments) > 1 and all(len(joint) == 1 for joint in _JOINT.findall(plain.rstrip("-_"))):
        words += _folded("".join(segments))
    may_be_grouped = any(len(segment) == 3 and segment.isdecimal() for segment in segments)
    return Words(words, len(segments), may_be_grouped)


def _segments(token: str) -> tuple[str, list[str]]:
    """Return a token with one kind of apostrophe and without possessive 's, and its segments."""
    if _JOINS.search(token) is None:
        return token, [token]
    plain = _POSSESSIVE.sub("", token.translate(APOSTROPHES_AS_ONE))
    return plain, [segment for joined in _JOINT.split(plain) if (segment := joined.strip("'"))]


def _folded(part: str) -> list[str]:
    return split(folded(part.replace("'", "")))[0]


def grouped_numbers(text: str) -> list[str]:
    """Return the numbers that a text writes in groups of digits, without their separators."""
    return [folded(re.sub(r"\D", "", match[0])) for match in _GROUPED.finditer(text)]


def _parts(segment: str) -> list[str]:
    """Return the parts of a segment between its apostrophes and humps; none of an English contraction."""
    pieces = [piece for piece in segment.split("'") if piece]
    if len(pieces) == 1:
        return _humps(segment)
    last = pieces[-1]
    if last.lower() in _CONTRACTED or (len(last) == 1 and last.isalpha()):
        return []
    elided = [piece for piece in pieces[:-1] if piece.lower() in _ELIDED or (len(piece) == 1 and piece.isalpha())]
    return [part for piece in pieces if piece not in elided for part in _humps(piece)]


def _humps(piece: str) -> list[str]:
    """Cut a piece before each capital that begins a word: `parseHTMLResponse` is parse, HTML, Response.

    A part of one letter is there with the next one, too: `newOAuthToken` is new, O, Auth, Token, OAuth.
    """
    if piece.islower() or piece.isupper() or piece[1:].islower():
        return [piece]
    cuts = [at for at in range(1, len(piece)) if _begins_word(piece, at)]
    parts = [piece[first:end] for first, end in pairwise([0, *cuts, len(piece)])]
    if len(piece) < 2 * len(parts):  # a key or a hash has humps everywhere
        return [piece]
    # A letter alone belongs to a name: OAuth, IPv6, iPhone.
    return parts + [one + other for one, other in pairwise(parts) if len(one) == 1]


def _begins_word(piece: str, at: int) -> bool:
    before, here, after = piece[at - 1], piece[at], piece[at + 1 : at + 2]
    if not here.isupper():
        return False
    if before.islower():
        return True
    if after == "s" and not piece[at + 2 : at + 3].islower():  # the plural of an acronym: URLs
        return False
    return after.islower() and (before.isupper() or before.isdecimal())
