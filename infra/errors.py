"""Errors of the programs. Pulumi prints each as one message, without a traceback."""

from __future__ import annotations

from collections.abc import Sequence

from pulumi import RunError

from app.counted import counted


class InfraError(RunError):
    """Base of all of them."""


class ConfigError(InfraError):
    """The stack's configuration is wrong; the message lists every problem."""

    def __init__(self, stack: str, problems: Sequence[str]) -> None:
        count = counted(len(problems), "problem")
        listed = "".join(f"\n  - {problem}" for problem in problems)
        super().__init__(f"{count} in the configuration of stack {stack}; nothing was changed:{listed}")
        self.problems = tuple(problems)


class EnginesError(InfraError):
    """Docker engines cannot be used; the message lists all of them."""

    def __init__(self, problems: Sequence[str]) -> None:
        count = counted(len(problems), "Docker engine")
        listed = "".join(f"\n  - {problem}" for problem in problems)
        super().__init__(f"{count} of the stack cannot be used; nothing was changed:{listed}")
        self.problems = tuple(problems)


class RulesError(InfraError):
    """A service would refuse a configuration file that a program generates for it."""

    def __init__(self, file: str, problems: Sequence[str]) -> None:
        listed = "".join(f"\n  - {problem}" for problem in problems)
        super().__init__(f"{file} would be refused; nothing was changed:{listed}")


class TaskFailed(InfraError):
    """A container that runs once, before others, failed."""

    def __init__(self, name: str, status: int, output: str) -> None:
        super().__init__(f"{name} ended with status {status}; its last log lines:\n{output}")
