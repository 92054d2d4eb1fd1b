"""The runtime's own facts; what it does is tested through the servers that run it."""

from __future__ import annotations

import ast
import inspect
import textwrap
from types import SimpleNamespace
from typing import Any

from app.errors import StoreUnavailable
from app.runtime.components import Component, Status
from app.runtime.runtime import EMBEDDED_INDEX_MODULES, REMOTE_INDEX_MODULES, RUNTIME_MODULES, Runtime
from app.settings.fields import Settings


def test_what_a_start_imports_is_imported_in_a_thread_before() -> None:
    for method in (Runtime._start, Runtime._open_database, Runtime._sign_ins):
        assert imported_by(method) <= {*RUNTIME_MODULES}, "an import on the event loop keeps every request waiting"
    assert imported_by(Runtime._open_index) <= {*EMBEDDED_INDEX_MODULES}
    assert imported_by(Runtime._open_remote_index) <= {*REMOTE_INDEX_MODULES}


def imported_by(method: Any) -> set[str | None]:
    tree = ast.parse(textwrap.dedent(inspect.getsource(method)))
    modules = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert modules
    return modules


async def test_why_postgresql_does_not_run_is_told_at_once_and_only_so_long() -> None:
    postgres: Any = SimpleNamespace(failure=None)
    runtime = Runtime(Settings(_env_file=None), postgres)
    runtime.ready.set()
    assert runtime.components()[0] == Component(name="postgres", status=Status.OK)

    postgres.failure = StoreUnavailable("no space left")
    assert runtime.components()[0] == Component(name="postgres", status=Status.DEGRADED, detail="no space left")

    postgres.failure = None
    assert runtime.components()[0].status is Status.OK
