"""Secrets that are made up where the real ones are encrypted or missing: a plan and `status` need no passphrase."""

from __future__ import annotations

TEXT = "made-up-secret"  # each holds it


def is_made_up(text: str) -> bool:
    """Whether a text was made up, or holds such a text."""
    return TEXT in text
