"""Which targets there are, and the program of each."""

from __future__ import annotations

import sys
from collections.abc import Callable
from enum import StrEnum
from importlib import import_module
from types import TracebackType

import pulumi

from infra.config import stack_values
from infra.errors import ConfigError


class Target(StrEnum):
    """Where a stack runs."""

    SELFHOST = "selfhost"  # your own hosts with Docker engines


def run() -> None:
    """Run the program of the stack's `target`. Raises ConfigError when there is none of that name."""
    sys.excepthook = _show
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


def _show(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Show what nobody caught, but not the interrupt by which the engine ends a program after a resource failed.

    Its traceback would stand below the one error that matters.
    """
    if kind is not KeyboardInterrupt:
        sys.__excepthook__(kind, error, trace)
