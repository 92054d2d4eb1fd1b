"""What requirements/*.in declare."""

from __future__ import annotations

import re
from pathlib import Path

FOLDER = Path(__file__).parents[2] / "requirements"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def requirements(name: str) -> list[str]:
    """Return the lines of NAME.in, without those that name another file."""
    lines = (FOLDER / f"{name}.in").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("-r ")]


def distribution(requirement: str) -> str:
    """Return the distribution that a requirement is about, as package indexes write it."""
    match = _NAME.match(requirement)
    assert match, f"{requirement!r} is no requirement"
    return re.sub(r"[-_.]+", "-", match[0]).lower()


def declared(*names: str) -> set[str]:
    """Return the distributions that the files declare themselves."""
    return {distribution(line) for name in names for line in requirements(name)}
