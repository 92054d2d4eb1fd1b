"""The key and the values that are sent appear nowhere: no log, no error, no representation."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable
from typing import Any

import pytest

from infra.render.api.access import Access
from infra.render.api.client import RenderApi
from infra.render.api.errors import RenderError
from infra.render.api.hiding import hidden
from infra.render.api.transport import Call
from tests.infra.render.api import bodies
from tests.standins.render.faults import Fault
from tests.standins.render.server import Server
from tests.support.render import FakeTime

KEY = "rnd_" + "4f1c9a77"
VALUE, CONTENT, TOKEN = "pw-" + "81f0", "cert-" + "55aa", "ghp_" + "9b2d"
SECRETS = (KEY, VALUE, CONTENT, TOKEN)


@pytest.fixture
def api(render: Server, fake_time: FakeTime) -> RenderApi:
    render.key = KEY
    return RenderApi(Access(key=KEY, url=render.url), clock=fake_time.clock, read_timeout_s=0.1)


def everything(api: RenderApi) -> None:
    """Send each kind of secret."""
    files = [{"name": "f", "content": CONTENT}]
    group: dict[str, Any] = {"envVars": [{"key": "A", "value": VALUE}], "secretFiles": files}
    api.services.create(bodies.service(**group))
    api.env_groups.create(bodies.env_group() | group)
    api.registry_credentials.create(bodies.credential(authToken=TOKEN))


FAULTS = {
    "refused with the words of the request": Fault("fail", status=400),
    "broken with the words of the request": Fault("fail", status=500, times=99),
    "throttled": Fault("throttle", times=99, headers={"Retry-After": "9999"}),
    "dropped": Fault("drop", times=99),
    "too late": Fault("late", times=99, seconds=0.15),
    "cut off": Fault("truncated", times=99),
    "no JSON": Fault("malformed", times=99),
}
SENDING: list[tuple[str, Callable[[RenderApi], object]]] = [
    (VALUE, lambda api: api.services.create(bodies.service(envVars=[{"key": "A", "value": VALUE}]))),
    (CONTENT, lambda api: api.secret_files.set("srv-1", "f", CONTENT)),
    (VALUE, lambda api: api.variables.replace("srv-1", {"A": VALUE})),
    (VALUE, lambda api: api.env_groups.set("evg-1", "A", VALUE)),
    (TOKEN, lambda api: api.registry_credentials.create(bodies.credential(authToken=TOKEN))),
    (TOKEN, lambda api: api.log_streams.set_owner("tea-1", {"endpoint": "x", "token": TOKEN, "preview": "drop"})),
]


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_no_error_and_no_log_shows_a_secret(
    fault: Fault, api: RenderApi, render: Server, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    shown = ""
    for secret, send in SENDING:
        render.faults.heal()
        # Render's words repeat what was sent, the key as well.
        for method in ("POST", "PUT"):
            render.faults.add(Fault(**{**vars(fault), "method": method, "message": f"no: {secret}{secret}, {KEY}"}))
        try:
            send(api)
        except RenderError as error:  # what was lost may also be found again
            shown += "".join(traceback.format_exception(error)) + repr(error) + str(vars(error))

    assert "infra.render.api.errors" in shown
    assert caplog.records, "urllib3 logs at DEBUG"
    assert not [secret for secret in SECRETS if secret in shown + caplog.text]


def test_no_log_of_a_good_run_shows_a_secret(
    api: RenderApi, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)

    everything(api)

    output = caplog.text + "".join(capfd.readouterr())
    assert "POST /v1/env-groups" in output
    assert not [secret for secret in SECRETS if secret in output]


def test_no_representation_shows_a_secret(api: RenderApi) -> None:
    call = Call("PUT", "/x", body={"value": VALUE})

    for shown in map(repr, (api, api.services, vars(api), call, Access(key=KEY))):
        assert KEY not in shown
        assert VALUE not in shown


@pytest.mark.parametrize(
    ("said", "value", "expected"),
    [
        pytest.param("bad value abcdef!", "abcdef", "bad value ***!", id="inside"),
        pytest.param("xabcdefx", "abcdef", "x***x", id="also within a word"),
        pytest.param("port 1 of 10 is 1", "1", "port *** of 10 is ***", id="a short one only as a word"),
        pytest.param("a.b+c is bad", "a.b+c", "*** is bad", id="with signs of patterns"),
        pytest.param("nothing here", "", "nothing here", id="an empty value"),
    ],
)
def test_values_are_taken_out_of_renders_words(said: str, value: str, expected: str) -> None:
    assert hidden(said, KEY, [{"key": "A", "value": value}]) == expected
