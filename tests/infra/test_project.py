"""Pulumi.yaml and what it leads to, and how the tests of infra stand to its modules and to the app."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
import yaml

from tests.support.serving import ROOT

MODULES = sorted(path for path in (ROOT / "infra").rglob("*.py") if path.name != "__init__.py")
# Facts of the app that stand once, and that infra itself reads.
FACTS = ("app.endpoints", "app.metrics", "app.settings", "app.errors")


def test_the_packages_of_the_programs_are_found_where_pulumi_install_looks() -> None:
    project = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())
    beside_the_program = ROOT / project["main"] / "requirements.txt"  # otherwise it installs nothing, silently
    (line,) = [line for line in beside_the_program.read_text().splitlines() if not line.startswith("#")]

    assert (beside_the_program.parent / line.removeprefix("-r ")).resolve() == ROOT / "requirements" / "selfhost.txt"


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_module_has_tests_of_its_name(module: Path) -> None:
    name = module.stem.strip("_")

    assert (ROOT / "tests" / module.parent.relative_to(ROOT) / f"test_{name}.py").exists()


def test_tests_of_infra_know_only_facts_of_the_app() -> None:
    used = {
        name
        for file in (ROOT / "tests" / "infra").rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        for name in _names(node)
        if name.partition(".")[0] == "app"
    }

    assert used
    assert not [name for name in used if not name.startswith(FACTS)]


def test_tests_of_the_app_know_nothing_of_infra() -> None:
    files = [
        file
        for file in (ROOT / "tests" / "app").rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if any(name.partition(".")[0] == "infra" for name in _names(node))
    ]

    assert files == []


def _names(node: ast.AST) -> list[str]:
    """Return the modules that a statement imports."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [str(node.module)] if isinstance(node, ast.ImportFrom) else []
