"""What Render refuses is raised by its kind, with the call, its words and what to do."""

from __future__ import annotations

from typing import Any

import pytest

from infra.render.api import errors
from infra.render.api.access import Access
from infra.render.api.client import RenderApi
from tests.infra.render.api import bodies
from tests.standins.render.faults import Fault
from tests.standins.render.server import Handler, Server
from tests.support.render import FakeTime


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, errors.Refused),
        (401, errors.NotAuthorized),
        (402, errors.NotPaid),
        (403, errors.NotAuthorized),
        (404, errors.NotFound),
        (409, errors.Conflict),
        (410, errors.NotFound),
        (422, errors.Refused),
        (302, errors.Refused),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_what_render_refuses_is_raised_at_once_by_its_kind(
    method: str, status: int, kind: type[errors.CallFailed], api: RenderApi, render: Server, fake_time: FakeTime
) -> None:
    render.faults.add(Fault("fail", status=status, message="no\nway"))

    with pytest.raises(kind) as raised:
        api.services.create(bodies.service()) if method == "POST" else api.services.get("srv-1")

    error = raised.value
    assert (error.method, error.status) == (method, status)
    assert "\n" not in str(error)
    assert error.remedy in str(error)
    assert fake_time.slept_s == []
    assert len(render.requests) == 1


def test_an_error_names_call_status_words_and_request(api: RenderApi, render: Server) -> None:
    render.faults.add(Fault("fail", status=422, message="bad plan", headers={"X-Request-Id": "abc-1"}))

    with pytest.raises(errors.Refused) as raised:
        api.services.get("srv-1")

    assert str(raised.value).startswith("GET /services/srv-1: 422 bad plan (request abc-1); correct the values")
    assert raised.value.request_id == "abc-1"


def test_a_wrong_key_is_not_authorized(render: Server, fake_time: FakeTime) -> None:
    api = RenderApi(Access(key="rnd_wrong", url=render.url), clock=fake_time.clock)

    with pytest.raises(errors.NotAuthorized, match="check that the key"):
        list(api.owners.all())


@pytest.mark.parametrize("body", [b"<html><h1>Bad request</h1></html>", b'{"message": "cut o', b"[1]", b"null", b"{}"])
def test_an_error_whose_body_says_nothing_is_still_raised_by_its_kind(
    body: bytes, api: RenderApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    def send(handler: Handler, status: int, content: bytes, *args: Any, **more: Any) -> None:
        answered(handler, status, body, *args, **more)

    answered = Handler.send
    monkeypatch.setattr(Handler, "send", send)

    with pytest.raises(errors.NotFound, match="404 no message; check the id"):
        api.services.get("srv-1")
