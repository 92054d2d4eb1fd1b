"""Every known failure is recognised in lines as they come, and in no line of an app that runs well."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from infra.render.doctor.known_failures import FAILURES, event_text, recognised
from infra.render.driver.cli import build_parser

# Lines of Render, its router, builds, Python and the app, as they stand in logs.
LINES = {
    "app not in the image": [
        "/opt/claude-memory/bin/python3: No module named app",
        "ModuleNotFoundError: No module named 'app.process'",
    ],
    "memU key": [
        "WARNING app.memu.sender nothing is sent to memU for now: api.memu.so refuses the key (401); check"
        " MEMU_API_KEY, and the account in its console"
    ],
    "missing module": [
        "ModuleNotFoundError: No module named 'qdrant_client'",
        "ImportError: cannot import name 'TypeForm' from 'typing_extensions' (/opt/typing_extensions.py)",
    ],
    "bound to loopback": [
        "listening on http://127.0.0.1:10000",
        "INFO:     Uvicorn running on http://127.0.0.1:8000 (Press CTRL+C to quit)",
        "[2026-11-03 18:42:11 +0000] [1] [INFO] Listening at: http://127.0.0.1:8000 (1)",
    ],
    "no open port": [
        "==> No open ports detected, continuing to scan...",
        "==> No open HTTP ports detected on 0.0.0.0, continuing to scan...",
        "==> Port scan timeout reached, no open ports detected. Bind your service to at least one port. If you don't "
        "need to receive traffic on any port, create a background worker instead.",
    ],
    "port in use": ["OSError: [Errno 98] Address already in use"],
    "open to everybody": [
        "claude-memory: 0.0.0.0 can be reached from outside, and no token is asked for; set AUTH=required and create a "
        "token (claude-memory token create --user NAME), or listen on 127.0.0.1; AUTH=off lets everybody in"
    ],
    "no token": [
        "claude-memory: AUTH=required, but there is no token, so nobody could connect; create one: claude-memory token "
        "create --user NAME"
    ],
    "wrong setting": [
        "claude-memory: 2 wrong settings: EMBEDDING_DIMENSIONS: got many, input should be a valid integer; PORT: got x"
    ],
    "out of memory": [
        "==> Out of memory (used over 512Mi)",
        "Ran out of memory (limit 512Mi)",
        "==> Exited with status 137",
        "MemoryError",
    ],
    "crash loop": [
        "==> Exited with status 1",
        "==> Exited with status 1",
        "==> Application exited early",
    ],
    "health check": [
        "==> Health check failed: HTTP health check failed (timed out after 5 seconds)",
        "Timed out after 900 s: the service did not become healthy",
    ],
    "disk full": ["OSError: [Errno 28] No space left on device: '/var/lib/claude-memory/backups/2026-11-03.tar'"],
    "rerank key": [
        "WARNING app.reranking searching without the rerank service: api.cohere.com refuses the key (401); check"
        " RERANK_API_KEY, or DASHSCOPE_API_KEY for DashScope"
    ],
    "bad key": [
        "WARNING app.embedding dashscope.aliyuncs.com does not know the key (401 invalid_api_key); set "
        "EMBEDDING_API_KEY, or DASHSCOPE_API_KEY for DashScope",
        '{"error": {"message": "Incorrect API key provided", "code": "invalid_api_key"}}',
    ],
    "embedding account": [
        "dashscope.aliyuncs.com denies access (403 Arrearage): the account is in arrears or may not use the model",
        "the quota at api.example is used up (429 insufficient_quota); raise it in the service's console",
    ],
    "no such model": ["api.example has no model 'text-embedding-v9' (404 ModelNotFound); check EMBEDDING_MODEL"],
    "zero-length answer of a service": [
        "json.decoder.JSONDecodeError: Expecting value: line 1 column 1 (char 0)",
        "dashscope.aliyuncs.com answered without a vector for each text",
        "httpx.RemoteProtocolError: peer closed connection without sending complete message body (incomplete chunked "
        "read)",
    ],
    "zero-length answer": [
        '[POST]200 claude-memory-web.onrender.com/mcp clientIP="203.0.113.9" requestID="8f2c1a7e-4b1d" '
        'responseTimeMS=2 responseBytes=0 userAgent="claude-code/2.0"'
    ],
    "Qdrant key": ["Qdrant refuses the key (403); check QDRANT_API_KEY"],
    "Qdrant away": [
        "the search index cannot answer: Qdrant: All connection attempts failed",
        "Qdrant answered 503: busy",
    ],
    "PostgreSQL login": [
        'PostgreSQL refused the login: password authentication failed for user "memory"; check DATABASE_URL',
        "PostgreSQL refuses the login (InvalidPasswordError); give DATABASE_URL its present password",
    ],
    "PostgreSQL address": [
        "socket.gaierror: [Errno -2] Name or service not known",
        'could not translate host name "dpg-ct6vmjtj0q5s700ckea0-a" to address',
    ],
    "PostgreSQL TLS": ["FATAL: SSL/TLS required"],
    "PostgreSQL connections": [
        "FATAL: remaining connection slots are reserved for roles with the SUPERUSER attribute",
        "asyncpg.exceptions.TooManyConnectionsError: sorry, too many clients already",
    ],
    "PostgreSQL away": [
        "PostgreSQL does not answer (ConnectionRefusedError); check DATABASE_URL, and that it runs there"
    ],
    "PostgreSQL rights": ["PostgreSQL refused to set up the schema: permission denied to create role; the user of"],
    "no Dockerfile": [
        "error: failed to solve: failed to read dockerfile: open Dockerfile: no such file or directory",
    ],
    "hashes": ["ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE."],
    "architecture": ["exec /opt/claude-memory/bin/claude-memory: exec format error"],
    "image": [
        "image pull failed: manifest unknown",
        "failed to resolve reference docker.io/example/claude-memory:9: pull access denied",
    ],
}
HEALTHY = [
    "==> Building...",
    "==> Uploading build...",
    "==> Deploying...",
    "listening on http://0.0.0.0:10000",
    "==> Detected service running on port 10000",
    "==> Your service is live 🎉",
    "==> Available at your primary URL https://claude-memory-web.onrender.com",
    '[GET]200 claude-memory-web.onrender.com/health clientIP="203.0.113.9" responseTimeMS=2 responseBytes=231',
    '[DELETE]204 claude-memory-web.onrender.com/mcp responseBytes=0 userAgent="x"',
    "2026-11-03T18:42:11Z INFO app.runtime ready in 812 ms",
    "2026-11-03T18:42:12Z INFO app.index.follower level with the change log, 0 changes behind",
    "2026-11-03T18:43:00Z INFO app.worker leads since 60 s; backup at 02:00; memory 81 MB",
    "==> Exited with status 0",
]


def test_every_known_failure_has_lines() -> None:
    assert set(LINES) == {failure.id for failure in FAILURES}
    assert len({failure.id for failure in FAILURES}) == len(FAILURES)


@pytest.mark.parametrize(
    ("id_", "line"), [pytest.param(id_, line, id=id_) for id_, lines in LINES.items() for line in lines]
)
def test_a_line_is_recognised(id_: str, line: str) -> None:
    (failure,) = [failure for failure in FAILURES if failure.id == id_]
    found = {one.id for one in recognised([line] * failure.at_least)}

    assert id_ in found
    assert found - {id_} <= {"crash loop", "PostgreSQL login", "image"}, "one line, one failure"


def test_an_app_that_runs_well_has_none() -> None:
    assert recognised(HEALTHY * 5) == []


def test_what_the_line_names_is_named() -> None:
    (module,) = recognised(["ModuleNotFoundError: No module named 'qdrant_client'"])
    (setting,) = recognised(LINES["wrong setting"])

    assert module.what == "Python does not find qdrant_client"
    assert setting.what == "the app does not start: 2 wrong in its settings, the first is EMBEDDING_DIMENSIONS"
    assert "`env set EMBEDDING_DIMENSIONS=…`" in setting.remedy


def test_lines_are_counted_and_the_last_is_kept() -> None:
    (found,) = recognised(["==> Out of memory (used over 512Mi)", "x", "==> Out of memory (used over 1Gi)"])

    assert (found.count, found.last) == (2, "==> Out of memory (used over 1Gi)")


def test_one_end_is_no_crash_loop() -> None:
    assert recognised(["==> Exited with status 1"] * 2) == []


@pytest.mark.parametrize(
    ("event", "id_"),
    [
        pytest.param({"type": "server_failed", "reason": {"oomKilled": {"memoryLimit": "512Mi"}}}, "out of memory"),
        pytest.param({"type": "server_failed", "reason": {"unhealthy": "timed out"}}, "health check"),
        pytest.param({"type": "deploy_ended", "reason": {"failure": {"timedOutSeconds": 900}}}, "health check"),
        pytest.param({"type": "image_pull_failed", "message": "manifest unknown"}, "image"),
        pytest.param({"type": "server_failed", "reason": {"nonZeroExit": 137}}, "out of memory"),
        pytest.param({"type": "deploy_ended", "reason": {"newDeploy": {"id": "dep-1"}}}, None),
        pytest.param({"type": "server_failed", "reason": {"evicted": True}}, None),
        pytest.param({"type": "deploy_started"}, None),
    ],
)
def test_failures_that_render_notes_as_events_are_recognised_too(event: dict[str, object], id_: str | None) -> None:
    said = event_text({"type": event["type"], "details": {name: event[name] for name in event if name != "type"}})

    assert [one.id for one in recognised([said] if said else [])] == ([id_] if id_ else [])


def test_every_command_that_a_remedy_names_is_one() -> None:
    source = "".join(f"{failure.what} {failure.remedy} " for failure in FAILURES)
    for path in sorted((Path(__file__).parents[4] / "infra" / "render" / "doctor").glob("*.py")):
        source += path.read_text(encoding="utf-8")
    quoted = {one for one in re.findall(r'`([a-z]+(?: [^`"\n]*)?)`', source) if one.split()[0] in _COMMANDS}
    known = build_parser()

    assert len(quoted) > 15
    for one in sorted(quoted):
        words = one.replace("{name}", "LOG_LEVEL").replace("{kind}", "app").replace("=…", "=INFO")
        known.parse_args(words.split())


_COMMANDS = {"deploy", "deploys", "env", "rotate", "logs", "metrics", "status", "scale", "resume", "rollback", "doctor"}
