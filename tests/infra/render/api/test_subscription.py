"""Log lines over the WebSocket: what comes, what is left out, what is said when it does not work."""

from __future__ import annotations

import logging

import pytest

from infra.render.api.access import Access
from infra.render.api.client import RenderApi
from infra.render.api.subscription import SocketFailed
from tests.infra.render.api import bodies
from tests.standins.render import deploys
from tests.standins.render.faults import Fault
from tests.standins.render.server import Server
from tests.standins.render.state import OWNER, Service

PATIENCE_S = 5.0


@pytest.fixture
def service(api: RenderApi, render: Server) -> Service:
    return render.state.services[api.services.create(bodies.service()).service["id"]]


def write(render: Server, service: Service, message: str, kind: str = "app") -> None:
    deploys.log(render.state, service, kind, message)


def test_a_line_comes_as_it_is_written(api: RenderApi, render: Server, service: Service) -> None:
    write(render, service, "before")
    with api.subscriptions.open(OWNER, [service.id]) as lines:
        write(render, service, "ready é")

        line = lines.next(PATIENCE_S)

    assert line
    assert (line.message, line.labels["type"], line.labels["resource"]) == ("ready é", "app", service.id)


def test_lines_that_do_not_fit_the_filters_do_not_come(api: RenderApi, render: Server, service: Service) -> None:
    with api.subscriptions.open(OWNER, [service.id], type=["build", "app"], text=["ready"]) as lines:
        write(render, service, "not this one")
        write(render, service, "ready", "request")
        write(render, service, "ready " + "x" * 70_000, "build")

        line = lines.next(PATIENCE_S)

    assert line
    assert len(line.message) == 70_006


def test_without_a_new_line_the_wait_ends(api: RenderApi, service: Service) -> None:
    with api.subscriptions.open(OWNER, [service.id]) as lines:
        assert lines.next(0.05) is None


def test_a_wrong_key_is_refused_for_good(access: Access, render: Server, service: Service) -> None:
    api = RenderApi(Access(key="rnd_wrong", url=access.url))

    with pytest.raises(SocketFailed, match="the log socket was refused with 401") as failure:
        api.subscriptions.open(OWNER, [service.id]).__enter__()

    assert failure.value.refused


@pytest.mark.parametrize("fault", [Fault("fail", status=503), Fault("drop")], ids=["503", "dropped"])
def test_a_socket_that_cannot_be_opened_is_said(fault: Fault, api: RenderApi, render: Server, service: Service) -> None:
    render.faults.add(fault)

    with pytest.raises(SocketFailed) as failure:
        api.subscriptions.open(OWNER, [service.id]).__enter__()

    assert not failure.value.refused


def test_a_socket_that_breaks_off_is_said(api: RenderApi, render: Server, service: Service) -> None:
    with pytest.raises(SocketFailed, match="broke off"), api.subscriptions.open(OWNER, [service.id]) as lines:
        render.break_sockets()
        lines.next(PATIENCE_S)


def test_the_key_is_in_no_log_error_or_representation(
    access: Access, render: Server, service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    render.key = key = "rnd_" + "77aa01"
    api = RenderApi(Access(key=key, url=access.url))
    with api.subscriptions.open(OWNER, [service.id]) as lines:
        lines.next(0.05)
    render.faults.add(Fault("fail", status=500))
    with pytest.raises(SocketFailed) as failure:
        api.subscriptions.open(OWNER, [service.id]).__enter__()

    told = caplog.text + repr(failure.value) + repr(failure.value.__cause__) + repr(api.subscriptions)
    assert key not in told
