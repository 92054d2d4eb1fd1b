"""The way in: who is let through, and what the others are told. In process, with parts made up for the test."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from app.access.authenticator import Authenticator
from app.access.tokens import digest, new_token
from app.endpoints import READY_FOR_CALLS
from app.errors import StoreUnavailable
from app.http.guard import Guard
from app.http.limits import rate_limit
from app.http.state import SHORT
from app.measuring import Metrics
from app.memory.types import Scope as MemoryScope
from app.metrics import RATE_LIMITED
from app.runtime.components import Component, Status
from app.runtime.runtime import Runtime
from app.serve.dispatch import Dispatcher
from app.serve.http import create_app
from app.serve.service import HTTP_BODY_LIMIT_BYTES, Service
from app.settings.fields import Settings
from tests.app.access.test_authenticator import Tokens
from tests.standins.mcp import StandInMcp, StandInSse


class StandInRuntime:
    """Looks like a runtime to the HTTP side."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.started_at = 0.0
        self.ready = asyncio.Event()
        self.failed = self.broken = False
        self.degraded = ""

    def components(self) -> list[Component]:
        status = Status.OK if self.ready.is_set() else Status.STARTING
        return [
            Component(name=name, status=Status.DEGRADED if name == self.degraded else status)
            for name in ("postgres", "index")
        ]

    async def probe(self, name: str, *, counts: bool) -> dict[str, Any]:
        return {"ok": name == "postgres", "milliseconds": 1.0, "detail": name if counts else "answered"}

    async def numbers(self) -> dict[str, float]:
        if self.broken:
            raise StoreUnavailable("PostgreSQL does not answer")
        return {"memories": 3.0, "database_bytes": 10.0, "index_lag_seconds": 0.5, "index_lag_changes": 2.0}

    async def numbers_of(self, user: str) -> dict[str, float]:
        if self.broken:
            raise StoreUnavailable("PostgreSQL does not answer")
        return {"memories": 1.0, "bytes": float(len(user))}


class Door:
    """A dispatcher with its parts, and a client in front of it."""

    def __init__(self, *, http: bool = True, mcp: bool = True, metrics_port: int | None = None, **values: Any) -> None:
        self.settings = Settings(_env_file=None, **values)
        self.runtime = StandInRuntime(self.settings)
        self.tokens = Tokens()
        self.mcp = StandInMcp()
        self.service = Service(settings=self.settings, runtime=self.runtime, metrics=Metrics())  # type: ignore[arg-type]
        self.dispatcher = Dispatcher(
            self.service,
            Guard.of(self.settings),
            Authenticator(self.settings, self._store),
            rate_limit(self.settings.requests_per_minute),
            self.mcp if mcp else None,
            StandInSse() if mcp else None,  # type: ignore[arg-type]
            metrics_port,
        )
        if http:
            self.dispatcher.set_http(create_app(self.service))

    async def _store(self) -> Tokens:
        return self.tokens

    async def token(self, *scopes: str, user: str = "ann") -> dict[str, str]:
        """Create a token and return the header that shows it."""
        value = new_token()
        await self.tokens.create(digest(value), user, scopes or ("read",), None)
        return {"Authorization": f"Bearer {value}"}

    async def __call__(
        self, method: str, path: str, headers: Any = None, port: int = 8000, **more: Any
    ) -> httpx.Response:
        # httpx asks the application itself; `port` is the one the connection came in at
        transport = httpx.ASGITransport(self.dispatcher, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url=f"http://localhost:{port}") as client:
            return await client.request(method, path, headers=headers, **more)


@pytest.fixture
async def door() -> AsyncIterator[Door]:
    yield Door()


async def test_mcp_is_reached_with_the_default_users_scope(door: Door) -> None:
    answer = await door("POST", "/mcp", json={})

    assert answer.json() == {"result": True}
    assert door.mcp.scopes[0]["state"]["scope"] == MemoryScope(user="default", agent="claude")
    assert "user" not in door.mcp.scopes[0]


async def test_a_token_makes_the_scope_and_the_sdks_user(door: Door) -> None:
    await door("POST", "/mcp", await door.token("read"))

    scope = door.mcp.scopes[0]
    assert scope["state"]["scope"] == MemoryScope(user="ann", agent="claude", permissions=frozenset({"read"}))
    assert scope["user"].access_token.subject == "ann"


@pytest.mark.parametrize(
    "path", ["/mcp", "/messages/", "/sse", "/status", "/info", "/report", "/test", "/openapi.json", "/nowhere"]
)
async def test_without_a_token_where_one_is_required_nothing_is_answered(path: str) -> None:
    door = Door(auth="required", host="0.0.0.0")
    method = "POST" if path in ("/mcp", "/messages/", "/test") else "GET"
    answer = await door(method, path)

    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert door.mcp.scopes == []
    error = answer.json()["error"]
    assert (error.get("data") or error)["code"] == "not_authenticated"


@pytest.mark.parametrize("path", ["/health", "/ready"])
async def test_health_and_ready_ask_for_nothing_and_wait_for_nothing(path: str) -> None:
    door = Door(auth="required", host="0.0.0.0", allowed_hosts="memory.example", http=False)
    expected = {"/health": 200, "/ready": 503}[path]

    for method in ("GET", "HEAD"):
        answer = await door(method, path, {"Host": "10.1.2.3", "Origin": "http://evil.example"})
        assert answer.status_code == expected
    door.runtime.ready.set()
    assert (await door("GET", path)).json()["status"] == "ok"
    assert (await door("GET", path)).status_code == 200


async def test_a_stopping_server_is_not_ready(door: Door) -> None:
    door.runtime.ready.set()
    door.service.stopping = True

    assert (await door("GET", "/ready")).status_code == 503
    assert (await door("GET", "/health")).status_code == 200


async def test_requests_wait_for_the_http_api() -> None:
    door = Door(http=False)
    waiting = asyncio.create_task(door("GET", "/info"))
    assert (await door("GET", "/health")).status_code == 200
    assert not waiting.done()

    door.dispatcher.set_http(create_app(door.service))
    assert (await waiting).json()["name"] == "claude-memory"


@pytest.mark.parametrize("path", ["/mcp", "/messages/", "/sse", "/status", "/test", "/metrics"])
async def test_foreign_hosts_and_origins_are_refused_everywhere(door: Door, path: str) -> None:
    method = "POST" if path in ("/mcp", "/messages/", "/test") else "GET"

    assert (await door(method, path, {"Host": "evil.example"})).status_code == 421
    assert (await door(method, path, {"Origin": "http://evil.example"})).status_code == 403
    twice = [("Host", "localhost"), ("Host", "evil.example")]
    assert (await door(method, path, twice)).status_code == 400
    assert door.mcp.scopes == []


async def test_cors_answers_allowed_origins_only() -> None:
    door = Door(enable_cors=True, allowed_origins="https://app.example", auth="required")
    asking = {"Access-Control-Request-Method": "POST"}

    allowed = await door("OPTIONS", "/mcp", {**asking, "Origin": "https://app.example"})
    assert (allowed.status_code, allowed.headers["access-control-allow-origin"]) == (204, "https://app.example")
    refused = await door("OPTIONS", "/mcp", {**asking, "Origin": "https://evil.example"})
    assert refused.status_code == 403
    assert "access-control-allow-origin" not in refused.headers
    unauthenticated = await door("POST", "/mcp", {"Origin": "https://app.example"})
    assert unauthenticated.headers["access-control-allow-origin"] == "https://app.example", "a page may read the 401"


async def test_over_the_limit_says_when_to_come_back() -> None:
    door = Door(rate_limit_per_minute=2)
    header = await door.token()
    assert [(await door("POST", path, header)).status_code for path in ("/mcp", "/messages/")] == [200, 202]

    for path in ("/mcp", "/messages/", "/test"):
        answer = await door("POST", path, header, json={})
        assert answer.status_code == 429
        assert 1 <= int(answer.headers["retry-after"]) <= 31
        assert "2 requests a minute" in answer.json()["error"]["message"]
    assert (await door("GET", "/info", header)).status_code == 200, "looking is free"
    assert (await door("POST", "/mcp", await door.token(user="bob"))).status_code == 200
    assert door.service.metrics.total(RATE_LIMITED) == 3


async def test_an_answer_over_the_limit_waits_so_that_calling_again_at_once_is_no_use(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    door, waited = Door(rate_limit_per_minute=1), list[float]()

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    monkeypatch.setattr("app.serve.dispatch.asyncio.sleep", sleep)
    header = await door.token()
    statuses = [(await door("POST", "/mcp", header)).status_code for _ in range(3)]

    assert statuses == [200, 429, 429]
    assert waited == [Dispatcher.refusal_s] * 2
    assert (await door("POST", "/nowhere")).status_code == 404
    assert len(waited) == 2, "other refusals are told at once"


@pytest.mark.parametrize("path", ["/sse", "/status", "/report"])
async def test_streams_and_reports_count_too(path: str) -> None:
    door = Door(rate_limit_per_minute=1)
    door.runtime.ready.set()
    header = await door.token("admin")
    await door("GET", path, header)

    assert (await door("POST", "/mcp", header)).status_code == 429


async def test_refusals_are_logged_once_a_second(door: Door, caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(50):
        await door("GET", "/info", {"Host": "other.example"})

    assert len([line for line in caplog.messages if "host_refused" in line or "is not a name" in line]) <= 2


async def test_a_connection_kept_free_for_probes_gets_nothing_else(door: Door) -> None:
    short = httpx.ASGITransport(_on_the_last_connections(door.dispatcher))
    async with httpx.AsyncClient(transport=short, base_url="http://localhost:8000") as client:
        refused = await client.post("/mcp", json={})

        assert (refused.status_code, refused.json()["error"]["data"]["code"]) == (503, "no_descriptors")
        assert refused.headers["retry-after"] == "1"
        assert (await client.get("/health")).status_code == 200


def _on_the_last_connections(app: ASGIApp) -> ASGIApp:
    async def marked(scope: Scope, receive: Receive, send: Send) -> None:
        await app({**scope, "state": {SHORT: True}}, receive, send)

    return marked


@pytest.mark.parametrize(
    ("method", "path", "takes"),
    [("GET", "/mcp", "POST"), ("DELETE", "/mcp", "POST"), ("HEAD", "/sse", "GET"), ("GET", "/messages/", "POST")],
)
async def test_a_wrong_method_is_told_the_right_one(door: Door, method: str, path: str, takes: str) -> None:
    answer = await door(method, path)

    assert (answer.status_code, answer.headers["allow"]) == (405, takes)


async def test_a_client_that_looks_for_a_stream_at_mcp_is_no_warning(
    door: Door, caplog: pytest.LogCaptureFixture
) -> None:
    await door("GET", "/mcp")
    assert caplog.messages == []

    await door("POST", "/mcp", {"Origin": "https://evil.example"})
    assert [record.levelname for record in caplog.records] == ["WARNING"]


async def test_mode_health_has_no_mcp() -> None:
    door = Door(api_mode="health", mcp=False)

    for method, path in (("POST", "/mcp"), ("GET", "/sse"), ("POST", "/messages/")):
        assert (await door(method, path)).status_code == 404
    assert (await door("GET", "/info")).json()["tools"] == []


async def test_a_large_body_is_refused_outside_mcp(door: Door) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(HTTP_BODY_LIMIT_BYTES // 65_536 + 1):
            yield b" " * 65_536

    whole = await door("POST", "/test", content=b" " * (HTTP_BODY_LIMIT_BYTES + 1))
    in_pieces = await door("POST", "/test", content=pieces())

    assert (whole.status_code, in_pieces.status_code) == (413, 413)
    assert (await door("POST", "/test", json={})).status_code == 200


@pytest.mark.parametrize("host", ["0.0.0.0", "127.0.0.1"])
async def test_metrics_take_a_token_with_admin_where_tokens_are_required(host: str) -> None:
    door = Door(host=host, auth="required")

    assert (await door("GET", "/metrics")).status_code == 401
    assert (await door("GET", "/metrics", await door.token("read", "write"))).status_code == 403
    assert (await door("GET", "/metrics", await door.token("admin"))).status_code == 200


async def test_metrics_on_loopback_are_open_where_no_token_is_required() -> None:
    assert (await Door(auth="auto")("GET", "/metrics")).status_code == 200


async def test_with_a_metrics_port_they_are_there_alone() -> None:
    door = Door(host="0.0.0.0", auth="required", metrics_port=9100)

    assert (await door("GET", "/metrics", await door.token("admin"))).status_code == 404
    assert (await door("GET", "/metrics", {"Host": "app:9100"}, port=9100)).status_code == 200
    assert (await door("GET", "/metrics", {"Host": "192.0.2.1:9100"}, port=9100)).status_code == 200
    rebound = await door("GET", "/metrics", {"Host": "attacker.example"}, port=9100)
    assert (rebound.status_code, rebound.json()["error"]["code"]) == (421, "host_refused")
    assert (await door("GET", "/health", port=9100)).status_code == 200
    for method, path in (("GET", "/info"), ("POST", "/mcp"), ("GET", "/openapi.json")):
        assert (await door(method, path, port=9100)).status_code == 404


async def test_a_scrape_never_fails(door: Door) -> None:
    first = (await door("GET", "/metrics")).text
    assert "claude_memory_memories 3.0" in first
    assert "claude_memory_postgres_up 0.0" in first

    door.runtime.broken = True
    door.runtime.ready.set()
    door.service._numbers_at = -1e9
    second = await door("GET", "/metrics")
    assert second.status_code == 200
    assert "claude_memory_memories 3.0" in second.text, "the last known number"
    assert "claude_memory_postgres_up 1.0" in second.text


@pytest.mark.parametrize(("degraded", "status"), [("postgres", 503), ("index", 200), ("", 200)])
async def test_it_is_not_ready_while_the_database_does_not_answer(degraded: str, status: int) -> None:
    for door in (Door(), Door(http=False)):
        door.runtime.ready.set()
        door.runtime.degraded = degraded

        assert (await door("GET", "/ready")).status_code == status
        assert (await door("GET", "/health")).status_code == 200


async def test_a_proxy_is_told_to_send_calls_without_the_database_too(door: Door) -> None:
    assert (await door("GET", READY_FOR_CALLS)).status_code == 503
    door.runtime.ready.set()
    door.runtime.degraded = "postgres"

    assert (await door("GET", READY_FOR_CALLS)).status_code == 200
    assert (await door("GET", "/ready?for=nothing")).status_code == 503
    door.service.stopping = True
    assert (await door("GET", READY_FOR_CALLS)).status_code == 503


async def test_before_the_database_is_open_a_stream_with_a_token_begins_early() -> None:
    door = Door(auth="required", host="0.0.0.0")
    token = await door.token("read")

    assert (await door("GET", "/sse", token)).json() == {"early": True}
    assert (await door("GET", "/sse")).status_code == 401
    assert (await door("GET", "/sse", {"Authorization": "Bearer nonsense"})).status_code == 401
    door.runtime.ready.set()
    assert (await door("GET", "/sse", token)).json() == {"stream": True}


async def test_a_stream_that_needs_no_token_waits_for_nothing() -> None:
    assert (await Door()("GET", "/sse")).json() == {"stream": True}


async def test_each_answer_carries_the_requests_id(door: Door) -> None:
    assert (await door("GET", "/health", {"X-Request-Id": "abc-1"})).headers["x-request-id"] == "abc-1"
    for odd in ("a b", "x" * 65, "a\xff", ""):
        made = (await door("POST", "/mcp", {"X-Request-Id": odd.encode("latin-1")})).headers["x-request-id"]
        assert made != odd
        assert len(made) == 16


async def test_the_id_that_function_compute_gives_a_request_goes_first(door: Door) -> None:
    both = {"X-Request-Id": "abc-1", "X-Fc-Request-Id": "1-674a-5f"}
    assert (await door("GET", "/health", both)).headers["x-request-id"] == "1-674a-5f"
    for odd in ("a b", "x" * 65, "a\xff", ""):
        given = {"X-Request-Id": b"abc-1", "X-Fc-Request-Id": odd.encode("latin-1")}
        assert (await door("GET", "/health", given)).headers["x-request-id"] == "abc-1"


async def test_a_crash_is_an_answer_without_its_text(door: Door, caplog: pytest.LogCaptureFixture) -> None:
    door.mcp.error = RuntimeError("private detail")
    answer = await door("POST", "/mcp")

    assert answer.status_code == 500
    assert "private detail" not in answer.text
    assert "private detail" in caplog.text


async def test_while_the_store_is_away_tokens_cannot_be_checked(door: Door) -> None:
    header = await door.token()

    async def find(_: bytes, **__: bool) -> None:
        raise StoreUnavailable("PostgreSQL does not answer")

    door.tokens.find = find  # type: ignore[method-assign, assignment]
    answer = await door("POST", "/mcp", header)

    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")


async def test_totals_of_all_users_are_for_admin_tokens(door: Door) -> None:
    await door("POST", "/mcp", json={})

    admin = (await door("GET", "/status", await door.token("admin"))).json()
    reader = (await door("GET", "/status", await door.token("read", "write"))).json()
    local = (await door("GET", "/status")).json()

    assert (admin["numbers"]["memories"], admin["requests"]["total"], admin["connections"]) == (3.0, 0.0, 0)
    assert reader["numbers"] == {"memories": 1.0, "bytes": 3.0}, "ann's own"
    assert [reader[name] for name in ("requests", "connections", "sessions")] == [None, None, None]
    assert set(reader) == set(admin), "the same form"
    assert local["numbers"] == admin["numbers"], "on loopback without a token everything is allowed"
    asked = {"test_postgres": True}
    tried = await door("POST", "/test", await door.token("read"), json=asked)
    assert tried.json()["results"]["test_postgres"]["detail"] == "answered"


async def test_status_is_answered_without_numbers_while_the_database_is_away(door: Door) -> None:
    door.runtime.broken = True
    answer = await door("GET", "/status", await door.token("read"))

    assert (answer.status_code, answer.json()["numbers"]) == (200, {})


async def test_no_answer_tells_a_setting_or_a_path_of_the_machine(door: Door) -> None:
    door = Door(qdrant_api_key="-".join(["made", "up"]), memory_data_dir="/somewhere/private")
    for path in ("/status", "/info", "/health"):
        text = (await door("GET", path)).text
        assert "made-up" not in text
        assert "/somewhere" not in text
    assert (await door("GET", "/status")).json()["settings"]["QDRANT_API_KEY"] is True


async def test_no_answer_without_a_token_names_a_place_on_this_machine(tmp_path: Path) -> None:
    data = tmp_path / "memory data"
    door = Door(memory_data_dir=data, host="0.0.0.0", auth="required", metrics_port=9100)
    runtime = Runtime(door.settings)
    runtime._failure = StoreUnavailable(f"no space left on the disk of {data}; more in {data}/postgres.log, {__file__}")
    door.service.runtime = door.runtime = runtime  # type: ignore[assignment]

    async def failing() -> Tokens:
        await runtime.wait_ready()
        raise AssertionError

    door.dispatcher._authenticator = Authenticator(door.settings, failing)
    token = {"Authorization": f"Bearer {new_token()}"}
    paths = (
        "/health",
        "/ready",
        "/status",
        "/info",
        "/metrics",
        "/report",
        "/test",
        "/mcp",
        "/sse",
        "/messages/",
    )
    for path in paths:
        for headers in ({}, token, {"Host": "a b"}):
            for method, port in (("GET", 8000), ("POST", 8000), ("GET", 9100)):
                text = (await door(method, path, headers, port=port)).text
                named = re.search(r"memory data|postgres\.log|/tmp|Traceback|/home|/root|(?<!app)/\w+\.py", text)
                assert named is None, f"{method} {path} at port {port}: {text}"
    health = (await door("GET", "/health")).json()["components"]["postgres"]["detail"]
    more = "more in the data directory, a file of the server"
    assert health == f"no space left on the disk of the data directory; {more}"
