"""Defines the components of a process and their states, as /health shows them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Self


class Status(StrEnum):
    """State of one component, or of the process as a whole."""

    STARTING = "starting"
    OK = "ok"
    DEGRADED = "degraded"


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """One component as /health shows it; `detail` is one line, without secrets."""

    name: str
    status: Status
    detail: str | None = None

    @classmethod
    def of(cls, name: str, problem: str | None) -> Self:
        """Return a component that works (problem None), or is degraded by a problem."""
        return cls(name=name, status=Status.DEGRADED if problem else Status.OK, detail=problem)
