"""Every known failure of a function is recognised in lines as they come, and in no line of an app that runs well."""

from __future__ import annotations

import pytest

from infra.aliyun.doctor.known_failures import FAILURES, recognised
from infra.aliyun.driver.cli import build_parser

# Lines of Function Compute (from its documentation), of Python and of the app, as they stand in logs.
LINES = {
    "port": ["Function instance health check failed on port 9001 in 120 seconds.\nLogs:"],
    "start command": [
        "Failed to start function instance. Error: the file /code/bootstrap is not exist",
        "The function cannot be started. Function instance exited unexpectedly(code 13, message:permission denied) with"
        " start command '/code/bootstrap '.",
        "CAFileNotFound The function cannot be started.",
    ],
    "missing module": [
        "ModuleNotFoundError: No module named 'qdrant_client'",
        "mcp_server.py: No module named 'app'",
        "ImportError: cannot import name 'TypeForm' from 'typing_extensions'",
    ],
    "other platform": [
        "./node: /lib/x86_64-linux-gnu/libc.so.6: version `GLIBC_2.28' not found",
        "Function instance exited unexpectedly(code 8, message:exec format error)",
        "ImportError: libpq.so.5: cannot open shared object file: No such file or directory",
    ],
    "exited at the start": [
        "Function instance exited unexpectedly(code 1, message:operation not permitted) with start command 'python'",
        "CAExited The function either cannot be started or exited.",
    ],
    "wrong setting": ["claude-memory: 2 wrong settings: EMBEDDING_DIMENSIONS: got many; PORT: got x"],
    "no token": ["claude-memory: AUTH=required, but there is no token, so nobody could connect"],
    "time-out": ["Function time out after 600 seconds", "Function timed out after 600 seconds"],
    "out of memory": [
        "Function instance exited unexpectedly(code 137, message:signal killed)",
        "MemoryError",
        "Out of memory",
    ],
    "process ended": ["Process exited unexpectedly before completing request (duration: 45ms, maxMemoryUsage: 9.18MB)"],
    "throttled": ["ResourceThrottled: Reached the limit on total number of on-demand instances"],
    "disk full": ["OSError: [Errno 28] No space left on device"],
    "rerank key": ["dashscope.aliyuncs.com refuses the key (401); check RERANK_API_KEY, or DASHSCOPE_API_KEY for"],
    "bad key": ["the embedding service does not know the key"],
    "PostgreSQL login": ["PostgreSQL at db refused the login of memory"],
    "PostgreSQL away": ["PostgreSQL did not answer within 5 s", 'could not translate host name "db" to address'],
}
WELL = [
    "listening on http://0.0.0.0:8000",
    '{"level": "info", "message": "started in 412 ms", "request_id": "1-65a77fbb-157f3f32"}',
    "FC Invoke Start RequestId: 1-65a77fbb-157f3f32-e1ee24b17e49",
    "FC Invoke End RequestId: 1-65a77fbb-157f3f32-e1ee24b17e49",
]


def test_every_failure_has_lines() -> None:
    assert set(LINES) == {failure.id for failure in FAILURES}


@pytest.mark.parametrize("id_", LINES)
def test_a_failure_is_recognised(id_: str) -> None:
    for line in LINES[id_]:
        assert id_ in {one.id for one in recognised([line])}, line


def test_lines_of_an_app_that_runs_well_are_no_failure() -> None:
    assert recognised(WELL) == []


def test_a_remedy_names_commands_that_exist() -> None:
    commands = build_parser().format_help()

    for failure in FAILURES:
        for name in ("release", "bundle", "logs", "check"):
            if f"`{name}" in failure.remedy:
                assert f"    {name}" in commands
