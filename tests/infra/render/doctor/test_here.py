"""What this machine has."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path

import pytest

from infra.command_errors import CannotDo
from infra.render.doctor import here as here_module
from tests.standins.render.app import DeployedApp
from tests.support.render_stack import (
    Drive,
    Stack,
    findings,
)

pytestmark = pytest.mark.usefixtures("checkout")


def test_without_the_apps_packages_those_of_the_lock_are_compared(
    stack: Stack, app: DeployedApp, drive: Drive, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nothing(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    app.changed = {"packages": app.report()["packages"]}
    monkeypatch.setattr(metadata, "version", nothing)

    assert findings(drive)["packages"]["found"].endswith("the same as locked here")


def test_packages_schema_and_python_are_those_of_this_checkout(tmp_path: Path) -> None:
    found = here_module.look(tmp_path / "none.env")

    assert found.installed
    assert found.packages["asyncpg"] == metadata.version("asyncpg")
    assert len(found.schema_files["0001_memories.sql"]) == 12
    assert here_module.declared() <= found.packages.keys()
    assert found.variables == {}


def test_an_env_file_is_read_without_what_it_leaves_empty(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("A=1\nexport B='two words'\nC=\n# D=4\n", encoding="utf-8")

    assert here_module.read_env(tmp_path / ".env") == {"A": "1", "B": "two words"}


def test_an_env_file_that_is_no_text_is_told(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"A=\xff\xfe")

    with pytest.raises(CannotDo, match="cannot be read"):
        here_module.read_env(tmp_path / ".env")


def test_what_is_read_is_not_shown(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("ADMIN_TOKEN=cm_secret-one\n", encoding="utf-8")

    assert "cm_secret-one" not in repr(here_module.look(tmp_path / ".env"))


def test_the_lock_is_read_for_the_python_that_runs_there() -> None:
    older, newer = here_module.locked("3.11.9"), here_module.locked("3.13.1")

    assert older["asyncpg"] == newer["asyncpg"]
    assert older["numpy"] != newer["numpy"]
    assert "httpx2-jsfetch" not in newer  # of a platform the app is not deployed on
