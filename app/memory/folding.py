"""Folds a text into the form in which words are compared: what readers take for the same letter is the same.

Case, width, accents and stress marks, the vowel signs of Arabic and the points of Hebrew, the forms of an Arabic letter
(as Lucene's ArabicNormalizer has them), digits of other scripts and traditional Chinese are folded. What no reader sees
(soft hyphens, joiners, marks of direction, variants of a picture) is dropped.
"""

from __future__ import annotations

import unicodedata
from functools import cache

from app.memory.marks import with_breaks, without_surplus
from app.memory.patterns import late

_INVISIBLE = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb\U000e0000-\U000e0fff"
)
INVISIBLE = late(f"[{_INVISIBLE}]")
# Marks that Python does not count as letters, but that belong to the word they are in.
MARKS = (
    "\u0300-\u036f\u0483-\u0487\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u064b-\u065f\u0670"
    "\u06d6-\u06dc\u06df-\u06e4\u06e7\u06e8\u06ea-\u06ed\u0711\u0730-\u074a\u07a6-\u07b0\u07eb-\u07f3\u08d3-\u08e1"
    "\u08e3-\u0963\u0966-\u096f\u0971-\u0df3\u0f71-\u0f84\u0f8d-\u0fbc\u135d-\u135f\u1dc0-\u1dff\u20d0-\u20f0"
)
UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"  # Thai, Lao, Burmese, Khmer
    "\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff"  # kana
    "\uac00-\ud7a3"  # Hangul syllables
    "\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U0003ffff"  # Han
)
APOSTROPHES = "'\u2019\u02bc\u2018\u02bb\u2032"

# What most texts have none of: invisible characters, marks and letters that are folded, other digits, pictures. One
# look for all of them is quicker than one for each.
_PICTURES = "\u00a9\u00ae\u2194-\u2bff\u3030\u303d\U0001f000-\U0001ffff"
UNUSUAL = late(f"[{_INVISIBLE}{MARKS}\u05f3\u05f4\u0640\u0660-\u0669\u06f0-\u06f9{_PICTURES}]|[^\\D0-9]")

_WORD = late(rf"(?:[^\W_]|[{MARKS}])+")
_ASCII_WORD = late(r"[a-z0-9]+")
_UNSPACED_RUN = late(f"[{UNSPACED}]+")
_HAN = late(r"[\u3400-\u4dbf\u4e00-\u9fff]")
_OTHER_DIGIT = late(r"[^\D0-9]")
_POSSESSIVE = late(r"'s\b")
_GERSHAYIM = late('(?<=[\u05d0-\u05ea])"(?=[\u05d0-\u05ea])')
# In canonical decomposition (NFD): all marks of Latin, Greek and of е (ё is mostly typed as е), stress on Cyrillic
# vowels (й and ї keep their marks), and what readers of Arabic and Hebrew leave out.
_FOLDED_MARKS = late(
    r"(?<=[a-zα-ωе])[\u0300-\u036f]+"
    r"|(?<=[аиоуыэюяієѣ\u0306\u0308])[\u0300\u0301\u030f\u0311]+"
    r"|[\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u05f3\u05f4\u0610-\u061a\u0640\u064b-\u065f\u0670"
    r"\u06d6-\u06dc\u06df-\u06e4\u06e7\u06e8\u06ea-\u06ed\u08d3-\u08e1\u08e3-\u08ff]+"
)
# Characters that NFKC writes with 5 to 18 letters. In a text one stands here and there.
_SPELLED_OUT = late("[\u3300-\u3357\ufdfa\ufdfb]")
_LONG_CHARACTERS = 1_000
_SLICED_CHARACTERS = 20_000  # take about a millisecond to normalise
_LETTERS = str.maketrans(
    dict.fromkeys(APOSTROPHES, "'")
    | {"ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ı": "i"}
    | dict.fromkeys("ىیې", "ي")
    | dict.fromkeys("ةھہۃە", "ه")
    | {"ک": "ك", "ٱ": "ا"}
)
_LETTER = late(f"[{''.join(map(chr, _LETTERS))}]")


def composed(text: str) -> str:
    """Return a text in canonical composition (NFC): what looks the same is the same, however a system writes it.

    Runs of over 30 marks are cut (app/memory/marks.py).
    """
    if text.isascii():
        return text
    text = with_breaks(text)
    if len(text) < _SLICED_CHARACTERS:
        return unicodedata.normalize("NFC", text)
    from app.memory.slices import sliced  # seldom needed

    return "".join(unicodedata.normalize("NFC", part) for part in sliced(text))


def folded(text: str) -> str:
    """Return the text in the form in which words are compared, without apostrophes and possessive 's."""
    return _joined(text.lower()) if text.isascii() else folded_compatible(*compatible(text))


def compatible(text: str) -> tuple[str, bool]:
    """Return a text in compatible composition (NFKC) without what no reader sees, and whether UNUSUAL is in it.

    Of a run of marks, the first 30 count.
    """
    if len(text) >= _LONG_CHARACTERS and len(_SPELLED_OUT.findall(text)) > len(text) // 16:
        text = _SPELLED_OUT.sub(" ", text)  # it is no text, and would be as long as several
    text = unicodedata.normalize("NFKC", without_surplus(text))
    if '"' in text:  # how keyboards write the Hebrew mark of an acronym
        text = _GERSHAYIM.sub("\u05f4", text)
    if not UNUSUAL.search(text):
        return text, False
    return without_surplus(INVISIBLE.sub("", text)), True


def folded_compatible(text: str, unusual: bool) -> str:
    """Return what `folded` returns, for what `compatible` returned."""
    normal = text.lower()
    if _LETTER.search(normal):
        normal = normal.translate(_LETTERS)
    decomposed = unicodedata.normalize("NFD", normal)
    if unusual or decomposed != normal or "\u0307" in normal:  # which İ leaves in lower case
        normal = unicodedata.normalize("NFC", without_surplus(_FOLDED_MARKS.sub("", decomposed)))
    if unusual and _OTHER_DIGIT.search(normal):
        normal = _OTHER_DIGIT.sub(lambda digit: str(unicodedata.decimal(digit[0])), normal)
    return _joined(normal.translate(simplified()) if _HAN.search(normal) else normal)


def _joined(normal: str) -> str:
    return _POSSESSIVE.sub("", normal).replace("'", "") if "'" in normal else normal


def split(normal: str) -> tuple[list[str], list[str]]:
    """Return the words of a folded text in order, and its runs of characters written without spaces."""
    if normal.isascii():
        return _ASCII_WORD.findall(normal), []
    runs = _UNSPACED_RUN.findall(normal)
    return _WORD.findall(_UNSPACED_RUN.sub(" ", normal) if runs else normal), runs


@cache
def simplified() -> dict[int, int]:
    """Return OpenCC's table from traditional to simplified characters.

    It has characters only, not phrases: search needs the same fold on both sides, not the best spelling, and a
    character's fold must not depend on where a text was cut.
    """
    from app.memory import opencc

    return opencc.simplified()
