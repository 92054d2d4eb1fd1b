"""Errors that Pulumi prints as one message: what, how many, and what was left alone."""

from __future__ import annotations

import pytest
from pulumi import RunError

from infra.errors import ConfigError, EnginesError, InfraError, NotLimited, RulesError, TaskFailed

ERRORS = [
    ConfigError("production", ["replicas: got 0"]),
    EnginesError(["ssh://me@host (app): no answer"]),
    RulesError("the configuration of Prometheus", ["there is no metric tide"]),
    TaskFailed("memory-app-init", 1, "no such database"),
    NotLimited("memory-app-1", 512, "no such container"),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_pulumi_prints_each_without_a_traceback(error: InfraError) -> None:
    assert isinstance(error, InfraError)
    assert isinstance(error, RunError)


@pytest.mark.parametrize("error", ERRORS[:3], ids=lambda error: type(error).__name__)
def test_what_is_found_before_any_resource_is_touched_says_that_nothing_was_changed(error: InfraError) -> None:
    assert "nothing was changed" in str(error)


def test_problems_are_counted_and_listed() -> None:
    one, two = ConfigError("production", ["a: wrong"]), ConfigError("production", ["a: wrong", "b: missing"])

    assert str(one).startswith("1 problem in the configuration of stack production;")
    assert str(two).splitlines()[0].startswith("2 problems in")
    assert str(two).splitlines()[1:] == ["  - a: wrong", "  - b: missing"]
    assert two.problems == ("a: wrong", "b: missing")
    assert str(EnginesError(["x", "y"])).startswith("2 Docker engines of the stack cannot be used;")


def test_a_failed_task_is_named_with_its_status_and_its_last_lines() -> None:
    assert str(ERRORS[3]) == "memory-app-init ended with status 1; its last log lines:\nno such database"
