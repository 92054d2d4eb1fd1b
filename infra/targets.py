"""Which targets there are, and the program of each."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from importlib import import_module

import pulumi

from infra.config import stack_values
from infra.errors import ConfigError


class Target(StrEnum):
    """Where a stack runs."""

    SELFHOST = "selfhost"  # your own hosts with Docker engines


def run() -> None:
    """Run the program of the stack's `target`. Raises ConfigError when there is none of that name."""
    values = stack_values()
    name = values.plain("target")
    try:
        target = Target(name or "")
    except ValueError:
        raise ConfigError(
            pulumi.get_stack(), [f"target: got {name or 'nothing'}, takes one of {', '.join(Target)}"]
        ) from None
    program: Callable[..., None] = import_module(f"infra.{target}.program").run
    program(values)
