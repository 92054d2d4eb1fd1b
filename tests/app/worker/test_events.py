"""A job runs for each event of a timer, and the answer says how it ended."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest

from app.errors import Conflict, InvalidInput, UnsafeBind
from app.settings.fields import Settings
from app.worker.events import INVOKE, JOBS, EventServer, job_of

TIMER = {"triggerTime": "2026-11-29T03:15:00Z", "triggerName": "maintain", "payload": "maintain"}


def settings(**given: Any) -> Settings:
    return Settings(**{"host": "127.0.0.1", "port": 0, **given})


@contextmanager
def serving(run: Any) -> Iterator[int]:
    """Serve one job, `maintain`, and yield the port."""
    with EventServer(settings(), {"maintain": run}) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join(10)


def post(port: int, event: object, path: str = INVOKE) -> tuple[int, Any, http.client.HTTPMessage]:
    """Send an event and return status, answer and headers."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("POST", path, json.dumps(event), {"X-Fc-Request-Id": "1-2"})
    response = connection.getresponse()
    answer = json.loads(response.read())
    connection.close()
    return response.status, answer, response.headers


def test_the_job_that_the_event_names_runs_and_its_report_is_the_answer() -> None:
    ran: list[Settings] = []

    def run(given: Settings) -> Mapping[str, Any]:
        ran.append(given)
        return {"removed": 3}

    with serving(run) as port:
        status, answer, headers = post(port, TIMER)

    assert (status, answer, len(ran)) == (200, {"removed": 3}, 1)
    assert headers["X-Fc-Status"] is None


def test_a_job_that_fails_is_a_failed_invocation_with_its_reason() -> None:
    def run(given: Settings) -> Mapping[str, Any]:
        raise Conflict("another process maintains this database")

    with serving(run) as port:
        status, answer, headers = post(port, TIMER)

    assert (status, answer) == (500, {"error": "another process maintains this database"})
    assert headers["X-Fc-Status"] == "404"


def test_a_fault_in_a_job_ends_no_server_and_shows_no_secret(caplog: pytest.LogCaptureFixture) -> None:
    faults = [ValueError("wrong"), None]

    def run(given: Settings) -> Mapping[str, Any]:
        fault = faults.pop(0)
        if fault is not None:
            raise fault
        return {}

    with serving(run) as port:
        with pytest.raises(http.client.RemoteDisconnected):
            post(port, TIMER)
        assert post(port, TIMER)[0] == 200
    assert "the job failed unexpectedly" in caplog.text


@pytest.mark.parametrize(
    "event", [{}, [], "maintain", {"payload": "drop"}, {"payload": ["maintain"]}, {"payload": None}]
)
def test_an_event_that_names_no_job_is_refused(event: object) -> None:
    with pytest.raises(InvalidInput, match="takes"):
        job_of(json.dumps(event).encode())


def test_other_paths_run_nothing() -> None:
    with serving(lambda given: pytest.fail("ran")) as port:
        status, answer, _ = post(port, TIMER, path="/")

    assert status == 400
    assert INVOKE in answer["error"]


def test_an_address_that_others_reach_is_for_the_platform_only() -> None:
    with pytest.raises(UnsafeBind, match="events need no token"):
        EventServer(settings(host="0.0.0.0"))
    EventServer(settings(host="0.0.0.0", fc_function_name="claude-memory-jobs")).server_close()


def test_the_jobs_are_the_schedules_of_a_worker() -> None:
    assert set(JOBS) == {"maintain", "backup"}
