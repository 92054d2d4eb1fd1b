"""Tells what looks random from words, paths, placeholders and examples."""

from __future__ import annotations

import base64
import binascii
import re

# Borders between letters and digits, and changes of case that begin no word of CamelCase: words have few, keys have
# one in two characters (base 62) to one in three (lower case with digits).
_CHANGE = re.compile(r"(?<=[A-Za-z])[0-9]|(?<=[0-9])[A-Za-z]|(?<=[a-z])[A-Z](?![a-z]{2})|(?<=[A-Z])[a-z](?![a-z]{2})")
_DIGIT, _LOWER, _UPPER = re.compile("[0-9]"), re.compile("[a-z]"), re.compile("[A-Z]")
_SIGN = re.compile(r"[!@#$%^*+?~]")
_FEWEST_CHANGES = 4
_CHARACTERS_PER_CHANGE = 7
_LETTERS_PER_CHANGE = 3
_OF_EXAMPLES = (
    *("xxxxxx", "***", "...", "…", "<", ">", "0123456789", "example", "placeholder", "redacted", "dummy", "changeme"),
    *("your_", "your-", "yourkey", "yourtoken", "yoursecret", "yourpass"),
)
_NAMES_IN_EXAMPLES = (
    *("password", "passwd", "secret", "token", "change_me", "change-me", "api_key", "api-key", "apikey", "123456789"),
    *("abcdef", "sample"),
)
_UUID = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_OF_NOTHING = (
    "d41d8cd98f00b204e9800998ecf8427e",
    "da39a3ee5e6b4b0d3255bfef95601890afd80709",
    "e3b0c44298fc1c149afbf4c8",
)


def is_example(value: str) -> bool:
    """Whether a value says itself that it is none, or is the hash of nothing."""
    return _has_any(_OF_EXAMPLES, value.lower()) or value.startswith(_OF_NOTHING)


def _has_any(words: tuple[str, ...], text: str) -> bool:
    for word in words:  # noqa: SIM110 - any() with a generator takes thrice as long
        if word in text:
            return True
    return False


def looks_random(value: str, fewest: int = _FEWEST_CHANGES) -> bool:
    """Whether letters and digits change as in a generated key; more is asked of letters alone."""
    changes = len(_CHANGE.findall(value))
    alone = _CHARACTERS_PER_CHANGE if _DIGIT.search(value) else _LETTERS_PER_CHANGE
    return changes >= max(fewest, len(value) // alone)


def is_uuid(value: str) -> bool:
    """Whether it is a UUID and nothing else."""
    return _UUID.fullmatch(value) is not None


def looks_chosen(value: str) -> bool:
    """Whether it looks like a password that a person chose with care: letters, digits, and capitals or other signs."""
    if len(value) < 8 or not _DIGIT.search(value):
        return False
    lower, upper = _LOWER.search(value) is not None, _UPPER.search(value) is not None
    return (lower and upper) or ((lower or upper) and _SIGN.search(value) is not None)


def speaks_of_itself(value: str) -> bool:
    """Whether a word such as "password" is in it, as in examples."""
    lowered = value.lower()
    return lowered.startswith("test") or _has_any(_NAMES_IN_EXAMPLES, lowered) or is_example(value)


def is_name_and_password(value: str) -> bool:
    """Whether it is Base64 of `name:password` (RFC 7617), the password no example."""
    try:
        decoded = base64.b64decode(value + "=" * (-len(value) % 4), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return False
    name, colon, password = decoded.partition(":")
    return bool(colon and name and len(password) >= 4) and decoded.isprintable() and not speaks_of_itself(password)
