"""Finds variables that look like settings but that nothing reads: misspelt names, and unknown names in `.env`.

The environment belongs to every program, so it reports a name there only if it is one slip away from a distinctive
setting that is not set. A `.env` file is ours, so it reports every unknown name there.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection
from pathlib import Path

from app.settings.fields import Settings, secret_names

_SETTINGS = frozenset(name.upper() for name in Settings.model_fields)
_FILES = frozenset(f"{name}_FILE" for name in secret_names())
_DISTINCTIVE = sorted(  # the others are too close to names that other programs read
    name for name in _SETTINGS | _FILES if len(name) >= 10 and not name.startswith("LOG_")
)
_SLIPS = 3
_REPORTABLE = re.compile(r"[A-Z][A-Z0-9_]{0,59}")  # anything else in a `.env` may be a piece of a secret


def unread_names() -> str | None:
    """Return one line about this environment and `.env`, or None when there is nothing to report."""
    given = {name.upper() for name, value in os.environ.items() if value}
    env_file = Settings.model_config.get("env_file")
    dotenv = _dotenv(str(env_file)) if env_file else {}
    set_ = (given | {name.upper() for name, value in dotenv.items() if value}) & (_SETTINGS | _FILES)
    unread = [f"{name} ({meant}?)" for name in sorted(given) if (meant := _meant(name, set_))]
    unread += [f"{name} in {env_file}{_hint(name)}" for name in sorted(dotenv) if _is_unknown(name, dotenv[name])]
    if not unread:
        return None
    return f"set, but unused: {', '.join(unread)}; `claude-memory settings` lists all names"


def _dotenv(path: str) -> dict[str, str | None]:
    if not Path(path).exists():
        return {}
    from dotenv import dotenv_values

    try:
        return dict(dotenv_values(path, encoding="utf-8"))
    except (OSError, UnicodeDecodeError):  # reading the settings has reported it
        return {}


def _is_unknown(name: str, value: str | None) -> bool:
    return bool(value) and name.upper() not in _SETTINGS and _REPORTABLE.fullmatch(name) is not None


def _hint(name: str) -> str:
    if name in _FILES:
        return " (it takes effect only in the environment)"
    meant = _meant(name, ())
    return f" ({meant}?)" if meant else ""


def _meant(name: str, set_: Collection[str]) -> str | None:
    """Return the setting that a name is one slip away from, unless that setting is set too."""
    if name in _SETTINGS or name in _FILES:
        return None
    return next((ours for ours in _DISTINCTIVE if _is_slip(name, ours) and ours not in set_), None)


def _is_slip(name: str, ours: str) -> bool:
    """Whether a name is ours with one letter added, missing, wrong or swapped, in the whole name or in each word."""
    if abs(len(name) - len(ours)) > _SLIPS:
        return False
    if _digits(name) != _digits(ours):  # a different thing, as mem0 is not memU
        return False
    words = list(zip(name.split("_"), ours.split("_"), strict=False))
    same_count = name.count("_") == ours.count("_")
    return _is_one_edit(name, ours) or (same_count and all(a == b or _is_one_edit(a, b) for a, b in words))


def _digits(name: str) -> str:
    return "".join(letter for letter in name if letter.isdigit())


def _is_one_edit(a: str, b: str) -> bool:
    """Whether two texts differ by at most one edit (Damerau's definition)."""
    prefix = _common_prefix(a, b)
    a, b = a[prefix:], b[prefix:]
    suffix = _common_prefix(a[::-1], b[::-1])
    a, b = a[: len(a) - suffix], b[: len(b) - suffix]
    return (len(a) <= 1 and len(b) <= 1) or (len(a) == 2 and a == b[::-1])


def _common_prefix(a: str, b: str) -> int:
    """Return the length of the common prefix of two texts."""
    return next((at for at, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
