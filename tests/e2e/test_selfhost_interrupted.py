"""An update that was killed at any of its resources, on a real Docker engine: the next one heals what it left."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from infra.errors import StrangersError
from infra.plan import Declared
from infra.selfhost.command import main
from infra.selfhost.healing import heal_by
from infra.selfhost.state import State, parsed
from tests.support.docker import DockerEngine, free_port
from tests.support.interrupted import CONTAINER, NETWORK, STACK, VOLUME, InterruptedStack, deleted_first
from tests.support.stacks import selfhost_plan

pytestmark = pytest.mark.timeout(900)
PORTS = {name: free_port() for name in ("http", "prometheus", "alertmanager", "alerts")}
PLAN = selfhost_plan(ports=PORTS)
DATA = [one for one in PLAN.resources if one.type == VOLUME and "name" in one.inputs]
RESOURCES = sorted(  # the plan's order differs from one run to the next
    (one for one in PLAN.resources if one.type in (CONTAINER, NETWORK, VOLUME) and one not in DATA),
    key=lambda one: (one.type, one.name),
)


def named(type_: str, name: str) -> Declared:
    """Return a resource of the plan."""
    return PLAN.of_type(type_)[name]


@pytest.fixture(scope="module")
def stack(engine: DockerEngine) -> Iterator[InterruptedStack]:
    """A stack that is up, and known to its state as a whole."""
    stack = InterruptedStack(engine, PLAN, engine.base())
    try:
        stack.up()
        yield stack
    finally:
        stack.down()


class Told:
    """What was told the operator."""

    def __init__(self) -> None:
        self.warned: list[str] = []
        self.informed: list[str] = []


def heal(stack: InterruptedStack, *, preview: bool) -> Told:
    """Do what the program does before any resource is touched."""
    told = Told()
    state = parsed(stack.export(), STACK)
    heal_by(state, STACK, stack.hosts, preview=preview, warn=told.warned.append, inform=told.informed.append)
    return told


@pytest.fixture
def beside(stack: InterruptedStack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the file of the stack, in which commands are run."""
    hosts = {role: {"docker": stack.hosts.data.docker} for role in ("data", "app", "monitoring", "edge")}
    config = {"claude-memory:target": "selfhost", "claude-memory:hosts": hosts}
    (tmp_path / "Pulumi.yaml").write_text("name: claude-memory\n")
    (tmp_path / f"Pulumi.{STACK}.yaml").write_text(yaml.safe_dump({"config": config}))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_nothing_is_said_of_a_stack_that_no_one_interrupted(stack: InterruptedStack) -> None:
    told = heal(stack, preview=False)

    assert (told.warned, told.informed) == ([], [])


@pytest.mark.parametrize("resource", RESOURCES, ids=lambda one: f"{one.type.rpartition(':')[2]}-{one.name}")
def test_what_a_kill_left_is_named_by_the_preview_and_removed_by_the_next_update(
    stack: InterruptedStack, resource: Declared
) -> None:
    left = stack.killed_at(resource)
    others = stack.there() - {left}

    [warning] = heal(stack, preview=True).warned
    assert f" {resource.name}-" in warning
    assert left in stack.there()

    told = heal(stack, preview=False)
    assert len(told.informed) == 1
    assert stack.there() == others
    if resource.key not in stack.known:
        assert resource.type != CONTAINER or deleted_first(resource)
        stack.make(resource)  # so its ports are free, and its data is there
    assert heal(stack, preview=True).warned == []


@pytest.mark.parametrize("name", ["memory-alerts", "memory-app-1", "memory-postgres-files", "memory-data-node"])
def test_a_kill_before_the_container_was_on_its_network_heals_as_well(stack: InterruptedStack, name: str) -> None:
    resource = named(CONTAINER, name)
    left = stack.killed_at(resource, started=False)

    heal(stack, preview=False)

    assert left not in stack.there()
    if resource.key not in stack.known:
        stack.make(resource)


def test_without_healing_the_port_of_the_receiver_stays_taken(stack: InterruptedStack) -> None:
    receiver = named(CONTAINER, "memory-alerts")
    stack.killed_at(receiver)
    with pytest.raises(AssertionError, match="port is already allocated"):
        stack.make(receiver)

    heal(stack, preview=False)
    stack.make(receiver)


def test_what_is_left_is_still_told_when_the_pending_operations_were_cleared(stack: InterruptedStack) -> None:
    left = stack.killed_at(named(CONTAINER, "memory-app-1"))
    stack.begun.clear()

    heal(stack, preview=False)

    assert left not in stack.there()


def test_without_a_state_a_service_that_runs_twice_is_named_and_left_alone(stack: InterruptedStack) -> None:
    left = stack.killed_at(named(CONTAINER, "memory-app-2"))
    warned: list[str] = []

    heal_by(None, STACK, stack.hosts, preview=False, warn=warned.append, inform=warned.append)

    [warning] = warned
    assert warning.startswith("memory-app-2 runs 2 times: ")
    assert stack.runs(left)
    heal(stack, preview=False)


def test_a_container_that_is_gone_is_named(stack: InterruptedStack) -> None:
    exporter = named(CONTAINER, "memory-data-node")
    stack.remove(stack.known[exporter.key]["id"])

    [warning] = heal(stack, preview=False).warned
    assert "Docker no longer has what the state knows: memory-data-node; run `pulumi refresh`" in warning
    stack.make(exporter)


def test_a_destroy_that_failed_for_what_was_in_use_goes_on_after_the_command(
    stack: InterruptedStack, engine: DockerEngine, beside: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replica = named(CONTAINER, "memory-app-1")
    left = stack.killed_at(replica)
    volume = stack.known[VOLUME, "memory-app-1-files"]["id"]
    for one in (stack.known.pop(replica.key)["id"], stack.known.pop((CONTAINER, "memory-app-1-files"))["id"]):
        stack.remove(one)  # `destroy` has come this far
    with pytest.raises(AssertionError, match="in use"):
        engine.run("volume", "rm", volume)

    monkeypatch.setattr("sys.stdin", io.StringIO(stack.export()))
    assert main(["orphans", "--stack", STACK, "--state", "-", "--remove"]) == 0

    assert left not in stack.there()
    engine.run("volume", "rm", volume)
    for key in ((VOLUME, "memory-app-1-files"), (CONTAINER, "memory-app-1-files"), replica.key):
        stack.make(named(*key))


def test_the_command_shows_what_is_left_and_removes_it_when_told_to(
    stack: InterruptedStack, beside: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    left = stack.killed_at(named(CONTAINER, "memory-app-1"))
    (beside / "state.json").write_text(stack.export())
    command = ["orphans", "--stack", STACK, "--state", "state.json", "--json"]

    assert main(command) == 1
    [shown] = json.loads(capsys.readouterr().out)
    assert shown["name"].startswith("memory-app-1-")
    assert (shown["state"], shown["left"], shown["removed"]) == ("running", True, False)
    assert len(shown["generation"]) == 12
    assert stack.runs(left)

    assert main([*command, "--remove"]) == 0
    assert left not in stack.there()
    capsys.readouterr()
    assert main([*command, "--remove"]) == 0
    assert json.loads(capsys.readouterr().out) == []


def test_a_stack_that_another_state_made_is_refused_and_removed_only_when_it_is_said_so(
    stack: InterruptedStack, beside: Path
) -> None:
    (beside / "state.json").write_text(json.dumps({"version": 3, "deployment": {"resources": []}}))
    command = ["orphans", "--stack", STACK, "--state", "state.json", "--remove"]
    before, data = stack.there(), {one.inputs["name"] for one in DATA}

    with pytest.raises(StrangersError, match="memory-postgres-"):
        heal_by(State(), STACK, stack.hosts, preview=False, warn=print, inform=print)
    assert main(command) == 1
    assert stack.there() == before

    assert main([*command, "--unknown"]) == 0
    left = stack.there() & before
    assert data <= left
    assert not {one["id"] for (type_, _), one in stack.known.items() if type_ == CONTAINER} & left
