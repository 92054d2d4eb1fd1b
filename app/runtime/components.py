"""The parts of a process as /health shows them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Self


class Status(StrEnum):
    """State of the whole or of one component."""

    STARTING = "starting"
    OK = "ok"
    DEGRADED = "degraded"


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """One part of the system as /health shows it; `detail` is one line, without secrets."""

    name: str
    status: Status
    detail: str | None = None

    @classmethod
    def of(cls, name: str, problem: str | None) -> Self:
        """Return a part that works, or is degraded by a problem."""
        return cls(name=name, status=Status.DEGRADED if problem else Status.OK, detail=problem)
