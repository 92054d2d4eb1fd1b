"""`promote` and `rebuild-standby`: what is done in which order, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.infra.selfhost.conftest import STACK, Ran
from tests.support.engine_answers import AnsweringHost, container

Command = Callable[..., Ran]
ONE, TWO = ({"docker": f"ssh://me@10.0.0.{n}", "address": f"10.0.0.{n}"} for n in (2, 3))
HOSTS = {"data": ONE, "app": ONE, "monitoring": TWO, "edge": TWO, "standby": TWO}
RECEIVED = "> '0/3000028'::pg_lsn"
CONTROL = "Database cluster state:               shut down\nLatest checkpoint location:           0/3000028\n"
LOST = "update instance set database_id"


@dataclass(frozen=True, kw_only=True)
class ServerHost(AnsweringHost):
    """A host with a server, which can be promoted and stopped; order: what was done on all hosts."""

    order: list[str]

    def run(self, *arguments: str, timeout_s: float = 0) -> str:
        """Answer, and change what the next answers are."""
        line = " ".join(arguments)
        if not self.away:
            for words in ("stop", "fenced", "start", "pg_promote", LOST, "pg_drop_replication_slot"):
                if words in line:
                    self.order.append(f"{self.name}: {words}")
            if "pg_promote" in line:
                self.said["pg_is_in_recovery"] = "f"
            if arguments[0] == "stop":
                self.said.pop("pg_is_in_recovery", None)
        return super().run(*arguments, timeout_s=timeout_s)


def server(role: str, service: str, in_recovery: str, order: list[str], away: bool = False) -> ServerHost:
    said = {
        "pg_controldata": CONTROL,
        RECEIVED: "t",
        "pg_last_wal_replay_lsn": "t",
        "pg_promote": "t",
        LOST: "",
        "pg_drop_replication_slot": "",
        "pg_is_in_recovery": in_recovery,
        "stop": "",
        "run --rm": "",
        "start": "",
    }
    return ServerHost(
        docker=f"tcp://{role}:1",
        roles=(role,),
        name=role,
        containers=[container(service)],
        said=said,
        order=order,
        away=away,
    )


@pytest.fixture
def order() -> list[str]:
    return []


def pair(order: list[str], away: bool = False) -> list[ServerHost]:
    return [server("data", "postgres", "f", order, away), server("standby", "postgres-standby", "t", order)]


@pytest.fixture(autouse=True)
def with_standby(project: Path) -> None:
    """Give the stack a standby."""
    file = project / "Pulumi.selfhost.yaml"
    file.write_text(f"{STACK}  claude-memory:hosts: {json.dumps(HOSTS)}\n", encoding="utf-8")


def test_the_old_primary_is_stopped_and_marked_before_the_standby_is_promoted(
    command: Command, order: list[str]
) -> None:
    ran = command("promote", hosts=pair(order))

    assert ran.status == 0
    assert order == ["data: stop", "data: fenced", "standby: pg_promote", "data: start"]
    assert "memory-postgres-standby on tcp://standby:1 is the primary" in ran.err


def test_a_primary_that_may_go_on_writing_is_not_replaced_by_mistake(command: Command, order: list[str]) -> None:
    ran = command("promote", hosts=pair(order, away=True))

    assert ran.status == 1
    assert order == []
    assert "tcp://data:1 does not answer" in ran.err
    assert "--lost" in ran.err


def test_after_a_lost_host_no_index_is_used_that_knows_of_lost_writes(command: Command, order: list[str]) -> None:
    ran = command("promote", "--lost", hosts=pair(order, away=True))

    assert ran.status == 0
    assert order == ["standby: pg_promote", f"standby: {LOST}"]


def test_without_a_standby_that_runs_nothing_is_done(command: Command, order: list[str]) -> None:
    hosts = pair(order)
    hosts[1].said["pg_is_in_recovery"] = "f"

    ran = command("promote", hosts=hosts)

    assert (ran.status, order) == (1, [])
    assert "no standby runs that could be promoted" in ran.err


def test_a_promotion_that_was_interrupted_can_be_run_again(command: Command, order: list[str]) -> None:
    hosts = pair(order)
    hosts[0].said.pop("pg_is_in_recovery")  # it was stopped, and the command then killed

    assert command("promote", hosts=hosts).status == 0
    assert order[-2:] == ["standby: pg_promote", "data: start"]


def test_a_standby_copies_anew_once_it_is_stopped_and_its_slot_is_gone(command: Command, order: list[str]) -> None:
    ran = command("rebuild-standby", hosts=pair(order))

    assert ran.status == 0
    assert order == ["standby: stop", "standby: fenced", "data: pg_drop_replication_slot", "standby: start"]


def test_a_stack_without_a_standby_is_told_how_to_have_one(command: Command, order: list[str], project: Path) -> None:
    (project / "Pulumi.selfhost.yaml").write_text(STACK, encoding="utf-8")

    ran = command("promote", hosts=pair(order))

    assert ran.status == 1
    assert "has no standby; give it one with `hosts: {standby: …}`" in ran.err


@pytest.mark.parametrize(
    ("control", "received"),
    [
        pytest.param(CONTROL, "f", id="the standby lacks the end of the log"),
        pytest.param(CONTROL.replace("shut down", "in production"), "t", id="the primary crashed"),
        pytest.param("", "t", id="its data cannot be read"),
    ],
)
def test_a_standby_that_may_lack_writes_is_promoted_only_when_they_are_given_up(
    command: Command, order: list[str], control: str, received: str
) -> None:
    hosts = pair(order)
    hosts[0].said["pg_controldata"], hosts[1].said[RECEIVED] = control, received

    refused = command("promote", hosts=hosts)
    assert (refused.status, order) == (1, ["data: stop", "data: start"]), "the old primary goes on"
    assert "may lack writes that memory-postgres has" in refused.err

    order.clear()
    assert command("promote", "--lost", hosts=hosts).status == 0
    assert order == ["data: stop", "data: fenced", "standby: pg_promote", f"standby: {LOST}", "data: start"]
