"""Which libraries are imported where, and what a start loads; tests/test_rooms.py does the same for our own folders."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

APP = Path(__file__).parents[2] / "app"
FILES = sorted(APP.rglob("*.py"))


def package(file: Path) -> str:
    """Return the part of the app a file belongs to: `memory`, `store`, …, or '' for the files beside them."""
    parts = file.relative_to(APP).parts
    return parts[0] if len(parts) > 1 else ""


def imports(file: Path) -> set[str]:
    """Return the full names of all modules a file imports anywhere, also inside functions."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: relative imports hide who is used"
            found.add(node.module or "")
    return found


def users_of(module: str) -> set[str]:
    """Return the packages with a file that imports the module or something in it."""
    return {
        package(file)
        for file in FILES
        if any(name == module or name.startswith(f"{module}.") for name in imports(file))
    }


@pytest.mark.parametrize(
    ("module", "allowed"),
    [
        pytest.param("asyncpg", {"store"}, id="PostgreSQL only in store"),
        pytest.param("qdrant_client", {"index"}, id="Qdrant only in index"),
        pytest.param("openai", {"embedding"}, id="models only in embedding"),
        pytest.param("mcp", {"serve", "access", "clients"}, id="the MCP SDK only at doors and in clients"),
        pytest.param("fastapi", {"serve"}, id="FastAPI only at the door"),
        pytest.param("uvicorn", {"serve", "alerts", "http"}, id="uvicorn only at the doors"),
        pytest.param("smtplib", {"alerts"}, id="mail only from alerts"),
        pytest.param("jwt", {"serve"}, id="ID tokens only at the door"),
    ],
)
def test_a_driver_is_known_in_one_place(module: str, allowed: set[str]) -> None:
    assert users_of(module) <= allowed


def test_sign_in_is_loaded_by_name_where_it_is_wanted() -> None:
    outside = {name for file in FILES if file.parent != APP / "serve" / "oauth" for name in imports(file)}

    assert not {name for name in outside if name.startswith("app.serve.oauth.")}, "every start would pay for it"
    assert "app.serve.oauth" in outside, "the paths alone cost nothing"


def test_the_rule_is_read_from_real_files() -> None:
    assert {"memory", "store", "index", "serve"} <= {package(file) for file in FILES}
    assert users_of("asyncpg"), "the store uses its driver"


def test_without_an_embedding_model_nothing_of_embeddings_is_loaded() -> None:
    """The same holds without a rerank model."""
    start = (
        "import importlib, sys, app.serve.server; from app.runtime.runtime import RUNTIME_MODULES;"
        " [importlib.import_module(name) for name in RUNTIME_MODULES];"
        " print([name for name in ('numpy', 'httpx', 'app.embedding.client', 'app.reranking') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", start], cwd=APP.parent, capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"
