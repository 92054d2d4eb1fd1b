"""Deploys are found also where Render only says that one is queued."""

from __future__ import annotations

import pytest

from infra.render.api import deploys
from infra.render.api.client import RenderApi
from infra.render.api.errors import Refused, Uncertain
from tests.standins.render.faults import Fault
from tests.standins.render.server import Server
from tests.support.render import FakeTime


def settle(api: RenderApi, service_id: str) -> None:
    """Look until nothing runs."""
    while (api.deploys.latest(service_id) or {})["status"] not in ("live", *deploys.FAILED):
        pass


def test_a_deploy_that_starts_at_once_is_returned(api: RenderApi, service_id: str) -> None:
    settle(api, service_id)

    started = api.deploys.start(service_id)

    assert started["status"] == "update_in_progress"
    assert api.deploys.get(service_id, started["id"])["trigger"] == "api"


def test_a_queued_deploy_is_found_in_the_list(api: RenderApi, render: Server, service_id: str) -> None:
    first = render.state.services[service_id].deploys[0]

    started = api.deploys.start(service_id)

    assert [one.status for one in render.requests if one.path.endswith("/deploys")] == [202, 200]
    assert started["id"] == render.state.services[service_id].deploys[-1]["id"] != first["id"]
    assert started["status"] == "queued"


def test_two_queued_within_a_second_are_told_apart(api: RenderApi, service_id: str) -> None:
    started = [api.deploys.start(service_id)["id"] for _ in range(3)]

    assert len(set(started)) == 3


def test_deploys_of_others_are_not_taken_for_it(
    api: RenderApi, render: Server, service_id: str, fake_time: FakeTime
) -> None:
    service = render.state.services[service_id]
    fake_time.sleep(1)

    started = api.deploys.start(service_id)
    # By a push, in the same second.
    service.deploys.append({**service.deploys[0], "id": "dep-other", "trigger": "new_commit", "status": "queued"})
    again = api.deploys.start(service_id)

    assert "dep-other" not in (started["id"], again["id"])


def test_a_201_with_an_empty_body_is_looked_up_as_well(api: RenderApi, render: Server, service_id: str) -> None:
    settle(api, service_id)
    render.faults.add(Fault("empty", method="POST", status=201))

    assert api.deploys.start(service_id)["id"] == render.state.services[service_id].deploys[-1]["id"]


@pytest.mark.parametrize("skew_s", [-500, 500])
def test_it_is_found_although_the_clocks_differ(
    skew_s: float, api: RenderApi, render: Server, service_id: str, fake_time: FakeTime
) -> None:
    render.state.now = lambda: fake_time.now() + skew_s

    assert api.deploys.start(service_id)["id"] == render.state.services[service_id].deploys[-1]["id"]


@pytest.mark.parametrize("kind", ["drop", "malformed", "truncated"])
def test_a_lost_deploy_is_found_and_not_started_twice(
    kind: str, api: RenderApi, render: Server, service_id: str
) -> None:
    settle(api, service_id)
    render.faults.add(Fault(kind, method="POST", after=True))  # type: ignore[arg-type]

    started = api.deploys.start(service_id)

    assert [one["id"] for one in render.state.services[service_id].deploys[1:]] == [started["id"]]


def test_a_deploy_that_was_not_started_is_uncertain(api: RenderApi, render: Server, service_id: str) -> None:
    render.faults.add(Fault("drop", method="POST"))

    with pytest.raises(Uncertain):
        api.deploys.start(service_id)

    assert len(render.state.services[service_id].deploys) == 1


def test_a_queued_deploy_that_the_list_never_shows_is_uncertain(
    api: RenderApi, render: Server, service_id: str
) -> None:
    settle(api, service_id)
    deploy_id = render.state.services[service_id].deploys[0]["id"]
    call = render.call
    render.call = lambda request: (202, None) if request.method == "POST" else call(request)  # type: ignore[method-assign]

    with pytest.raises(Uncertain, match="queued a deploy, and the list of deploys does not show it"):
        api.deploys.rollback(service_id, deploy_id)


@pytest.mark.parametrize(
    ("arguments", "body"),
    [
        ({}, {}),
        ({"mode": "deploy_only"}, {"deployMode": "deploy_only"}),
        ({"mode": "build_and_deploy"}, {"deployMode": "build_and_deploy"}),
        ({"clear_cache": True, "commit_id": "abc"}, {"clearCache": "clear", "commitId": "abc"}),
        ({"clear_cache": False}, {"clearCache": "do_not_clear"}),
        ({"image_url": "nginx:1"}, {"imageUrl": "nginx:1"}),
    ],
)
def test_what_to_deploy_is_sent_as_the_api_names_it(
    arguments: dict[str, object], body: dict[str, str], api: RenderApi, render: Server, service_id: str
) -> None:
    api.deploys.start(service_id, **arguments)  # type: ignore[arg-type]

    assert next(one.body for one in reversed(render.requests) if one.method == "POST") == body
    assert render.undocumented == []


def test_a_deploy_goes_through_its_stages(api: RenderApi, service_id: str) -> None:
    settle(api, service_id)
    started = api.deploys.start(service_id)

    seen = [started["status"], *(api.deploys.get(service_id, started["id"])["status"] for _ in range(2))]

    assert seen == ["update_in_progress", "update_in_progress", "live"]
    assert [one["status"] for one in api.deploys.all(service_id)] == ["live", "deactivated"]


def test_rollback_and_cancel(api: RenderApi, service_id: str) -> None:
    settle(api, service_id)
    first = api.deploys.latest(service_id)
    assert first is not None

    again = api.deploys.rollback(service_id, first["id"])
    canceled = api.deploys.cancel(service_id, again["id"])

    assert (again["trigger"], canceled["status"]) == ("rollback", "canceled")
    assert api.deploys.latest(service_id) == canceled


def test_a_suspended_service_cannot_be_deployed(api: RenderApi, service_id: str) -> None:
    api.services.suspend(service_id)

    with pytest.raises(Refused, match="cannot deploy suspended service"):
        api.deploys.start(service_id)


def test_a_service_without_deploys_has_no_latest(api: RenderApi, render: Server, service_id: str) -> None:
    render.state.services[service_id].deploys.clear()

    assert api.deploys.latest(service_id) is None
