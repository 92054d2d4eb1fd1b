"""What the commands of every target share: kinds of arguments, and JSON."""

from __future__ import annotations

import json
import re
from argparse import ArgumentParser, ArgumentTypeError, _SubParsersAction
from typing import Any

Commands = _SubParsersAction  # argparse has no public name for it

_UNITS_S = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


def add_json(parser: ArgumentParser) -> None:
    """Declare --json."""
    parser.add_argument("--json", action="store_true", help="Print JSON.")


def filled(value: str) -> str:
    """Take a name; an empty one, as an unset variable gives it, must not stand for the default."""
    if not value.strip():
        raise ArgumentTypeError("got '', takes a name")
    return value.strip()


def duration(value: str) -> float:
    """Take a length of time and return it in seconds: 90s, 30m, 12h, 7d."""
    match = re.fullmatch(r"([1-9][0-9]{0,6})([smhd])", value)
    if match is None:
        raise ArgumentTypeError(f"got {value[:40]!r}, takes a number with s, m, h or d, such as 30m")
    return float(int(match[1]) * _UNITS_S[match[2]])


def count(value: str) -> int:
    """Take a number over 0."""
    if not re.fullmatch(r"[1-9][0-9]{0,5}", value):
        raise ArgumentTypeError(f"got {value[:40]!r}, takes a number over 0")
    return int(value)


def print_json(value: Any) -> None:
    """Print for machines."""
    print(json.dumps(value, indent=2, ensure_ascii=False))
