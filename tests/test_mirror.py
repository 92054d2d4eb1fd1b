"""Every module has a test file of its name: app/x/y.py has tests/app/x/test_y.py."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MODULES = {
    file.relative_to(ROOT).as_posix()
    for folder in ("app", "ci", "infra", "policies")
    for file in (ROOT / folder).rglob("*.py")
    if file.name not in ("__init__.py", "__main__.py")
}

# Modules without a test file of their name, and why.
WITHOUT = {
    "app/index/collections.py": "an interface; tests/app/store/test_collections.py tests what implements it",
    "app/index/engine.py": "an interface and its values; test_engines.py tests what implements it",
    "app/memory/explained.py": "values without rules; test_explaining.py tests what makes them",
    "app/memory/outbox.py": "an interface and its values; tests/app/store/test_outbox.py tests what implements it",
    "app/memory/ports.py": "interfaces; what implements them is tested",
    "app/memory/types.py": "values without rules; requests, ranking and the store's rows test them",
    "app/memu/service.py": "an interface and its values; test_client.py tests what implements it",
    "app/ops/backup/errors.py": "two errors and nothing else",
    "app/settings/table.py": "generated; test_tabulate.py says when it is stale",
    "app/ops/importing/names.py": "an enumeration; test_formats.py compares it with the readers",
}


def place_of_tests(module: str) -> Path:
    """Return where a module's tests are."""
    path = Path(module)
    return ROOT / "tests" / path.with_name(f"test_{path.name}")


@pytest.mark.parametrize("module", sorted(MODULES - WITHOUT.keys()))
def test_a_module_has_a_test_file_of_its_name(module: str) -> None:
    place = place_of_tests(module)

    assert place.exists(), f"write {place.relative_to(ROOT)}"


@pytest.mark.parametrize("module", sorted(WITHOUT))
def test_every_exception_is_needed(module: str) -> None:
    assert module in MODULES
    assert not place_of_tests(module).exists(), "its line can go"
