"""A job runs for each event of a timer, and the answer says how it ended."""

from __future__ import annotations

import http.client
import json
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest

from app.errors import Conflict, InvalidInput
from app.process.listening import CannotListen
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


@pytest.mark.parametrize("fault", [ValueError, TimeoutError])
def test_a_fault_in_a_job_is_a_failed_invocation_and_ends_no_server(
    fault: type[Exception], caplog: pytest.LogCaptureFixture
) -> None:
    faults = [fault("postgresql://memory:made-up-password@db/memory"), None]

    def run(given: Settings) -> Mapping[str, Any]:
        error = faults.pop(0)
        if error is not None:
            raise error
        return {}

    with serving(run) as port:
        status, answer, headers = post(port, TIMER)
        assert post(port, TIMER)[0] == 200
    assert (status, headers["X-Fc-Status"]) == (500, "404")
    assert "made-up-password" not in json.dumps(answer)
    assert "the job failed unexpectedly" in caplog.text


def test_the_reason_of_a_failure_shows_no_secret() -> None:
    def run(given: Settings) -> Mapping[str, Any]:
        raise Conflict("postgresql://memory:made-up-password@db/memory is in use")

    with serving(run) as port:
        _, answer, _ = post(port, TIMER)

    assert answer == {"error": "postgresql://memory:***@db/memory is in use"}


def test_a_silent_connection_delays_no_event() -> None:
    with serving(lambda given: {}) as port, socket.create_connection(("127.0.0.1", port)):
        assert post(port, TIMER)[0] == 200


def test_a_second_job_waits_for_another_invocation() -> None:
    begun, go_on = threading.Event(), threading.Event()

    def run(given: Settings) -> Mapping[str, Any]:
        begun.set()
        assert go_on.wait(10)
        return {}

    with serving(run) as port:
        first = threading.Thread(target=post, args=(port, TIMER))
        first.start()
        assert begun.wait(10)
        assert post(port, TIMER)[0] == 503
        go_on.set()
        first.join(10)


def test_a_port_in_use_is_said_with_a_remedy() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(CannotListen, match="is in use by another"):
        EventServer(settings(port=taken.getsockname()[1]))


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


def test_the_jobs_are_the_schedules_of_a_worker() -> None:
    assert set(JOBS) == {"maintain", "backup"}
