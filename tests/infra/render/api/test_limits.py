"""No call is made that would be over a limit, and a 429 is waited out."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from email.utils import format_datetime

import pytest

from infra.render.api.access import Access
from infra.render.api.client import RenderApi
from infra.render.api.errors import RateLimited
from infra.render.api.limits import Limits, limit_of, retry_after_s
from tests.infra.render.api import bodies
from tests.standins.render.faults import Fault
from tests.standins.render.server import Server
from tests.support.render import FakeTime


@pytest.mark.parametrize(
    ("method", "path", "name", "calls"),
    [
        ("GET", "/services/srv-1", "reads", 400),
        ("POST", "/services", "new services", 20),
        ("POST", "/postgres", "new postgres", 20),
        ("POST", "/key-value", "new key-value", 20),
        ("POST", "/services/srv-1/custom-domains", "new custom domains", 50),
        ("PATCH", "/services/srv-1", "changes of srv-1", 10),
        ("POST", "/services/srv-1/deploys", "changes of srv-1", 10),
        ("POST", "/services/srv-1/scale", "changes of srv-1", 10),
        ("PUT", "/services/srv-1/env-vars", "writes", 100),
        ("PUT", "/services/srv-1/autoscaling", "writes", 100),
        ("DELETE", "/services/srv-1", "writes", 100),
        ("PATCH", "/postgres/dpg-1-a", "writes", 100),
        ("POST", "/disks", "writes", 100),
    ],
)
def test_each_call_counts_against_one_limit(method: str, path: str, name: str, calls: int) -> None:
    limit = limit_of(method, path)

    assert (limit.name, limit.calls) == (name, calls)


def test_fifty_changes_of_one_service_stay_inside_its_limit(
    api: RenderApi, render: Server, fake_time: FakeTime
) -> None:
    id_ = api.services.create(bodies.service()).service["id"]

    for number in range(50):
        api.services.update(id_, {"name": f"web-{number}"})

    assert render.limits.refused == 0
    assert max(render.limits.counted.values()) == 10
    # Ten in each minute: the last of the 50 goes out in the fifth.
    assert 180 < sum(fake_time.slept_s) < 300


def test_a_mixed_run_stays_inside_every_limit(api: RenderApi, render: Server, fake_time: FakeTime) -> None:
    ids = [api.services.create(bodies.service(f"web-{number}")).service["id"] for number in range(25)]
    for id_ in ids[:6]:
        for count in range(1, 9):
            api.services.scale(id_, count)
            api.deploys.start(id_)
            api.variables.replace(id_, {"A": str(count)})
        for number in range(9):
            api.domains.create(id_, f"{id_}-{number}.memory.example.com")
    for _ in range(450):
        api.services.get(ids[0])

    assert render.limits.refused == 0
    assert all(one.status and one.status < 400 for one in render.requests)


def test_several_threads_count_together(fake_time: FakeTime) -> None:
    limits, limit = Limits(fake_time.clock), limit_of("PATCH", "/services/srv-1")

    with ThreadPoolExecutor(8) as threads:
        waits = list(threads.map(lambda _: limits.take(limit), range(50)))

    assert waits.count(0) == 10


def test_long_waits_are_told_with_their_reason(access: Access, render: Server, fake_time: FakeTime) -> None:
    told: list[tuple[float, str]] = []
    api = RenderApi(access, clock=fake_time.clock, on_wait=lambda seconds, why: told.append((seconds, why)))

    for number in range(21):
        api.key_value.create(bodies.key_value(f"cache-{number}"))

    [(wait_s, why)] = told
    assert 3_500 < wait_s < 3_601
    assert why == "Render takes 20 new key-value in 3600 s"


def test_what_other_programs_use_up_is_seen_in_the_answers(access: Access, render: Server, fake_time: FakeTime) -> None:
    first, second = (RenderApi(access, clock=fake_time.clock) for _ in range(2))
    id_ = first.services.create(bodies.service()).service["id"]

    for number in range(8):
        first.services.update(id_, {"name": f"a-{number}"})
    for number in range(8):
        second.services.update(id_, {"name": f"b-{number}"})

    assert render.limits.refused == 0


@pytest.mark.parametrize(
    ("headers", "wait_s"),
    [
        pytest.param({"Retry-After": "7"}, 7, id="Retry-After"),
        pytest.param({"Ratelimit-Reset": "12"}, 13, id="Ratelimit-Reset, cut off to the second"),
        pytest.param({"Retry-After": "9", "Ratelimit-Reset": "40"}, 9, id="both"),
        pytest.param({"Ratelimit-Reset": "soon"}, 30, id="neither of use"),
        pytest.param({"Retry-After": "0"}, 1, id="at once, but not in a tight loop"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_after_a_429_it_waits_as_told_and_goes_on(
    method: str, headers: dict[str, str], wait_s: float, api: RenderApi, render: Server, fake_time: FakeTime
) -> None:
    fault = Fault("throttle", headers={"Ratelimit-Reset": "", **headers})
    render.faults.add(fault)

    if method == "POST":
        api.postgres.create(bodies.postgres())
        assert len(render.state.stores) == 1
    else:
        list(api.postgres.all())

    assert sum(fake_time.slept_s) == pytest.approx(wait_s)


def test_a_date_in_retry_after_is_understood(fake_time: FakeTime) -> None:
    date = format_datetime(datetime.fromtimestamp(fake_time.now_s + 20, UTC), usegmt=True)

    assert retry_after_s({"Retry-After": date}, fake_time.now_s) == pytest.approx(20)
    assert retry_after_s({"Retry-After": "whenever"}, fake_time.now_s) is None


def test_patience_ends_with_the_time_to_wait(access: Access, render: Server, fake_time: FakeTime) -> None:
    render.faults.add(Fault("throttle", headers={"Retry-After": "90"}, times=9))
    api = RenderApi(access, clock=fake_time.clock, patience_s=200)

    with pytest.raises(RateLimited, match=r"POST /postgres: 429 new postgres: 20 calls in 3600 s.*again in 90 s"):
        api.postgres.create(bodies.postgres())

    assert sum(fake_time.slept_s) == 180
    assert not render.state.stores


def test_a_window_ends_by_itself_without_an_answer(fake_time: FakeTime) -> None:
    limits, limit = Limits(fake_time.clock), limit_of("PATCH", "/services/srv-1")
    for _ in range(10):
        assert limits.take(limit) == 0

    assert limits.take(limit) == 60
    fake_time.sleep(60)
    assert limits.take(limit) == 0


def test_answers_out_of_order_do_not_raise_the_count(fake_time: FakeTime) -> None:
    limits, limit = Limits(fake_time.clock), limit_of("PATCH", "/services/srv-1")
    for _ in range(10):
        limits.take(limit)

    for left in ("1", "0", "5"):
        limits.learn(limit, {"Ratelimit-Remaining": left, "Ratelimit-Reset": "30"})

    assert limits.take(limit) == 31


@pytest.mark.parametrize("left", ["0", "5"])
def test_a_reset_that_is_no_number_of_seconds_keeps_nothing_waiting_for_years(left: str, fake_time: FakeTime) -> None:
    """Some services write the time of the reset there: an API behind another proxy might."""
    limits, limit = Limits(fake_time.clock), limit_of("PATCH", "/services/srv-1")
    headers = {"Ratelimit-Remaining": left, "Ratelimit-Reset": "1800000060"}

    limits.learn(limit, headers)
    assert limits.take(limit) <= 61
    assert limits.used_up(limit, headers) <= 61


@pytest.mark.parametrize("ahead_s", [-7_200, 0, 7_200])
def test_a_date_in_retry_after_is_read_by_the_clock_of_the_answer(ahead_s: float, fake_time: FakeTime) -> None:
    sent, until = (
        format_datetime(datetime.fromtimestamp(fake_time.now_s + ahead_s + more, UTC), usegmt=True) for more in (0, 20)
    )

    assert retry_after_s({"Retry-After": until, "Date": sent}, fake_time.now_s) == pytest.approx(20)


def test_a_429_that_says_nothing_is_waited_out(access: Access, render: Server, fake_time: FakeTime) -> None:
    nothing = dict.fromkeys(("Ratelimit-Limit", "Ratelimit-Remaining", "Ratelimit-Reset"), "")
    render.faults.add(Fault("throttle", headers=nothing, times=2))

    list(RenderApi(access, clock=fake_time.clock).postgres.all())

    assert fake_time.slept_s == [30, 30]
