"""A POST whose answer is lost is looked for, and never made twice."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from infra.render.api.client import RenderApi
from infra.render.api.errors import Conflict, Uncertain
from tests.infra.render.api import bodies
from tests.standins.render.faults import Fault
from tests.standins.render.server import Server
from tests.standins.render.state import Reply, Request
from tests.support.render import FakeTime

LOST = [
    pytest.param(Fault("drop", method="POST", after=True), id="connection dropped"),
    pytest.param(Fault("fail", method="POST", after=True, status=502), id="502"),
    pytest.param(Fault("malformed", method="POST"), id="no JSON"),
    pytest.param(Fault("truncated", method="POST"), id="cut off"),
    pytest.param(Fault("late", method="POST", after=True, seconds=0.6), id="too late"),
]


def _service_of(api: RenderApi) -> str:
    return str(api.services.create(bodies.service("holder")).service["id"])


def _project_of(api: RenderApi) -> str:
    return str(api.projects.create(bodies.project("holder"))["id"])


CREATED: dict[str, tuple[Callable[[RenderApi], Any], Callable[[Server], Any]]] = {
    "service": (lambda api: api.services.create(bodies.service()).service, lambda s: s.state.services),
    "postgres": (lambda api: api.postgres.create(bodies.postgres()), lambda s: s.state.stores),
    "key value": (lambda api: api.key_value.create(bodies.key_value()), lambda s: s.state.stores),
    "environment group": (lambda api: api.env_groups.create(bodies.env_group()), lambda s: s.state.groups),
    "project": (lambda api: api.projects.create(bodies.project()), lambda s: s.state.projects),
    "registry credential": (
        lambda api: api.registry_credentials.create(bodies.credential()),
        lambda s: s.state.credentials,
    ),
    "webhook": (lambda api: api.webhooks.create(bodies.webhook()), lambda s: s.state.webhooks),
}
kinds = pytest.mark.parametrize("kind", CREATED)


@pytest.fixture
def api(access: Any, fake_time: FakeTime) -> RenderApi:
    """A client that waits no longer than half a second."""
    return RenderApi(access, clock=fake_time.clock, read_timeout_s=0.5)


@kinds
@pytest.mark.parametrize("fault", LOST)
def test_what_a_lost_post_made_is_found_and_used(kind: str, fault: Fault, api: RenderApi, render: Server) -> None:
    create, kept = CREATED[kind]
    render.faults.add(Fault(**vars(fault)))

    made = create(api)

    assert list(kept(render)) == [made["id"]]


@kinds
def test_one_of_the_same_name_from_before_is_not_taken_for_it(
    kind: str, api: RenderApi, render: Server, fake_time: FakeTime
) -> None:
    create, kept = CREATED[kind]
    older = create(api)
    fake_time.sleep(3_600)
    render.faults.add(Fault("drop", method="POST", after=True))

    if kind == "service":  # its name is taken, as Render says at the second try
        with pytest.raises(Conflict, match="already in use"):
            create(api)
        assert list(kept(render)) == [older["id"]]
    else:
        assert create(api)["id"] != older["id"]
        assert len(kept(render)) == 2


@kinds
def test_a_post_that_made_nothing_ends_well_or_says_so_but_never_makes_two(
    kind: str, api: RenderApi, render: Server
) -> None:
    create, kept = CREATED[kind]
    render.faults.add(Fault("drop", method="POST", after=False))

    if kind == "service":  # a second one of its name would be refused: it is safe to send it again
        create(api)
        assert len(kept(render)) == 1
    else:
        with pytest.raises(Uncertain, match="nothing it made was found in 20 s; look in the dashboard"):
            create(api)
        assert not kept(render)


def hide(render: Server, hidden: Callable[[], bool]) -> None:
    """Show no services in the list for as long as `hidden` says so."""
    call = render.call

    def hiding(request: Request) -> Reply:
        is_list = (request.method, request.path) == ("GET", "/services")
        return (200, []) if is_list and hidden() else call(request)

    render.call = hiding  # type: ignore[method-assign]


def test_a_service_that_the_list_shows_late_is_still_found(api: RenderApi, render: Server, fake_time: FakeTime) -> None:
    render.faults.add(Fault("drop", method="POST", after=True))
    hide(render, lambda: sum(one.method == "GET" for one in render.requests) < 3)

    made = api.services.create(bodies.service())

    assert list(render.state.services) == [made.service["id"]]
    assert fake_time.slept_s == [1, 3, 6]


def test_the_first_deploy_of_a_found_service_is_known(api: RenderApi, render: Server) -> None:
    render.faults.add(Fault("drop", method="POST", after=True))

    made = api.services.create(bodies.service())

    [deploy] = render.state.services[made.service["id"]].deploys
    assert made.deploy_id == deploy["id"]


def test_the_second_try_finds_what_the_first_made_too_late_to_be_seen(api: RenderApi, render: Server) -> None:
    # The second POST is refused, and only then the list shows what the first one made.
    render.faults.add(Fault("drop", method="POST", after=True))
    hide(render, lambda: sum(one.method == "POST" for one in render.requests) < 2)

    made = api.services.create(bodies.service())

    assert list(render.state.services) == [made.service["id"]]


def test_two_of_the_same_name_made_since_are_not_guessed_between(api: RenderApi, render: Server) -> None:
    api.postgres.create(bodies.postgres())  # by another program, say, in the same second
    render.faults.add(Fault("drop", method="POST", after=True))

    with pytest.raises(Uncertain, match="which of 2 of this name"):
        api.postgres.create(bodies.postgres())


def test_a_look_that_fails_as_well_says_both(api: RenderApi, render: Server) -> None:
    render.faults.cut(at=1, after=True)

    with pytest.raises(Uncertain, match=r"POST /postgres: .*looking for what it made failed") as raised:
        api.postgres.create(bodies.postgres())

    assert "\n" not in str(raised.value)
    render.faults.heal()
    assert len(list(api.postgres.all())) == 1


@pytest.mark.parametrize("fault", LOST)
def test_a_lost_disk_is_found_by_its_service(fault: Fault, api: RenderApi, render: Server) -> None:
    service_id = _service_of(api)
    render.faults.add(Fault(**vars(fault)))

    disk = api.disks.create({"name": "data", "mountPath": "/data", "sizeGB": 1, "serviceId": service_id})

    assert list(render.state.disks) == [disk["id"]]


@pytest.mark.parametrize("after", [True, False], ids=["made", "not made"])
def test_a_lost_domain_is_added_once(after: bool, api: RenderApi, render: Server) -> None:
    service_id = _service_of(api)
    render.faults.add(Fault("drop", method="POST", after=after))

    domain = api.domains.create(service_id, "memory.example.com")

    assert [one["id"] for one in render.state.services[service_id].domains] == [domain["id"]]


def test_a_lost_environment_is_found_in_its_project(api: RenderApi, render: Server) -> None:
    project_id = _project_of(api)
    render.faults.add(Fault("drop", method="POST", after=True))

    made = api.environments.create({"name": "staging", "projectId": project_id})

    assert [one["id"] for one in render.state.environments.values() if one["name"] == "staging"] == [made["id"]]


def test_an_older_environment_of_the_name_is_not_taken_for_the_new_one(
    api: RenderApi, render: Server, fake_time: FakeTime
) -> None:
    project_id = _project_of(api)
    api.environments.create({"name": "staging", "projectId": project_id})
    fake_time.sleep(60)
    render.faults.add(Fault("drop", method="POST", after=False))

    with pytest.raises(Uncertain):
        api.environments.create({"name": "staging", "projectId": project_id})


@pytest.mark.parametrize("skew_s", [-3_000, 3_000], ids=["our clock is behind", "our clock is ahead"])
def test_it_is_found_although_the_clocks_differ(
    skew_s: float, access: Any, render: Server, fake_time: FakeTime
) -> None:
    render.state.now = lambda: fake_time.now() - skew_s
    api = RenderApi(access, clock=fake_time.clock)
    older = api.postgres.create(bodies.postgres())
    fake_time.sleep(10)
    render.faults.add(Fault("drop", method="POST", after=True))

    assert api.postgres.create(bodies.postgres())["id"] != older["id"]


def test_a_lost_restart_is_not_made_again(api: RenderApi, render: Server) -> None:
    service_id = _service_of(api)
    render.faults.add(Fault("drop", method="POST", after=True))

    with pytest.raises(Uncertain, match="the answer was lost"):
        api.services.restart(service_id)

    assert [event["type"] for event in render.state.services[service_id].events].count("server_restarted") == 1
