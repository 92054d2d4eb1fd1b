"""Following logs: each line once, whether it comes by the socket, while that is broken, or by asking again."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from infra.render.api.client import RenderApi
from infra.render.api.errors import RenderError
from infra.render.deployed.choosing import Service
from infra.render.deployed.following import follow
from tests.infra.render.api import bodies
from tests.standins.render import deploys
from tests.standins.render.faults import Fault
from tests.standins.render.server import Server
from tests.standins.render.state import OWNER
from tests.support.render import FakeTime
from tests.support.waiting import wait_until


class Following:
    """The logs of services, followed in a thread until it is closed."""

    def __init__(self, api: RenderApi, services: list[Service], start_s: float) -> None:
        self.lines: list[str] = []
        self.said: list[str] = []
        self.errors: list[RenderError] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(api, services, start_s))
        self._thread.start()

    def _run(self, api: RenderApi, services: list[Service], start_s: float) -> None:
        lines = follow(
            api,
            OWNER,
            services,
            start_s=start_s,
            filters={},
            say=self.said.append,
            go_on=lambda: not self._over.is_set(),
        )
        try:
            for line in lines:
                self.lines.append(line.message)
        except RenderError as error:
            self.errors.append(error)

    def wait_for(self, count: int) -> None:
        wait_until(lambda: len(self.lines) >= count or self.errors, f"{count} lines", 10)
        assert not self.errors

    def close(self) -> None:
        self._over.set()
        self._thread.join(10)
        assert not self._thread.is_alive()


@pytest.fixture
def services(api: RenderApi, render: Server) -> list[Service]:
    made = [api.services.create(bodies.service(name)).service for name in ("web", "worker")]
    render.state.logs.clear()
    return [Service(one, None) for one in made]


@pytest.fixture
def following(api: RenderApi, services: list[Service], fake_time: FakeTime) -> Iterator[Following]:
    found = Following(api, services, fake_time.now())
    yield found
    found.close()


def write(render: Server, service: Service, message: str) -> None:
    with render.state.lock:
        deploys.log(render.state, render.state.services[service.id], "app", message)


def opened(render: Server) -> int:
    return sum(one.path == "/logs/subscribe" for one in list(render.requests))


def test_lines_come_over_the_socket_each_once(render: Server, services: list[Service], following: Following) -> None:
    write(render, services[0], "a line from before the socket, or after")
    following.wait_for(1)
    for number in range(5):
        write(render, services[number % 2], f"line {number}")
    following.wait_for(6)

    assert following.lines[1:] == [f"line {number}" for number in range(5)]
    assert following.said == []
    assert opened(render) == 1


def test_what_is_written_while_the_socket_is_broken_comes_after_it(
    render: Server, services: list[Service], following: Following
) -> None:
    write(render, services[0], "first")
    following.wait_for(1)
    render.break_sockets()
    write(render, services[0], "meanwhile")
    following.wait_for(2)
    write(render, services[0], "after")
    following.wait_for(3)

    assert following.lines == ["first", "meanwhile", "after"]


def test_a_socket_that_is_refused_is_told_and_lines_come_by_asking(
    api: RenderApi, render: Server, services: list[Service], fake_time: FakeTime
) -> None:
    render.faults.add(Fault("fail", path="/logs/subscribe", status=403, times=99))
    following = Following(api, services, fake_time.now())
    try:
        write(render, services[0], "first")
        following.wait_for(1)
        write(render, services[1], "second")
        following.wait_for(2)
    finally:
        following.close()

    assert following.lines == ["first", "second"]
    assert following.said == ["the log socket was refused with 403; asking for new lines every 2 s instead"]
    assert opened(render) == 1


def test_a_socket_that_never_opens_is_tried_three_times(
    api: RenderApi, render: Server, services: list[Service], fake_time: FakeTime
) -> None:
    render.faults.add(Fault("drop", path="/logs/subscribe", times=99))
    following = Following(api, services, fake_time.now())
    try:
        write(render, services[0], "first")
        following.wait_for(1)
    finally:
        following.close()

    assert "asking for new lines every 2 s instead" in following.said[0]
    assert fake_time.slept_s[:2] == [1, 2]


def test_two_regions_are_followed_at_once(
    api: RenderApi, render: Server, services: list[Service], fake_time: FakeTime
) -> None:
    services[1].details["region"] = "oregon"
    following = Following(api, services, fake_time.now())
    try:
        wait_until(lambda: opened(render) == 2, "two sockets")
        write(render, services[0], "here")
        write(render, services[1], "there")
        following.wait_for(2)
    finally:
        following.close()

    assert sorted(following.lines) == ["here", "there"]


def test_an_error_of_the_api_ends_it(
    api: RenderApi, render: Server, services: list[Service], fake_time: FakeTime
) -> None:
    render.faults.add(Fault("fail", path="/logs.*", status=403, times=99))
    following = Following(api, services, fake_time.now())
    wait_until(lambda: following.errors, "the error", 10)
    following.close()

    assert "403" in str(following.errors[0])
