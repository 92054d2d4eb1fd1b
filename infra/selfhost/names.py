"""What the names of a stack's resources begin with, and a service's name without it, as people write it."""

from __future__ import annotations

NAME = "memory"


def short(service: str) -> str:
    """Return the name of a service without the beginning that all have: app-1."""
    return service.removeprefix(f"{NAME}-")
