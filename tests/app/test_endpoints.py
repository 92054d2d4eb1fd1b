"""The paths of MCP: named once, and cheap to import."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from app import endpoints

ROOT = Path(__file__).parents[2]
FILES = [file for folder in ("app", "infra", "policies") for file in sorted((ROOT / folder).rglob("*.py"))]
PATHS = (endpoints.MCP, endpoints.SSE, endpoints.MESSAGES)
HOME = ROOT / "app" / "endpoints.py"


def strings(file: Path) -> set[str]:
    """Return the string constants of a file, without documentation."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    documentation = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef))
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    return {
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documentation
    }


@pytest.mark.parametrize("path", PATHS)
def test_no_other_module_spells_a_path_out(path: str) -> None:
    assert [file for file in FILES if path in strings(file)] == [HOME]


def test_importing_them_loads_nothing_of_the_server() -> None:
    script = "import sys, app.endpoints; print([name for name in sys.modules if name.startswith('app')])"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "['app', 'app.endpoints']"
