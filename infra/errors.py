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


class PackagesMissing(InfraError):
    """The packages of a target are not installed."""

    def __init__(self, target: str, module: str, lock: str) -> None:
        super().__init__(
            f"the target {target} needs the module {module}, which is not installed; run"
            f" `.venv/bin/pip install --require-hashes --no-deps -r requirements/{lock}` in the repository"
        )


class EnginesError(InfraError):
    """Docker engines cannot be used; the message lists all of them."""

    def __init__(self, problems: Sequence[str]) -> None:
        count = counted(len(problems), "Docker engine")
        listed = "".join(f"\n  - {problem}" for problem in problems)
        super().__init__(f"{count} of the stack cannot be used; nothing was changed:{listed}")
        self.problems = tuple(problems)


class StrangersError(InfraError):
    """Containers of the stack run that its state did not make: another state did, or this one was lost."""

    def __init__(self, stack: str, containers: Sequence[str]) -> None:
        count = counted(len(containers), "container")
        listed = "".join(f"\n  - {container}" for container in containers)
        super().__init__(
            f"{count} of stack {stack} run that its state did not make; nothing was changed:{listed}\n"
            "Use the state that made them. If it is lost, see docs/selfhost.md, Interrupted updates"
        )


class NotHealed(InfraError):
    """What an interrupted update left cannot be looked for or removed."""

    def __init__(self, why: str) -> None:
        super().__init__(f"what an interrupted update left cannot be removed; no resource was changed: {why}")


class RulesError(InfraError):
    """A service would refuse a configuration file that a program generates for it."""

    def __init__(self, file: str, problems: Sequence[str]) -> None:
        listed = "".join(f"\n  - {problem}" for problem in problems)
        super().__init__(f"{file} would be refused; nothing was changed:{listed}")


class TaskFailed(InfraError):
    """A container that runs once, before others, failed."""

    def __init__(self, name: str, status: int, output: str) -> None:
        super().__init__(f"{name} ended with status {status}; its last log lines:\n{output}")


class NotLimited(InfraError):
    """Docker did not limit the processes of a container, which runs without a limit."""

    def __init__(self, service: str, processes: int, said: str) -> None:
        super().__init__(
            f"{service} was not limited to {processes} processes: {said};"
            f" it runs without a limit until `docker update --pids-limit {processes}` with its container"
        )
