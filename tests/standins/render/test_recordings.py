"""The stand-in answers as Render was recorded to: status, keys, types, order, and the values that show its ways."""

from __future__ import annotations

import http.client
import json
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from infra.render.api.limits import limit_of
from tests.standins.render import limits
from tests.standins.render.recorded import NAME, SUMMARY, Call, derive, load, written
from tests.standins.render.server import KEY, Server
from tests.support.render import serving
from tests.support.serving import ROOT

RECORDINGS = Path(os.environ.get("RENDER_RECORDED", ROOT.parent / "shared" / "render" / "recordings"))
CALLS = load()
TYPES: dict[str, tuple[type, ...]] = {"…": (str,), "#": (int, float), "?": (bool,)}
# Before May 2025 deploys did not wait for each other.
BEFORE_QUEUES = re.compile("webservice|backgroundworker")


@dataclass(frozen=True)
class Apart:
    """A difference that stays: in which recordings, at which calls and fields, and why."""

    recordings: str
    calls: str
    fields: str
    why: str

    def explains(self, recording: str, at: str, difference: str) -> bool:
        """Whether it is this difference."""
        found = ((self.recordings, recording), (self.calls, at), (self.fields, difference))
        return all(re.match(pattern, text) for pattern, text in found)


APART = [
    Apart("webservice|backgroundworker", r".* .*/services", r".*\.autoDeployTrigger", "answered since May 2025"),
    Apart(
        "webservice|backgroundworker",
        "POST .*/deploys$",
        r"\.(startedAt|finishedAt)",
        "null until set, before May 2025",
    ),
    Apart("postgres-postgres_allowlist", ".* /postgres", r"\.diskAutoscalingEnabled", "answered since 2025"),
    Apart("postgres-postgres$", ".* /environments", r"\.ipAllowList", "one workspace's alone"),
    Apart("notifications-notifications_datasource", "GET", r"\..*(Send|Enabled)", "set before it was recorded"),
]


def differences(shape: Any, got: Any, ids: dict[str, str], where: str = "") -> Iterator[str]:
    """Yield where an answer is not of the recorded shape. Ids seen for the first time are learned."""
    name = NAME.fullmatch(shape) if isinstance(shape, str) else None
    if isinstance(shape, dict) and isinstance(got, dict):
        for key in sorted((shape.keys() ^ got.keys()) - {"owner", "ownerId"}):
            yield f"{where}.{key}: {'missing' if key in shape else 'not recorded'}"
        for key in shape.keys() & got.keys():
            yield from differences(shape[key], got[key], ids, f"{where}.{key}")
    elif isinstance(shape, list) and isinstance(got, list):
        if len(shape) != len(got):
            yield f"{where}[]: {len(got)} instead of {len(shape)}"
        for one, other in zip(shape, got, strict=False):
            yield from differences(one, other, ids, f"{where}[]")
    elif name and isinstance(got, str):
        if ids.setdefault(name[1], got) != got:
            yield f"{where}: another id than {name[1]}"
    elif shape != got and type(got) not in TYPES.get(str(shape), ()):
        yield f"{where}: {got!r} instead of {shape!r}"


def replay(server: Server, calls: list[Call]) -> Iterator[tuple[str, str]]:
    """Make the calls in order; yield each difference with the call it came at."""
    ids: dict[str, str] = {}
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=10)
    headers = {"Authorization": f"Bearer {KEY}"}

    def with_ids(text: str) -> str:
        return NAME.sub(lambda name: ids[name[1]], text)

    for call in calls:
        body = None if call.method in ("GET", "DELETE") else with_ids(json.dumps(call.request))
        connection.request(call.method, f"/v1{with_ids(call.path)}", body, headers)
        answer = connection.getresponse()
        text = answer.read().decode()
        at = f"{call.method} {call.path}"
        if answer.status != call.status:
            yield at, f": status {answer.status} instead of {call.status}, {text}"
        for difference in differences(call.shape, json.loads(text) if text else None, ids):
            yield at, difference
    connection.close()


@cache
def replayed(recording: str) -> tuple[list[tuple[str, str]], list[str]]:
    """Return the differences of a recording, and the fields that were sent without being documented."""
    server = Server(owner="some-owner-id")
    server.limits.enforced = False
    server.state.queues = not BEFORE_QUEUES.match(recording)
    with serving(server):
        return list(replay(server, CALLS[recording])), server.undocumented


@pytest.mark.parametrize("recording", CALLS)
def test_each_recorded_call_is_answered_as_recorded(recording: str) -> None:
    found, undocumented = replayed(recording)

    assert not [both for both in found if not any(apart.explains(recording, *both) for apart in APART)]
    # An empty credential that Render's own Terraform provider sends.
    empty = "POST /services: serviceDetails.envSpecificDetails.registryCredential"
    assert set(undocumented) <= {empty}


@pytest.mark.parametrize("apart", APART, ids=lambda apart: apart.why)
def test_each_exception_is_needed(apart: Apart) -> None:
    assert any(apart.explains(recording, *both) for recording in CALLS for both in replayed(recording)[0])


def test_the_summary_holds_every_recorded_call() -> None:
    assert sum(map(len, CALLS.values())) == 2_406
    assert len(CALLS) == 31


@pytest.mark.skipif(not RECORDINGS.exists(), reason=f"the recordings are not there: {RECORDINGS}")
def test_the_summary_is_what_the_recordings_give() -> None:
    text = SUMMARY.read_text(encoding="utf-8")

    assert text == written(derive(RECORDINGS)), f"run python -m tests.standins.render.recorded {RECORDINGS}"


@pytest.mark.parametrize(
    "calls_of",
    [
        pytest.param(lambda method, path: limits.limit_of(method, path)[1], id="stand-in"),
        pytest.param(lambda method, path: limit_of(method, path).calls, id="client"),
    ],
)
def test_calls_count_against_the_limits_that_were_recorded(calls_of: Callable[[str, str], int]) -> None:
    known = {(call.method, call.path.partition("?")[0], call.limit) for calls in CALLS.values() for call in calls}
    # The owner's notifications had a limit of 500 once, GET included. /redis is the old name of /key-value.
    asked = [one for one in known if "/owners/" not in one[1] and not one[1].startswith("/redis")]

    assert {(method, path): calls_of(method, path) for method, path, _ in asked} == {
        (method, path): limit for method, path, limit in asked
    }
