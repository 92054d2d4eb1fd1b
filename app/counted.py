"""Writes a number together with what it counts, in the singular or plural, for messages to people."""

from __future__ import annotations


def counted(number: float, one: str, many: str | None = None) -> str:
    """Return a whole number with its noun: 1 backup, 1,200 backups. many: None adds an s."""
    return f"{number:,.0f} {one if number == 1 else many or f'{one}s'}"
