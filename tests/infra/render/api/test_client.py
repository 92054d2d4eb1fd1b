"""The client as a whole: its subjects share one key and one budget of calls."""

from __future__ import annotations

import pytest

from infra.render.api import errors
from infra.render.api.access import Access
from infra.render.api.client import RenderApi
from tests.standins.render.faults import Fault
from tests.standins.render.server import Server
from tests.support.render import FakeTime


def test_it_shows_its_address_and_not_its_key(api: RenderApi, render: Server) -> None:
    assert repr(api) == f"RenderApi({render.url})"


def test_every_subject_calls_with_the_key(access: Access, render: Server, fake_time: FakeTime) -> None:
    api = RenderApi(access, clock=fake_time.clock)
    for subject in (api.services, api.postgres, api.key_value, api.env_groups, api.projects, api.owners, api.webhooks):
        list(subject.all())

    assert {one.status for one in render.requests} == {200}


def test_a_wait_for_a_limit_is_reported_before_it_begins(access: Access, render: Server, fake_time: FakeTime) -> None:
    waits: list[float] = []
    api = RenderApi(access, clock=fake_time.clock, on_wait=lambda wait_s, reason: waits.append(wait_s))
    render.faults.add(Fault("throttle", method="GET", headers={"Retry-After": "5"}))

    list(api.owners.all())

    assert waits
    assert waits[0] >= 5


def test_a_wait_that_is_longer_than_its_patience_is_an_error(
    access: Access, render: Server, fake_time: FakeTime
) -> None:
    api = RenderApi(access, clock=fake_time.clock, patience_s=3)
    render.faults.add(Fault("throttle", method="GET", headers={"Retry-After": "50"}))

    with pytest.raises(errors.RateLimited, match="try again in"):
        list(api.owners.all())
