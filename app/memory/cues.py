"""Finds cues in a question beyond its words: whether it asks for a time, and which month or day it names.

All functions take words and text from `folding.folded` and `folding.split`: lower case, without apostrophes,
traditional Chinese folded to simplified.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from app.memory.patterns import late

_MONTH_NAMES = "january february march april may june july august september october november december"
_MONTH = {name: number for number, name in enumerate(_MONTH_NAMES.split(), 1)}
# Also ordinary words (may) or names (Jan): they count only beside a year, a day or a preposition.
_UNSURE = {name[:3]: number for name, number in _MONTH.items()} | {"sept": 9}
_PREPOSITIONS = "in on of during by since until before after early late mid"
_BEFORE_A_MONTH = frozenset(_PREPOSITIONS.split())

_TIMES = """
yesterday today tomorrow tonight last next ago week weeks weekend month months year years since soon just
recently monday tuesday wednesday thursday friday saturday sunday
"""
TIME_WORDS = frozenset(_TIMES.split()) | frozenset(_MONTH)
_TIME = late(
    r"[昨今明后]天|前天|[昨今]晚|[昨今明]日|[上下这本]个?(?:周|星期|礼拜|月)|星期|礼拜|周[一二三四五六日末]|[先来]周"
    r"|[去今明前后昨来]年|[0-9〇零一二三四五六七八九十两几半]个?(?:年|月|周|天前|小时前|分钟前)|[0-9]+[日号]"
    r"|最近|刚才|刚刚|不久|어제|오늘|내일|지난|다음\s?(?:주|달)|작년|내년"
)

# Words by which writers speak of themselves, as they are written: "I" is one, "i" is more often something else.
FIRST_PERSON = frozenset(["I", "I'm", "I've", "I'd", "I'll", "me", "my", "we", "our", "Me", "My", "We", "Our"])
FIRST_PERSON_UNSPACED = "我"
FIRST_PERSON_LIMIT = 3

_ASSISTANTS = frozenset(["assistant", "model", "ai", "bot", "system", "developer", "tool", "function"])

_NUMBERS = """
one two three four five six seven eight nine ten eleven twelve dozen hundred thousand million
first second third once twice half
"""
NUMBER_WORDS = frozenset(_NUMBERS.split())
_NUMBER_UNSPACED = late("[二三四五六七八九十百千万两]")

_ASKS_WHEN = late(
    r"when\b|how long\b"
    r"|(?:(?:in|on|at|since|until|by|from) )?(?:what|which) (?:date|day|month|year|time)\b"
)
_ASKS_WHEN_UNSPACED = late(
    r"什么时[候间]|啥时候|何[时日年月]|几点|几[号日]|几月|[哪几]年|哪(?:一|个)?[天日月]|哪个?(?:星期|月份)"
    r"|(?:星期|周)几|多久|多长时间|いつ|언제|몇\s?[시일월년]"
)

_YEAR = late(r"(?:19|20)\d\d")
_DAY = late(r"(\d{1,2})(?:st|nd|rd|th)?")
_ISO = late(r"(?<![\d.])((?:19|20)\d\d)([-/])(\d{1,2})(?:\2(\d{1,2}))?(?![\d/-])")
_CHINESE = late(
    r"(?:(\d{4})\s?年\s?)?(?<!\d)(1[0-2]|0?[1-9]|十[一二]?|[一二三四五六七八九])\s?月"
    r"(?:\s?([0-3]?\d|[一二三]?十?[一二三四五六七八九十])\s?[日号])?"
)
_CHINESE_DIGITS = {digit: number for number, digit in enumerate("一二三四五六七八九", 1)}


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthCue:
    """A month that a question names, with its day and year if it names them."""

    month: int
    day: int | None = None
    year: int | None = None

    @property
    def written(self) -> str:
        """The month as a reader of English writes it: May, 7 May, May 2023, 7 May 2023."""
        month = _MONTH_NAMES.split()[self.month - 1].title()
        return " ".join(str(part) for part in (self.day, month, self.year) if part)

    def first_day(self, year_if_none: int) -> date | None:
        """Return the day meant, or the month's first; None if there is no such day (30 February)."""
        try:
            return date(self.year or year_if_none, self.month, self.day or 1)
        except ValueError:
            return None


def is_assistant(role: str | None) -> bool:
    """Report whether a role is one that chat APIs have for what is not a person. A memory without one is a note."""
    return role is not None and role.lower() in _ASSISTANTS


def tells_number_unspaced(text: str) -> bool:
    """Report whether text in a script without spaces has a number; "一" alone is mostly an article."""
    return _NUMBER_UNSPACED.search(text) is not None


def tells_time_unspaced(normal: str) -> bool:
    """Report whether a text in Chinese or a similar script has a word for a time; TIME_WORDS has those of English."""
    return bool(_TIME.search(normal))


def asks_when(words: Sequence[str], normal: str) -> bool:
    """Report whether a question asks for a time: by its beginning in English, by any such word in Chinese."""
    if _ASKS_WHEN.match(" ".join(words[:4])):
        return True
    return not normal.isascii() and bool(_ASKS_WHEN_UNSPACED.search(normal))


def month_cue(words: Sequence[str], normal: str) -> MonthCue | None:
    """Return the month a question names: `2023-05-08`, `8 May 2023`, `May 8th`, `in May`, `2023年5月8日`."""
    if iso := _ISO.search(normal):
        year, _, month, day = iso.groups()
        if cue := _checked(int(month), int(day) if day else None, int(year)):
            return cue
    for at, word in enumerate(words):
        if (word in _MONTH or word in _UNSURE) and (cue := _english(words, at)):
            return cue
    if not normal.isascii() and (match := _CHINESE.search(normal)):
        year, month, day = match.groups()
        return _checked(_number(month), _number(day) if day else None, int(year) if year else None)
    return None


def _english(words: Sequence[str], at: int) -> MonthCue | None:
    """Read the words around the month's name at `at`; the year is one of the next three words, or the one before."""
    word = words[at]
    before = words[at - 1] if at else ""
    after = words[at + 1 : at + 4]
    years = [int(w) for w in (before, *after) if _YEAR.fullmatch(w)]
    day = _day(before) or (_day(after[0]) if after else None)
    if word in _UNSURE and not (years or day or before in _BEFORE_A_MONTH):
        return None
    return _checked(_MONTH.get(word) or _UNSURE[word], day, years[-1] if years else None)


def _day(word: str) -> int | None:
    match = _DAY.fullmatch(word)
    return int(match[1]) if match and 1 <= int(match[1]) <= 31 else None


def _checked(month: int, day: int | None, year: int | None) -> MonthCue | None:
    if not 1 <= month <= 12 or (year is not None and not 1 <= year <= 9999):
        return None
    return MonthCue(month=month, day=day if day and 1 <= day <= 31 else None, year=year)


def _number(text: str) -> int:
    """Parse a number from 1 to 39 in digits or Chinese: 8, 08, 八, 十二, 二十, 三十一."""
    if text.isdecimal():
        return int(text)
    tens, ten, ones = text.partition("十")
    if not ten:
        return _CHINESE_DIGITS.get(text, 0)
    return 10 * _CHINESE_DIGITS.get(tens, 1) + _CHINESE_DIGITS.get(ones, 0)
