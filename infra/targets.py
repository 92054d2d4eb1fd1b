"""The targets, and the modules that each has in its folder.

`program`: `check(values)` returns the checked configuration or raises, `declare(stack)` declares every resource, and
`run(values)` does both, with whatever has to be asked from the outside in between.
`mock_outputs`: `mock_outputs(type, name, inputs)` returns what a provider would add to a resource.
tests/infra/test_targets.py lists what else a new target needs.
"""

from __future__ import annotations

import sys
from enum import StrEnum
from importlib import import_module
from types import TracebackType
from typing import Any, Literal

from infra.config import TARGET, StackValues, stack_values
from infra.errors import ConfigError, PackagesMissing


class Target(StrEnum):
    """Where a stack runs."""

    SELFHOST = "selfhost"  # your own hosts with Docker engines
    RENDER = "render"  # Render's services and stores
    ALIYUN = "aliyun"  # a function on Alibaba Cloud


# The packages that each needs, in requirements/. `pulumi install` brings those of selfhost.
LOCKS = {Target.SELFHOST: "selfhost.txt", Target.RENDER: "infra.txt", Target.ALIYUN: "aliyun.txt"}


def run() -> None:
    """Run the program of the stack's target. Raises ConfigError when there is no such target."""
    sys.excepthook, sys.unraisablehook = _show, _show_ignored
    values = stack_values()
    module(target_of(values), "program").run(values)


def target_of(values: StackValues) -> Target:
    """Return the target that a stack names. Raises ConfigError when there is no such target."""
    name = values.plain(TARGET)
    try:
        return Target(name or "")
    except ValueError:
        problem = f"{TARGET}: got {name or 'nothing'}, takes one of {', '.join(Target)}"
        raise ConfigError(values.stack, [problem]) from None


def module(target: Target, name: Literal["program", "mock_outputs"]) -> Any:
    """Return a module of a target's folder; imported only now, since each needs its own provider.

    Raises PackagesMissing when that is not installed.
    """
    try:
        return import_module(f"infra.{target}.{name}")
    except ModuleNotFoundError as error:
        if (error.name or "").startswith(("app", "infra")):
            raise
        raise PackagesMissing(target, str(error.name), LOCKS[target]) from None


def _show(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Print an uncaught error, except the interrupt with which the engine ends a program after a resource failed.

    Its traceback would follow the one error that matters.
    """
    if kind is not KeyboardInterrupt:
        sys.__excepthook__(kind, error, trace)


def _show_ignored(ignored: sys.UnraisableHookArgs) -> None:
    """Print an error that nothing could catch, except the same interrupt."""
    if ignored.exc_type is not KeyboardInterrupt:
        sys.__unraisablehook__(ignored)
