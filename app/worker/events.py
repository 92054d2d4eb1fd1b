"""Runs a job for each event that a timer of Function Compute sends, one at a time, and answers how it ended.

The platform sends `POST /invoke` with a JSON object whose `payload` names the job. An answer other than 200 is a failed
invocation: it is counted, and repeated a few times. Every job is safe to repeat.
Source: Alibaba Cloud's documentation, custom runtimes and time triggers, November 2026.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import asdict
from threading import Lock
from typing import Any, Protocol

from app import logs
from app.errors import InvalidInput, MemoryServerError
from app.process.listening import BACKLOG, bind, cannot_listen
from app.settings.fields import Settings
from app.worker.bounded_server import BoundedHandler, BoundedServer

logger = logging.getLogger(__name__)

INVOKE = "/invoke"
_LARGEST_EVENT = 64 * 1024
_REQUEST_ID = "X-Fc-Request-Id"
_FAILED = ("X-Fc-Status", "404")  # the platform takes a request with it for a failed invocation


class JobRun(Protocol):
    """One job; returns its report as JSON. Raises MemoryServerError."""

    def __call__(self, settings: Settings) -> Mapping[str, Any]: ...


def maintain(settings: Settings) -> Mapping[str, Any]:
    """Do maintenance."""
    from app.ops.maintain import maintain
    from app.runtime.command_database import ask_database

    return ask_database(settings, "maintain", lambda db: maintain(settings, db)).to_json()


def back_up(settings: Settings) -> Mapping[str, Any]:
    """Back up to BACKUP_TO, and delete the backups that need not be kept."""
    from app.ops.backup.writing import run_backup
    from app.runtime.command_database import ask_database

    return asdict(ask_database(settings, "backup", lambda db: run_backup(settings, db)))


JOBS: Mapping[str, JobRun] = {"maintain": maintain, "backup": back_up}


class EventServer(BoundedServer):
    """Listens at once; the jobs' modules are loaded when the first event comes.

    The platform ends an instance without waiting for a job; every job is safe to repeat.
    """

    def __init__(self, settings: Settings, jobs: Mapping[str, JobRun] = JOBS) -> None:
        """Raises CannotListen."""
        self.settings, self.jobs = settings, jobs
        self.redactor, self.running = logs.Redactor.of(settings), Lock()
        super().__init__((settings.host, settings.port), _Handler, bind_and_activate=False)
        try:
            listener = bind(settings.host, settings.port)
        except OSError as error:
            self.server_close()
            raise cannot_listen(settings.host, settings.port, error) from None
        self.socket.close()
        self.socket = listener
        self.server_address = listener.getsockname()
        listener.listen(BACKLOG)

    def handle_error(self, request: object, client_address: object) -> None:
        """Log a connection that broke, with secrets masked."""
        logger.exception("a connection ended unexpectedly")


class _Handler(BoundedHandler):
    server: EventServer

    def do_POST(self) -> None:
        request = self.headers.get(_REQUEST_ID)
        token = logs.request_id.set(request)
        try:
            self._answer(*self._run())
        finally:
            logs.request_id.reset(token)

    def _run(self) -> tuple[int, Mapping[str, Any]]:
        try:
            name = job_of(self._body(), self.server.jobs)
        except InvalidInput as error:
            logger.warning("%s", error)
            return 400, {"error": self.server.redactor.clean(str(error))}
        if not self.server.running.acquire(blocking=False):
            return 503, {"error": "another job is running; try again later"}
        try:
            logger.info("%s begins", name)
            report = self.server.jobs[name](self.server.settings)
        except MemoryServerError as error:
            logger.warning("the job failed: %s", error)
            return 500, {"error": self.server.redactor.clean(str(error))}
        except Exception:  # a fault in a job's code: the server goes on
            logger.exception("the job failed unexpectedly")
            return 500, {"error": "the job failed unexpectedly; the log says why"}
        finally:
            self.server.running.release()
        logger.info("%s is done", name)
        return 200, report

    def _body(self) -> bytes:
        length = self.headers.get("Content-Length", "")
        if self.path != INVOKE:
            raise InvalidInput("path", self.path, INVOKE)
        if not length.isdecimal() or int(length) > _LARGEST_EVENT:
            raise InvalidInput("Content-Length", length, f"a number of bytes up to {_LARGEST_EVENT}")
        return self.body(int(length))

    def _answer(self, status: int, answer: Mapping[str, Any]) -> None:
        body = json.dumps(answer, default=str).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        if status != 200:
            self.send_header(*_FAILED)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing: each job has lines of its own."""


def job_of(event: bytes, jobs: Mapping[str, JobRun] = JOBS) -> str:
    """Return the job that an event names. Raises InvalidInput."""
    try:
        payload = json.loads(event)["payload"]
    except (ValueError, TypeError, KeyError):
        text = event.decode(errors="replace")
        raise InvalidInput("event", text, "a JSON object with a payload, as timers send it") from None
    if not (isinstance(payload, str) and payload in jobs):
        raise InvalidInput("payload", payload, f"one of {', '.join(jobs)}")
    return payload
