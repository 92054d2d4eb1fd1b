"""What can happen on the way: closed ports, silence, redirects, keys of others."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from infra.render.api import errors
from infra.render.api.access import Access
from infra.render.api.client import RenderApi
from tests.infra.render.api import bodies
from tests.standins.render.faults import Fault
from tests.standins.render.server import Server
from tests.support.render import FakeTime


def test_a_closed_port_is_tried_again_and_named_also_for_a_post(fake_time: FakeTime) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    api = RenderApi(Access(key="rnd_1", url=f"http://127.0.0.1:{port}/v1"), clock=fake_time.clock)

    with pytest.raises(errors.Unavailable, match=f"{port}/v1 cannot be reached: no") as raised:
        api.postgres.create(bodies.postgres())

    assert not raised.value.sent
    assert fake_time.slept_s == [1, 2, 4, 8]


def test_a_server_that_says_nothing_times_out(access: Access, render: Server, fake_time: FakeTime) -> None:
    render.faults.add(Fault("late", seconds=0.5, times=9))
    api = RenderApi(access, clock=fake_time.clock, read_timeout_s=0.05)

    with pytest.raises(errors.TimedOut, match=r"did not answer within 0\.05 s"):
        api.services.get("srv-1")


def test_a_redirect_is_not_followed_with_the_key(api: RenderApi, render: Server) -> None:
    headers = {"Location": "http://127.0.0.1:1/elsewhere"}
    render.faults.add(Fault("fail", status=307, headers=headers))

    with pytest.raises(errors.Refused, match=r"points elsewhere.*check RENDER_API_URL"):
        api.services.get("srv-1")


def test_a_netrc_file_does_not_replace_the_key(api: RenderApi, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login a password b\n")
    monkeypatch.setenv("NETRC", str(netrc))

    assert [one["name"] for one in api.owners.all()] == ["Stand-in"]
