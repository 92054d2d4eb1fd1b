"""Serves the HTTP API beside MCP: health, status, information, metrics, round trips. /openapi.json describes it.

`app.serve.dispatch` decides who may call it, before a request arrives here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field, StrictBool
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute

from app import __version__
from app.errors import InvalidInput, MemoryServerError, error_body, shown
from app.http.reply import error_headers
from app.runtime.report import InstallationReport
from app.serve.service import Service

State = Literal["starting", "ok", "degraded"]


class ComponentState(BaseModel):
    """One component of the server."""

    status: State
    detail: str | None = Field(description="one line, if there is something to report")


class Health(BaseModel):
    """The server and its components."""

    status: State
    version: str
    uptime_seconds: float
    components: dict[str, ComponentState]


class Requests(BaseModel):
    """Tool calls since the start."""

    total: float
    by_tool: dict[str, dict[str, float]] = Field(description="tool, then outcome")
    rate_limited: float
    avg_response_time_seconds: float


class StatusReport(Health):
    """The current state. Totals over all users are null for callers without the scope `admin`."""

    connections: int | None
    sessions: int | None = Field(description="open SSE sessions")
    requests: Requests | None
    numbers: dict[str, float] = Field(
        description="with the scope admin: memories, database_bytes, index_lag_changes, and more; otherwise the"
        " caller's own memories and bytes"
    )
    startup_ms: dict[str, float] = Field(description="when each step of the start was done")
    settings: dict[str, bool] = Field(description="whether each setting was given; no values")


class Info(BaseModel):
    """Describes this server."""

    name: str
    version: str
    python: str
    protocol_versions: list[str]
    memory_backend: str = Field(description="local, memu, both")
    tools: list[str]
    transports: dict[str, str] = Field(description="transport and its path")
    auth: str
    limits: dict[str, int]


class TestRequest(BaseModel):
    """Which round trips to make."""

    model_config = ConfigDict(extra="forbid")

    test_memu_connection: StrictBool = False
    test_postgres: StrictBool = False
    test_index: StrictBool = False
    test_embeddings: StrictBool = False
    test_rerank: StrictBool = False


class RoundTrip(BaseModel):
    """The result of one round trip."""

    ok: bool
    milliseconds: float
    detail: str


class TestReport(BaseModel):
    """The results of the round trips, by the names of the request; ok when all succeeded."""

    ok: bool
    results: dict[str, RoundTrip]


class ErrorDetail(BaseModel):
    """The code and message of an error."""

    code: str = Field(description="stable; branch on this")
    message: str = Field(description="one line for people")


class ErrorReport(BaseModel):
    """The form of every error."""

    error: ErrorDetail


PROBES = {
    "test_memu_connection": "memu",
    "test_postgres": "postgres",
    "test_index": "index",
    "test_embeddings": "embeddings",
    "test_rerank": "rerank",
}
_CODES = {404: "not_found", 405: "wrong_method", 400: "bad_request", 415: "unsupported_media_type"}


def _errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    return {status: {"model": ErrorReport} for status in statuses}


GUARDED = _errors(400, 401, 403, 421, 503)


def create_app(service: Service, more: Sequence[BaseRoute] = ()) -> FastAPI:
    """Return the API of a running server; `more` are routes that /openapi.json does not show."""
    app = FastAPI(
        title="Claude Memory",
        version=__version__,
        description="Health and numbers of the memory server. Use MCP for the memory itself.",
        docs_url=None,  # its page loads scripts from a CDN
        redoc_url=None,
    )

    @app.get("/health", response_model=Health, summary="State of the server; 200 as soon as the port is open")
    async def health() -> Any:
        return service.health()

    @app.get(
        "/ready",
        response_model=Health,
        responses={503: {"model": Health}},
        summary="Whether the server answers calls now",
    )
    async def ready(response: Response) -> Any:
        response.status_code = 200 if service.is_ready() else 503
        return service.health()

    @app.get("/status", response_model=StatusReport, responses=GUARDED, summary="Current state")
    async def status(request: Request) -> Any:
        return await service.status(request.state.scope)

    @app.get("/info", response_model=Info, responses=GUARDED, summary="Description of this server")
    async def info() -> Any:
        return service.info()

    @app.get(
        "/report",
        response_model=InstallationReport,
        responses=GUARDED,
        summary="Description of this installation, to compare it with another; needs the scope admin",
    )
    async def report() -> Any:
        return await service.runtime.report()

    @app.get(
        "/metrics",
        response_class=Response,
        responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}, **GUARDED, **_errors(404)},
        summary="Numbers for Prometheus",
    )
    async def metrics() -> Response:
        from prometheus_client import CONTENT_TYPE_LATEST

        return Response(await service.metrics_text(), media_type=CONTENT_TYPE_LATEST)

    @app.post(
        "/test",
        response_model=TestReport,
        responses={**GUARDED, **_errors(413, 422, 429)},
        summary="Real round trips to the named components",
    )
    async def test(body: TestRequest, request: Request) -> Any:
        counts = "admin" in request.state.scope.permissions
        wanted = {name: probe for name, probe in PROBES.items() if getattr(body, name)}
        results = {name: await service.runtime.probe(probe, counts=counts) for name, probe in wanted.items()}
        return {"ok": all(result["ok"] for result in results.values()), "results": results}

    app.router.routes.extend(more)
    app.add_exception_handler(MemoryServerError, _known_error)
    app.add_exception_handler(RequestValidationError, _invalid_input)
    app.add_exception_handler(HTTPException, _http_error)
    return app


async def _known_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, MemoryServerError)
    headers = {name.decode(): value.decode() for name, value in error_headers(error)}
    return JSONResponse(error_body(error), error.status, headers)


async def _invalid_input(request: Request, error: Exception) -> Response:
    """Name the first invalid argument, with its value and what is valid."""
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    path = ".".join(str(part) for part in first["loc"][1:]) or "body"
    if isinstance(first.get("input"), bytes):  # FastAPI reads only what is marked as JSON
        message = "body: not marked as JSON; send it with Content-Type: application/json"
    elif first["type"] == "json_invalid":
        message = "body: not valid JSON, takes a JSON object"
    elif first["type"] == "extra_forbidden":
        message = f"{shown(path)}: unknown, takes {', '.join(PROBES)}"
    else:
        takes = {"bool_type": "true or false"}.get(first["type"], "a JSON object")
        message = str(InvalidInput(path, first.get("input"), takes))
    return JSONResponse({"error": {"code": InvalidInput.code, "message": message}}, 422)


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    body = {"error": {"code": _CODES.get(error.status_code, "http_error"), "message": str(error.detail)}}
    return JSONResponse(body, error.status_code, error.headers)
