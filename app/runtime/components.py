"""The parts of a process as /health shows them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


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
