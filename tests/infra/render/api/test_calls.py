"""Calls that are safe are repeated, failures are typed, lists are read to their end."""

from __future__ import annotations

import pytest

from infra.render.api import errors
from infra.render.api.access import Access
from infra.render.api.calls import at
from infra.render.api.client import RenderApi
from infra.render.api.errors import BadAnswer, NoPlace, Unavailable
from tests.infra.render.api import bodies
from tests.standins.render.faults import Fault
from tests.standins.render.server import Server
from tests.support.render import FakeTime

BROKEN = [
    pytest.param(Fault("drop"), id="dropped before"),
    pytest.param(Fault("drop", after=True), id="dropped after"),
    pytest.param(Fault("fail", status=500), id="500"),
    pytest.param(Fault("fail", status=503, after=True), id="503 after the change"),
    pytest.param(Fault("malformed"), id="no JSON"),
    pytest.param(Fault("truncated"), id="cut off"),
]


@pytest.mark.parametrize("fault", BROKEN)
@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "POST"])
def test_a_call_that_may_be_made_twice_is_repeated(
    method: str, fault: Fault, api: RenderApi, render: Server, service_id: str
) -> None:
    render.faults.add(Fault(**{**vars(fault), "method": method, "times": 2}))

    if method == "GET":
        assert api.services.get(service_id)["name"] == "web"
    elif method == "PUT":
        assert api.variables.replace(service_id, {"A": "1"}) == {"A": "1"}
    elif method == "PATCH":
        assert api.services.update(service_id, {"name": "new"})["name"] == "new"
    elif method == "POST":
        api.services.suspend(service_id)
        assert render.state.services[service_id].shown["suspended"] == "suspended"
    else:
        api.services.delete(service_id)
        assert not render.state.services


def test_pauses_between_tries_grow_and_end(api: RenderApi, render: Server, fake_time: FakeTime) -> None:
    render.faults.add(Fault("fail", times=99, message="database is down"))

    with pytest.raises(errors.Unavailable) as raised:
        api.services.get("srv-1")

    assert fake_time.slept_s == [1, 2, 4, 8]
    assert str(raised.value) == (
        "GET /services/srv-1: 503 database is down (request req-standin); "
        "see https://status.render.com, then run this again"
    )


def test_retry_after_of_a_503_is_kept(api: RenderApi, render: Server, fake_time: FakeTime) -> None:
    render.faults.add(Fault("fail", method="GET", headers={"Retry-After": "17"}))

    list(api.services.all())

    assert fake_time.slept_s == [17]


def test_a_delete_whose_answer_was_lost_does_not_mind_that_it_is_gone(
    api: RenderApi, render: Server, service_id: str
) -> None:
    render.faults.add(Fault("drop", method="DELETE", after=True))

    api.services.delete(service_id)

    with pytest.raises(errors.NotFound, match="not found: "):
        api.services.delete(service_id)


def test_parts_of_a_path_are_quoted() -> None:
    assert at("services", "srv-1", "secret-files", "a/b c?.json") == "/services/srv-1/secret-files/a%2Fb%20c%3F.json"


# Lists ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [0, 1, 99, 100, 101, 250])
def test_a_list_is_read_to_its_end(count: int, api: RenderApi, service_id: str) -> None:
    names = [f"V{number}" for number in range(count)]
    api.variables.replace(service_id, dict.fromkeys(names, "x"))

    # Newest first, while the PUT keeps its order.
    assert list(api.variables.all(service_id)) == names[::-1]


@pytest.mark.parametrize("count", [0, 1, 100, 230])
def test_a_list_without_cursors_is_read_to_its_end(
    count: int, api: RenderApi, render: Server, fake_time: FakeTime
) -> None:
    render.limits.enforced = False
    for number in range(count):
        fake_time.now_s += 1
        api.env_groups.create(bodies.env_group(f"group-{number}"))

    found = [one["name"] for one in api.env_groups.all()]

    assert found == [f"group-{number}" for number in reversed(range(count))]


def test_filters_of_several_values_are_joined_with_commas(api: RenderApi, render: Server) -> None:
    for name, kind in (("a", "web_service"), ("b", "cron_job"), ("c", "private_service")):
        api.services.create(bodies.service(name, kind))

    found = [one["name"] for one in api.services.all(type=["web_service", "cron_job"], name=None)]

    assert found == ["b", "a"]
    assert render.requests[-1].query == {"type": ["web_service,cron_job"], "limit": ["100"]}


def test_a_bare_null_is_an_empty_list(api: RenderApi) -> None:
    assert list(api.env_groups.all()) == []
    assert list(api.registry_credentials.all()) == []


@pytest.mark.parametrize("part", ["", ".", ".."])
def test_a_part_that_would_lead_to_another_place_is_refused(part: str, api: RenderApi, render: Server) -> None:
    """Whatever quotes the dots, `DELETE /services/srv-1/secret-files/..` would delete the service."""
    with pytest.raises(NoPlace, match="is no id and no name"):
        api.secret_files.unset("srv-1", part)

    assert render.requests == []


def test_a_pause_that_is_longer_than_patience_ends_the_tries(
    access: Access, render: Server, fake_time: FakeTime
) -> None:
    render.faults.add(Fault("fail", headers={"Retry-After": "86400"}, times=9))
    api = RenderApi(access, clock=fake_time.clock)

    with pytest.raises(Unavailable, match="503"):
        list(api.postgres.all())

    assert fake_time.slept_s == []


def test_a_long_pause_that_render_asks_for_is_told(access: Access, render: Server, fake_time: FakeTime) -> None:
    told: list[tuple[float, str]] = []
    render.faults.add(Fault("fail", headers={"Retry-After": "20"}))
    api = RenderApi(access, clock=fake_time.clock, on_wait=lambda seconds, why: told.append((seconds, why)))

    list(api.postgres.all())

    assert told == [(20, "Render asks for it (503 something went wrong)")]


def test_each_failed_try_is_told_at_once(access: Access, render: Server, fake_time: FakeTime) -> None:
    told: list[tuple[float, str]] = []
    render.faults.add(Fault("fail", times=99, message="database is down"))
    api = RenderApi(access, clock=fake_time.clock, on_wait=lambda seconds, why: told.append((seconds, why)))

    with pytest.raises(Unavailable):
        api.services.get("srv-1")

    why = "GET /services/srv-1 failed (503 database is down) and is tried again"
    assert told == [(seconds, why) for seconds in (1, 2, 4, 8)]


def test_looking_for_what_a_lost_call_made_is_told(access: Access, render: Server, fake_time: FakeTime) -> None:
    told: list[str] = []
    render.faults.add(Fault("drop", "POST", after=True))
    api = RenderApi(access, clock=fake_time.clock, on_wait=lambda _, why: told.append(why))

    api.services.create(bodies.service())

    assert told == [
        f"the answer to POST /services was lost ({render.url} closed the connection without an answer); "
        "looks for what it made"
    ]


def test_an_empty_answer_where_there_must_be_one_is_asked_for_again(api: RenderApi, render: Server) -> None:
    id_ = api.services.create(bodies.service()).service["id"]
    render.faults.add(Fault("empty", "GET", status=200))
    assert api.services.get(id_)["id"] == id_

    render.faults.add(Fault("empty", "GET", status=200, times=9))
    with pytest.raises(BadAnswer, match="sent an empty answer"):
        api.services.get(id_)


@pytest.mark.parametrize("status", [201, 202])
def test_what_a_post_with_an_empty_answer_made_is_found(status: int, api: RenderApi, render: Server) -> None:
    render.faults.add(Fault("empty", "POST", status=status))

    made = api.postgres.create(bodies.postgres())

    assert [made["id"]] == list(render.state.stores)


def test_a_part_that_an_answer_lacks_is_named(api: RenderApi, render: Server) -> None:
    id_ = api.services.create(bodies.service()).service["id"]
    del render.state.services[id_].shown["ownerId"]

    with pytest.raises(BadAnswer, match=f"GET /services/{id_}: the answer has no ownerId"):
        api.services.get(id_)["ownerId"]
