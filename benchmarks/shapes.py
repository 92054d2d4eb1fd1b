"""Shapes of texts and requests that may cost more than others: a unit repeated, in one place of a request.

Each unit is made to be slow somewhere: where Unicode orders, composes or expands characters, where a pattern begins to
match and fails, where every word is new. The same seed gives the same shapes.
"""

from __future__ import annotations

import json
import random
import string
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

TEXT_CHARACTERS = 1_000_000
NAME_CHARACTERS = 200
MESSAGES = 5_000
QUERY_CHARACTERS = 4_000
PIECE_CHARACTERS = 8_000

_SEED = 5
# What rules of redaction look for, in pieces: none of them is a credential.
_MARKED = "glpat xoxb ghp_ AKIA :// @ secret "

# Each is repeated to the length of its place.
REPEATED = {
    "prose": "we met on Tuesday and spoke about the pump in the garden. ",
    "one letter": "a",
    "blanks": " ",
    "lines": "\n",
    "blank lines": "\n \n",
    "points": ".",
    "hyphens": "a-",
    "humps": "aB",
    "apostrophes": "l'e-",
    "groups of digits": "123,",
    "digits": "1",
    "other digits": "\u0663",
    "double-struck digits": "\U0001d7d8",
    "accents": "\u00e9",
    "accents apart": "e\u0301",
    "two marks in one": "\u0344",
    "vowel of two marks": "\u0f73\u0f71",
    "voiced halves": "\uff76\uff9e",
    "joined pictures": "\U0001f468\u200d",
    "flags": "\U0001f1e6",
    "jamo": "\u1112\u1161\u11ab",
    "vowels of Hangul": "\u1161",
    "Hangul": "\uc548\ub155\ud558\uc138\uc694 ",
    "Arabic forms": "\ufefb",
    "eighteen letters in one": "\ufdfa",
    "six kana in one": "\u3316",
    "Chinese": "\u6211\u4eec\u4eca\u5929\u53bb\u5317\u4eac\u5f00\u4f1a\u3002",
    "traditional Chinese": "\u6211\u5011\u4eca\u5929\u53bb\u81fa\u7063\u958b\u6703",
    "months": "1\u6708",
    "Thai": "\u0e01\u0e31",
    "Hindi": "\u092f\u0939 \u090f\u0915 \u092a\u0930\u0940\u0915\u094d\u0937\u093e ",
    "capitals that grow": "\u0130",
    "titles of two": "\u01c4",
    "marks of redaction": _MARKED,
    "keys cut short": "sk-",
    "frames of keys": "-----BEGIN ",
    "frames of whole keys": "-----BEGIN RSA PRIVATE KEY-----",
    "dashes": "-",
    "tokens begun": "eyJ",
    "two parts of a token": "eyJ" + "a" * 10 + ".",
    "addresses": "://a:b@",
    "addresses begun": "://a:",
}


def _falling(characters: int) -> str:
    """Return marks of all classes in falling order after one letter: normalising puts them into rising order."""
    marks: dict[int, str] = {}
    for character in map(chr, range(0x300, 0x1E900)):
        if rank := unicodedata.combining(character):
            marks[rank] = character
    each = characters // len(marks) + 1
    return ("a" + "".join(marks[rank] * each for rank in sorted(marks, reverse=True)))[:characters]


def _falling_runs(characters: int) -> str:
    """Return falling marks with an invisible character after each 30: they become one run when those are dropped."""
    text = _falling(characters)
    return "\u200d".join(text[at : at + 30] for at in range(0, len(text), 30))[:characters]


def _falling_in_pieces(characters: int) -> str:
    whole = "b".join(_falling(PIECE_CHARACTERS - 1) for _ in range(characters // PIECE_CHARACTERS + 1))
    return whole[:characters]


def _random(alphabet: str, word: int | None = None) -> Callable[[int], str]:
    def make(characters: int) -> str:
        chooser = random.Random(_SEED)
        text = "".join(chooser.choices(alphabet, k=characters))
        if word is None:
            return text
        return " ".join(text[at : at + word] for at in range(0, characters, word + 1))[:characters]

    return make


def _any_character(characters: int) -> str:
    chooser = random.Random(_SEED)
    return "".join(
        chr(chooser.choice((chooser.randrange(32, 0xD800), chooser.randrange(0xE000, 0x20000))))
        for _ in range(characters)
    )


_HAN = "".join(map(chr, range(0x4E00, 0x9FFF)))
MADE: dict[str, Callable[[int], str]] = {
    "falling marks": _falling,
    "falling marks, hidden breaks": _falling_runs,
    "falling marks in each piece": _falling_in_pieces,
    "new words": _random(string.ascii_lowercase, 5),
    "new words with accents": _random(string.ascii_lowercase + "\u00e9\u00e8\u00fc\u0151", 7),
    "new names in code": _random(string.ascii_letters + "_-", 40),
    "base64": _random(string.ascii_letters + string.digits + "+/"),
    "any Chinese characters": _random(_HAN),
    "any characters": _any_character,
}


@cache
def unit_text(unit: str, characters: int) -> str:
    """Return a text of a unit."""
    if unit in MADE:
        return MADE[unit](characters)
    repeated = REPEATED[unit]
    return (repeated * (characters // len(repeated) + 1))[:characters]


UNITS = (*REPEATED, *MADE)


@dataclass(frozen=True, slots=True)
class Shape:
    """A request. characters: how many its texts have together. body: what is sent to /mcp."""

    name: str
    characters: int
    body: bytes


def _slices(text: str, each: int, count: int) -> list[str]:
    """Return a text in slices that differ, even where the text repeats itself."""
    starts = (number * each % max(len(text) - each, 1) for number in range(count))
    return [f"{number:05}{text[start : start + each - 5]}".ljust(6, "x") for number, start in enumerate(starts)]


def _text(text: str) -> tuple[str, dict[str, Any]]:
    return "memorize", {"text": f"x {text[: TEXT_CHARACTERS - 2]}"}


def _contents(text: str) -> tuple[str, dict[str, Any]]:
    contents = _slices(text, TEXT_CHARACTERS // MESSAGES, MESSAGES)
    return "memorize_conversation", {"messages": [{"role": "user", "content": content} for content in contents]}


def _names(text: str) -> tuple[str, dict[str, Any]]:
    messages = [
        {"role": name, "name": name[::-1] + "x", "id": name, "content": "x"} for name in _slices(text, 190, MESSAGES)
    ]
    return "memorize_conversation", {"messages": messages}


def _tags(text: str) -> tuple[str, dict[str, Any]]:
    return "memorize", {"text": text[:50] or "x", "tags": _slices(text, NAME_CHARACTERS, 50)}


def _metadata(text: str) -> tuple[str, dict[str, Any]]:
    values = _slices(text, 100, 25)
    return "memorize", {"text": "x", "metadata": dict(zip(values, values, strict=True))}


def _question(tool: str) -> Callable[[str], tuple[str, dict[str, Any]]]:
    return lambda text: (tool, {"query": f"x {text[: QUERY_CHARACTERS - 2]}"})


def _filters(text: str) -> tuple[str, dict[str, Any]]:
    name = text[:NAME_CHARACTERS]
    return "search_memory", {"query": "x", "project": name, "role": name, "tags": _slices(text, NAME_CHARACTERS, 50)}


def _projects(text: str) -> tuple[str, dict[str, Any]]:
    return "search_across_projects", {"query": "x", "projects": _slices(text, NAME_CHARACTERS, 100)}


# What is too long is refused, and costs no more than it takes to see that.
def _long_question(text: str) -> tuple[str, dict[str, Any]]:
    return "search_memory", {"query": text}


def _long_name(text: str) -> tuple[str, dict[str, Any]]:
    return "memorize", {"text": "x", "project": text}


def _long_names(text: str) -> tuple[str, dict[str, Any]]:
    return "memorize", {"text": "x", "tags": _slices(text, 10_000, 100)}


def _many_tags(text: str) -> tuple[str, dict[str, Any]]:
    return "memorize", {"text": "x", "tags": _slices(text, 10, 100_000)}


def _unknown(text: str) -> tuple[str, dict[str, Any]]:
    return "memorize", {"text": "x"} | dict.fromkeys(_slices(text, 10, 100_000), 1)


PLACES: dict[str, Callable[[str], tuple[str, dict[str, Any]]]] = {
    "text": _text,
    "contents": _contents,
    "roles, names and ids": _names,
    "tags": _tags,
    "metadata": _metadata,
    "question": _question("search_memory"),
    "question for a context": _question("recall_context"),
    "filters": _filters,
    "projects": _projects,
    "question too long": _long_question,
    "name too long": _long_name,
    "names too long": _long_names,
    "too many tags": _many_tags,
    "unknown arguments": _unknown,
}


def shape(unit: str, place: str) -> Shape:
    """Return the request with a unit in a place."""
    tool, arguments = PLACES[place](unit_text(unit, TEXT_CHARACTERS))
    return Shape(f"{unit}: {place}", _characters(arguments), _call(tool, arguments))


def _characters(value: Any) -> int:
    if isinstance(value, str):
        return len(value)
    if isinstance(value, dict):
        return sum(_characters(key) + _characters(item) for key, item in value.items())
    return sum(map(_characters, value)) if isinstance(value, list) else 1


def _call(tool: str, arguments: dict[str, Any]) -> bytes:
    return _message("tools/call", {"name": tool, "arguments": arguments})


def _message(method: str, params: dict[str, Any]) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}, ensure_ascii=False).encode()


def _with_arguments(raw: str, tool: str = "memorize") -> bytes:
    """Return a call whose arguments are written already."""
    head = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call"})[:-1]
    return f'{head}, "params": {{"name": "{tool}", "arguments": {raw}}}}}'.encode()


def _with_metadata(raw: str) -> bytes:
    return _with_arguments('{"text": "x", "metadata": {"a": ' + raw + "}}")


def _list(item: str, count: int) -> str:
    return "[" + ",".join([item] * count) + "]"


def _messages(count: int) -> bytes:
    return _with_arguments('{"messages": ' + _list("{}", count) + "}", "memorize_conversation")


_COMPLETED = {
    "ref": {"type": "ref/prompt", "name": "recall"},
    "argument": {"name": "project", "value": "e\u0301" * 500_000},
}

# JSON that is no call of a tool as people make them.
RAW: dict[str, Callable[[], bytes]] = {
    "1,000,000 empty lists": lambda: _with_metadata(_list("[]", 1_000_000)),
    "5,000,000 empty lists": lambda: _with_metadata(_list("[]", 5_000_000)),
    "1,000,000 empty lists as tags": lambda: _with_arguments('{"text": "x", "tags": ' + _list("[]", 1_000_000) + "}"),
    "1,000,000 empty lists in a text": lambda: _call("memorize", {"text": "x", "metadata": _list("[]", 1_000_000)}),
    "1,000,000 empty messages": lambda: _messages(1_000_000),
    "5,000 empty messages": lambda: _messages(MESSAGES),
    "1,000,000 lists in each other": lambda: _with_metadata("[" * 1_000_000 + "]" * 1_000_000),
    "100 lists in each other, often": lambda: _with_metadata(_list("[" * 100 + "]" * 100, 5_000)),
    "500,000 equal names": lambda: _with_arguments('{"text": "x"' + ', "tags": 1' * 500_000 + "}"),
    "a number of 1,000,000 digits": lambda: _with_arguments(
        '{"text": "x", "expires_in_days": ' + "9" * 1_000_000 + "}"
    ),
    "3,000 numbers of 4,000 digits": lambda: _with_metadata(_list("9" * 4_000, 3_000)),
    "500,000 fractions": lambda: _with_metadata(_list("1e-9", 500_000)),
    "1,000,000 escapes": lambda: _with_arguments('{"text": "' + "\\u00e9" * 1_000_000 + '"}'),
    "1,000,000 halves of pairs": lambda: _with_arguments('{"text": "' + "\\ud800" * 1_000_000 + '"}'),
    "a prompt's subject": lambda: _message(
        "prompts/get", {"name": "recall", "arguments": {"subject": "\u00e9'\"" * 300_000}}
    ),
    "a prompt's subject that is none": lambda: _message(
        "prompts/get", {"name": "recall", "arguments": {"subject": [[]] * 1_000_000}}
    ),
    "a completion": lambda: _message("completion/complete", _COMPLETED),
    "a batch": lambda: b"[" + b",".join([_call("memory_stats", {"project": "e\u0301" * 10_000})] * 32) + b"]",
    "49,000 ids as text": lambda: _call("forget_memory", {"ids": "a," * 49_000}),
    "an address of a resource": lambda: _message("resources/read", {"uri": "memory://" + "a%20" * 250_000}),
}


def raw(name: str) -> Shape:
    """Return one of the requests in RAW."""
    body = RAW[name]()
    return Shape(name, len(body), body)
