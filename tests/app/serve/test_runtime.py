"""The runtime's own facts; what it does is tested through the servers that run it."""

from __future__ import annotations

import ast
import inspect
import textwrap

from app.serve.runtime import RUNTIME_MODULES, Runtime


def test_what_a_start_imports_is_imported_in_a_thread_before() -> None:
    start = ast.parse(textwrap.dedent(inspect.getsource(Runtime._start) + inspect.getsource(Runtime._open_index)))
    imported = {node.module for node in ast.walk(start) if isinstance(node, ast.ImportFrom)}

    assert imported
    assert imported <= set(RUNTIME_MODULES), "an import on the event loop keeps every request waiting"
