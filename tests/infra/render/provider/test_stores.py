"""What stores need beyond the life of every type: waiting, suspension, disks that grow, replicas."""

from __future__ import annotations

from typing import Any

import pytest

from infra.render.api.client import RenderApi
from tests.standins.render.server import Server
from tests.support.pulumi_engine import Engine, StepFailed
from tests.support.render import FakeTime

POSTGRES = {"name": "db", "plan": "basic_256mb", "version": "17"}


def postgres(**more: Any) -> dict[str, tuple[str, dict[str, Any]]]:
    """Return a program with one PostgreSQL."""
    return {"db": ("render:index:Postgres", {**POSTGRES, **more})}


def only(render: Server) -> dict[str, Any]:
    """Return the one store there is."""
    [store] = render.state.stores.values()
    found: dict[str, Any] = store["shown"]
    return found


def test_a_store_is_usable_when_it_is_made(stack: Engine, render: Server) -> None:
    stack.up(postgres())

    assert only(render)["status"] == "available"
    assert stack.log.status == ["is being prepared", "is being created", "is being created"]
    values = stack.resources["db"].values
    assert values["internalConnectionString"].endswith(values["databaseName"])


def test_a_store_that_does_not_become_usable_is_kept_and_waited_for_again(
    stack: Engine, render: Server, fake_time: FakeTime
) -> None:
    render.state.stage_s = 1_000

    with pytest.raises(StepFailed, match=r"is not available after 900 s: it is being created; run pulumi up"):
        stack.up(postgres())
    assert stack.resources["db"].id == only(render)["id"]
    fake_time.sleep(2_000)
    stack.up(postgres())

    assert stack.steps == [("update", "db")]
    assert "password" in stack.resources["db"].values


def test_a_suspended_store_is_changed_without_waiting_for_it(stack: Engine, render: Server, api: RenderApi) -> None:
    stack.up(postgres())
    api.postgres.suspend(only(render)["id"])

    stack.up(postgres(name="renamed"))

    assert only(render)["name"] == "renamed"


def test_a_disk_that_render_let_grow_is_no_difference(stack: Engine, render: Server) -> None:
    stack.up(postgres(diskSizeGB=20, enableDiskAutoscaling=True))
    only(render)["diskSizeGB"] = 40

    stack.refresh()

    assert stack.steps == [("same", "db")]


def test_replicas_that_a_program_never_named_stay(stack: Engine, render: Server, api: RenderApi) -> None:
    stack.up(postgres())
    api.postgres.update(only(render)["id"], {"readReplicas": [{"name": "by-hand"}]})

    stack.refresh()
    assert stack.steps == [("same", "db")]
    stack.up(postgres(plan="pro_4gb"))

    assert [one["name"] for one in only(render)["readReplicas"]] == ["by-hand"]


def test_removing_a_replica_is_said_before(stack: Engine) -> None:
    stack.up(postgres(readReplicas=[{"name": "replica"}]))

    stack.preview(postgres(readReplicas=[]))

    assert ("WARNING", "The read replicas replica are destroyed.") in stack.log.lines


def test_naming_the_database_for_the_first_time_makes_no_new_one(stack: Engine, render: Server) -> None:
    stack.up(postgres())

    stack.preview(postgres(databaseName="db", region="oregon"))

    assert stack.steps == [("same", "db")]


def test_a_replacement_makes_the_new_store_before_the_old_one_goes(stack: Engine, render: Server) -> None:
    stack.up(postgres())
    old = only(render)["id"]
    render.requests.clear()

    stack.up(postgres(version="18"))

    changes = [(one.method, one.path) for one in render.changes()]
    assert changes == [("POST", "/postgres"), ("DELETE", f"/postgres/{old}")]
    assert only(render)["version"] == "18"
