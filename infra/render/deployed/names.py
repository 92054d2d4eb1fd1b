"""How a stack names what it makes on Render, so that program, Blueprint and driver find the same services.

The stack `render` is claude-memory-web and so on; the stack `render-dev` is claude-memory-dev-web; a stack of any other
name, such as `staging`, is claude-memory-staging-web. A Blueprint has the names of the stack it was written from.
"""

from __future__ import annotations

from enum import StrEnum

PROJECT = "claude-memory"
DEFAULT_STACK = "render"


class Role(StrEnum):
    """What a service of a stack is for; its name ends so."""

    WEB = "web"
    WORKER = "worker"
    MAINTENANCE = "maintenance"  # a cron job
    BACKUP = "backup"  # a cron job
    ALERTS = "alerts"
    QDRANT = "qdrant"
    PROMETHEUS = "prometheus"
    ALERTMANAGER = "alertmanager"


class Store(StrEnum):
    """A managed store of a stack."""

    POSTGRES = "postgres"


# The services that run the app, and so read its settings.
RUNS_THE_APP = frozenset({Role.WEB, Role.WORKER, Role.MAINTENANCE, Role.BACKUP, Role.ALERTS})


def prefix(stack: str) -> str:
    """Return how the names of a stack begin. A stack's name may have its organisation and project before it."""
    own = stack.rpartition("/")[2].removeprefix(DEFAULT_STACK).strip("-")
    return f"{PROJECT}-{own}" if own else PROJECT


def name_of(stack: str, part: Role | Store) -> str:
    """Return the name of a service or store of a stack."""
    return f"{prefix(stack)}-{part}"


def role_of(stack: str, name: str) -> Role | None:
    """Return the role of a service by its name, None if it is not of this stack."""
    return next((role for role in Role if name == name_of(stack, role)), None)
