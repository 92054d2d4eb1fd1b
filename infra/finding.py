"""What a check found."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """ok; warning, worth a look; failed, it does not work so; skipped, it could not be checked."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Finding:
    """remedy: what to do; empty where there is nothing to do."""

    state: State
    what: str
    found: str
    remedy: str = ""


def ok(what: str, found: str) -> Finding:
    """Return a finding that asks for nothing."""
    return Finding(State.OK, what, found)


def warning(what: str, found: str, remedy: str = "") -> Finding:
    """Return a finding that is worth a look."""
    return Finding(State.WARNING, what, found, remedy)


def failed(what: str, found: str, remedy: str = "") -> Finding:
    """Return a finding that has to be dealt with."""
    return Finding(State.FAILED, what, found, remedy)


def skipped(what: str, why: str, remedy: str = "") -> Finding:
    """Return what could not be checked."""
    return Finding(State.SKIPPED, what, why, remedy)
