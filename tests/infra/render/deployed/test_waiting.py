"""Waiting for deploys: stages are told once, and each deploy is asked for no longer than it runs."""

from __future__ import annotations

import pytest

from infra.render.api.client import RenderApi
from infra.render.deployed.choosing import Service
from infra.render.deployed.waiting import Watched, wait
from tests.infra.render.api import bodies
from tests.standins.render.server import Server
from tests.support.render import FakeTime

Told = list[tuple[str, str, float]]


@pytest.fixture
def started(api: RenderApi, render: Server) -> list[Watched]:
    """The first deploys of two services, which take a minute for each stage."""
    render.state.stage_s = 60
    made = [api.services.create(bodies.service(name)) for name in ("web", "worker")]
    return [Watched(Service(one.service, None), api.deploys.get(one.service["id"], str(one.deploy_id))) for one in made]


def waited(api: RenderApi, started: list[Watched], limit_s: float = 1_000) -> tuple[list[Watched], Told]:
    told: Told = []
    ended = wait(api, started, lambda service, says, after_s: told.append((service.name, says, after_s)), limit_s)
    return ended, told


def test_every_stage_is_told_once(api: RenderApi, started: list[Watched]) -> None:
    ended, told = waited(api, started)

    assert [one.is_live for one in ended] == [True, True]
    assert [(name, says) for name, says, _ in told] == [
        ("web", "starts the new instances"),
        ("worker", "starts the new instances"),
        ("web", "is live"),
        ("worker", "is live"),
    ]
    assert told[0][2] == 0
    assert 60 <= told[-1][2] < 70


def test_one_that_fails_ends_its_own_wait_alone(api: RenderApi, started: list[Watched], render: Server) -> None:
    render.state.services[started[0].service.id].outcomes.append("update_failed")

    ended, told = waited(api, started)
    assert [(one.is_over, one.is_live) for one in ended] == [(True, False), (True, True)]
    assert ("web", "failed while starting the new instances") in [(name, says) for name, says, _ in told]


def test_the_wait_ends_at_its_limit(api: RenderApi, started: list[Watched], fake_time: FakeTime) -> None:
    began_s = fake_time.now()

    ended, _ = waited(api, started, limit_s=30)
    assert [one.is_over for one in ended] == [False, False]
    assert fake_time.now() - began_s < 40


def test_one_that_a_later_deploy_replaced_was_live(api: RenderApi, started: list[Watched]) -> None:
    assert Watched(started[0].service, started[0].deploy | {"status": "deactivated"}).is_live


def test_looks_stay_far_below_the_limit_of_reads(
    api: RenderApi, started: list[Watched], render: Server, fake_time: FakeTime
) -> None:
    render.state.stage_s, began_s = 600, fake_time.now()
    render.requests.clear()
    waited(api, started, limit_s=2_000)

    assert len(render.requests) / ((fake_time.now() - began_s) / 60) < 30


def test_nothing_to_wait_for_is_no_wait(api: RenderApi, fake_time: FakeTime) -> None:
    assert waited(api, []) == ([], [])
    assert fake_time.slept_s == []
