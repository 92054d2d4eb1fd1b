"""Finds names that somebody meant as a setting and that nobody reads: misspelt ones, and strangers in `.env`.

The environment belongs to every program, so only a name that is one slip away from a distinctive one of ours is told
there, and only while ours is not set. A `.env` is ours: there every unknown name is told.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection
from pathlib import Path

from app.settings.fields import Settings, secret_names

_SETTINGS = frozenset(name.upper() for name in Settings.model_fields)
_FILES = frozenset(f"{name}_FILE" for name in secret_names())
_DISTINCTIVE = sorted(  # the others are near what other programs read
    name for name in _SETTINGS | _FILES if len(name) >= 10 and not name.startswith("LOG_")
)
_SLIPS = 3
_TELLABLE = re.compile(r"[A-Z][A-Z0-9_]{0,59}")  # anything else in a `.env` may be a piece of a secret


def unread_names() -> str | None:
    """Return one line about this environment and `.env`, or None when there is nothing to tell."""
    given = {name.upper() for name, value in os.environ.items() if value}
    env_file = Settings.model_config.get("env_file")
    dotenv = _dotenv(str(env_file)) if env_file else {}
    set_ = (given | {name.upper() for name, value in dotenv.items() if value}) & (_SETTINGS | _FILES)
    told = [f"{name} ({meant}?)" for name in sorted(given) if (meant := _meant(name, set_))]
    told += [f"{name} in {env_file}{_hint(name)}" for name in sorted(dotenv) if _is_stranger(name, dotenv[name])]
    if not told:
        return None
    return f"set, but read by nobody: {', '.join(told)}; `claude-memory settings` shows all names there are"


def _dotenv(path: str) -> dict[str, str | None]:
    if not Path(path).exists():
        return {}
    from dotenv import dotenv_values

    try:
        return dict(dotenv_values(path, encoding="utf-8"))
    except (OSError, UnicodeDecodeError):  # reading the settings has told it
        return {}


def _is_stranger(name: str, value: str | None) -> bool:
    return bool(value) and name.upper() not in _SETTINGS and _TELLABLE.fullmatch(name) is not None


def _hint(name: str) -> str:
    if name in _FILES:
        return " (it takes effect in the environment alone)"
    meant = _meant(name, ())
    return f" ({meant}?)" if meant else ""


def _meant(name: str, set_: Collection[str]) -> str | None:
    """Return the setting that a name is one slip away from, unless that is set too."""
    if name in _SETTINGS or name in _FILES:
        return None
    return next((ours for ours in _DISTINCTIVE if _is_slip(name, ours) and ours not in set_), None)


def _is_slip(name: str, ours: str) -> bool:
    """Whether it is ours with one letter too many, missing, wrong or changed places, in the whole or in each word."""
    if abs(len(name) - len(ours)) > _SLIPS:
        return False
    if _digits(name) != _digits(ours):  # another thing of that kind, as mem0 is beside memU
        return False
    words = list(zip(name.split("_"), ours.split("_"), strict=False))
    same_count = name.count("_") == ours.count("_")
    return _is_one_edit(name, ours) or (same_count and all(a == b or _is_one_edit(a, b) for a, b in words))


def _digits(name: str) -> str:
    return "".join(letter for letter in name if letter.isdigit())


def _is_one_edit(a: str, b: str) -> bool:
    """Whether two texts differ by at most one edit, as Damerau counts them."""
    begin = _common(a, b)
    a, b = a[begin:], b[begin:]
    end = _common(a[::-1], b[::-1])
    a, b = a[: len(a) - end], b[: len(b) - end]
    return (len(a) <= 1 and len(b) <= 1) or (len(a) == 2 and a == b[::-1])


def _common(a: str, b: str) -> int:
    """Return how many letters two texts have in common at their begin."""
    return next((at for at, (one, other) in enumerate(zip(a, b, strict=False)) if one != other), min(len(a), len(b)))
