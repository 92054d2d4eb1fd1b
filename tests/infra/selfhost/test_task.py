"""A container that runs once: its order, what makes it run again, and how its failure shows."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from functools import cache
from typing import Any

import pytest

from infra.errors import TaskFailed
from infra.plan import Plan, declared
from infra.selfhost.config import Hosts
from infra.selfhost.hosts import Engines
from infra.selfhost.task import Task, TaskArgs
from tests.support.components import CONTAINER, built, container, environment


@cache
def plan(image: str = "sha256:image", content: str = "made-up", reason: str = "") -> Plan:
    def declare(here: Any, there: Any) -> None:
        args = TaskArgs(
            engine=here,
            image_id=image,
            user="1:1",
            command=["init"],
            environment={"A": "1"},
            files={"key": content},
            reason=reason,
        )
        Task("init", args)

    return built(declare)


def run_with(status: int, logs: str) -> Plan:
    """Declare a task that ends with this status, and something that depends on it."""

    def program() -> None:
        engine = Engines("test", Hosts())["app"]
        first = Task("first", TaskArgs(engine=engine, image_id="i", user="1:1", command=["init"]))
        done = first.done.apply(str)
        Task("second", TaskArgs(engine=engine, image_id="i", user="1:1", command=["go"], environment={"DONE": done}))

    def ended(type_: str, name: str, inputs: Mapping[str, Any]) -> dict[str, Any]:
        return {"exitCode": status, "containerLogs": logs} if name == "first" else {"exitCode": 0, "containerLogs": ""}

    return declared("test", program, ended)


def test_it_runs_to_its_end_and_is_not_started_again() -> None:
    inputs = container(plan(), "init")

    assert (inputs["mustRun"], inputs["attach"], inputs["logs"], inputs["restart"]) == (False, True, True, "no")


def test_it_is_hardened_like_a_service() -> None:
    inputs = container(plan(), "init")

    assert inputs["readOnly"] is True
    assert inputs["capabilities"] == {"drops": ["ALL"]}
    assert inputs["memory"] == inputs["memorySwap"] == 256


def test_it_gets_its_command_environment_and_files() -> None:
    inputs = container(plan(), "init")

    assert inputs["command"] == ["init"]
    assert environment(inputs) == {"A": "1"}
    assert [(mount["target"], mount["readOnly"]) for mount in inputs["mounts"]] == [("/run/files", True)]
    assert "ports" not in inputs


def test_a_health_check_of_its_image_does_not_apply() -> None:
    assert container(plan(), "init")["healthcheck"]["tests"] == ["NONE"]


@pytest.mark.parametrize("changed", [{"image": "sha256:other"}, {"content": "changed"}, {"reason": "new"}])
def test_another_image_file_or_reason_makes_it_run_again(changed: dict[str, str]) -> None:
    before, after = container(plan(), "init"), container(plan(**changed), "init")

    assert (before["image"], before["labels"]) != (after["image"], after["labels"])


def test_what_depends_on_it_gets_its_status() -> None:
    assert environment(container(run_with(0, "all is well"), "second")) == {"DONE": "0"}


def test_its_failure_ends_the_update_with_its_last_log_lines_and_nothing_that_depends_on_it_starts() -> None:
    logs = "\n".join(f"line {number}" for number in range(1, 31))

    with pytest.raises(TaskFailed) as failed:
        run_with(1, logs)

    assert "first ended with status 1" in str(failed.value)
    assert "line 30" in str(failed.value)
    assert "line 11\n" in str(failed.value)
    assert "line 10\n" not in str(failed.value)


def test_its_failure_waits_for_what_is_just_being_made_so_that_its_log_is_shown_as_well() -> None:
    over: list[str] = []

    def program() -> None:
        engine = Engines("test", Hosts())["app"]
        engine.underway.begin("memory-alerts")
        loop = asyncio.get_event_loop()
        loop.call_later(0.2, over.append, "log")
        loop.call_later(0.3, engine.underway.end, "memory-alerts")
        Task("first", TaskArgs(engine=engine, image_id="i", user="1:1", command=["init"]))

    with pytest.raises(TaskFailed):
        declared("test", program, lambda type_, name, inputs: {"exitCode": 1, "containerLogs": ""})
    assert over == ["log"]


def test_a_task_that_failed_runs_again_though_nothing_of_it_changed() -> None:
    def labels(again: dict[str, str]) -> Any:
        def program() -> None:
            engine = Engines("test", Hosts(), again)["app"]
            Task("init", TaskArgs(engine=engine, image_id="i", user="1:1", command=["init"], reason="why"))

        made = declared("test", program, lambda type_, name, inputs: {"exitCode": 0, "containerLogs": ""})
        return {one["label"]: one["value"] for one in container(made, "init")["labels"]}

    assert labels({})["claude-memory.reason"] == "why"
    assert labels({"init": " after 1f2e"})["claude-memory.reason"] == "why after 1f2e"


def test_without_files_it_has_no_holder() -> None:
    assert set(run_with(0, "").of_type(CONTAINER)) == {"first", "second"}
