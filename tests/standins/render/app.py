"""A stand-in of the app as a service of the stand-in of Render runs it: what it does follows from its variables.

It takes on the variables of its service at each deploy, as a process does that is started anew.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from app import __version__
from app.runtime.report import packages
from app.settings.fields import Settings
from app.settings.values import is_secret, plain
from infra.render.doctor.here import look
from tests.standins.render.server import Server
from tests.standins.render.state import Json, Service

_TESTS = {
    "test_postgres": "DATABASE_URL",
    "test_index": "QDRANT_API_KEY",
    "test_embeddings": "EMBEDDING_API_KEY",
    "test_rerank": "RERANK_API_KEY",
    "test_memu_connection": "MEMU_API_KEY",
}


class DeployedApp(ThreadingHTTPServer):
    """Answers like `claude-memory serve`.

    accepted: values that an outside service takes, by the variable that holds them; others take anything.
    tokens: access tokens that are valid; a deploy adds its ADMIN_TOKEN while `init` runs before it.
    stale: so many calls of /health are answered by the process from before the deploy.
    broken: status to answer everything with, and an empty body.
    """

    daemon_threads = True

    def __init__(self, render: Server, service: Service) -> None:
        self.render, self.service = render, service
        self.accepted: dict[str, set[str]] = {}
        self.tokens: set[str] = set()
        self.runs_init, self.asks_for_tokens = True, True
        self.stale = 0
        self.broken: int | None = None
        self.changed: Json = {}  # over the report
        self.asked: list[tuple[str, str]] = []
        self.seen_tokens: list[str | None] = []
        super().__init__(("127.0.0.1", 0), partial(_Handler, self))
        service.details["url"] = self.url
        render.state.on_live = self._on_live
        self._on_live(service)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def _on_live(self, service: Service) -> None:
        if service is self.service:
            self.environment = self.render.state.environment(service)
            self.began_s = self.render.state.now()
            if self.runs_init and "ADMIN_TOKEN" in self.environment:
                self.tokens.add(self.environment["ADMIN_TOKEN"])

    def works(self, variable: str) -> bool:
        """Whether the outside service takes what the variable says."""
        accepted = self.accepted.get(variable)
        return accepted is None or self.environment.get(variable) in accepted

    def health(self) -> Json:
        uptime_s = self.render.state.now() - self.began_s
        if self.stale:
            self.stale -= 1
            uptime_s += 3_600
        ready = self.works("DATABASE_URL")
        detail = None if ready else "PostgreSQL refuses the login (InvalidPasswordError)"
        parts = {"postgres": {"status": "ok" if ready else "degraded", "detail": detail}}
        state = "ok" if ready else "degraded"
        return {"status": state, "version": __version__, "uptime_seconds": uptime_s, "components": parts}

    def report(self) -> Json:
        here = look(Path("no.env"))
        settings = {
            name.upper(): {
                "given": name.upper() in self.environment,
                "secret": is_secret(field),
                "value": None if is_secret(field) else self._value(name),
            }
            for name, field in Settings.model_fields.items()
        }
        told = {
            "version": __version__,
            "python": here.python,
            "packages": packages(),
            "settings": settings,
            "postgres": "17.2",
            "schema_files": here.schema_files,
            "memories": 3,
            "index": {"engine": "embedded", "analysis": 1, "vectors": 1},
        }
        return told | self.changed

    def _value(self, name: str) -> str:
        field = Settings.model_fields[name]
        default = plain(field.get_default(call_default_factory=True, validated_data={}))
        return self.environment.get(name.upper(), default)

    def round_trip(self, name: str) -> Json:
        variable = _TESTS[name]
        if self.works(variable):
            return {"ok": True, "milliseconds": 1.0, "detail": "answered"}
        said = {
            "test_embeddings": "embed.example does not know the key (401 invalid_api_key); set EMBEDDING_API_KEY",
            "test_rerank": "rerank.example refuses the key (401 InvalidApiKey); check RERANK_API_KEY, or",
            "test_index": "Qdrant refuses the key (401); check QDRANT_API_KEY",
            "test_postgres": "PostgreSQL refuses the login (InvalidPasswordError)",
            "test_memu_connection": "memu.example refuses the key (401); check MEMU_API_KEY, and the account",
        }
        return {"ok": False, "milliseconds": 1.0, "detail": said[name]}

    def answer(self, method: str, path: str, token: str | None, body: Any) -> tuple[int, Any]:
        """Return status and body; None: an empty one."""
        self.asked.append((method, path))
        self.seen_tokens.append(token)
        if self.broken is not None:
            return self.broken, None
        if path == "/health":
            return 200, self.health()
        if path == "/ready":
            return (200 if self.works("DATABASE_URL") else 503), self.health()
        if self.asks_for_tokens and token not in self.tokens:
            return 401, {"error": {"code": "not_authenticated", "message": "the access token is not valid"}}
        if path == "/test":
            results = {name: self.round_trip(name) for name, wanted in body.items() if wanted}
            return 200, {"ok": all(one["ok"] for one in results.values()), "results": results}
        return 200, self.report() if path == "/report" else {"name": "claude-memory"}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, app: DeployedApp, *args: Any) -> None:
        self.app = app
        super().__init__(*args)

    def _call(self) -> None:
        content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        given = self.headers.get("Authorization")
        token = given.removeprefix("Bearer ") if given else None
        status, body = self.app.answer(self.command, self.path, token, json.loads(content) if content else None)
        answer = b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    do_GET = do_POST = _call

    def log_message(self, *args: object) -> None:
        """Say nothing."""


@contextmanager
def deployed(render: Server, service: Service) -> Iterator[DeployedApp]:
    """Serve the app of a service while the block runs."""
    app = DeployedApp(render, service)
    thread = threading.Thread(target=app.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield app
    finally:
        app.shutdown()
        thread.join()
        app.server_close()
