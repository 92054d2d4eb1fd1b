"""Versions, revision, packages and schema, here and there."""

from __future__ import annotations

from importlib import metadata

import pytest

from infra.render.doctor import here as here_module
from tests.standins.render.app import DeployedApp
from tests.support.render_stack import (
    COMMIT,
    Drive,
    Stack,
    findings,
)

pytestmark = pytest.mark.usefixtures("checkout")


def test_versions_that_differ_are_told(stack: Stack, app: DeployedApp, drive: Drive) -> None:
    packages = app.report()["packages"]
    app.changed = {
        "version": "9.9.9",
        "python": "3.14.1",
        "packages": {name: version for name, version in packages.items() if name != "uvicorn"} | {"asyncpg": "0.1"},
        "schema_files": {"0001_memories.sql": "000000000000", "0099_later.sql": "111111111111"},
    }

    found = findings(drive, status=1)
    assert "9.9.9 there" in found["version"]["found"]
    assert found["Python"]["state"] == "warning"
    assert found["package asyncpg"]["found"].endswith("here, 0.1 there")
    assert found["package uvicorn"]["found"].endswith("here, none there")
    assert found["schema 0001_memories.sql"]["found"] == "differs from what was applied there"
    assert found["schema 0002_oauth.sql"]["found"] == "here, not there"
    assert found["schema 0099_later.sql"]["state"] == "warning"


@pytest.mark.parametrize(
    ("revision", "said"),
    [
        pytest.param(("1234567" + COMMIT[7:], 0), "1234567 here, 59bb072 there", id="another commit"),
        pytest.param((COMMIT, 3), "but 3 files changed here", id="changed files"),
        pytest.param((None, 0), "git does not tell", id="no git"),
    ],
)
def test_a_revision_that_differs_is_told(
    revision: tuple[str | None, int],
    said: str,
    stack: Stack,
    app: DeployedApp,
    drive: Drive,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(here_module, "_revision", lambda: revision)

    found = findings(drive, status=0)["revision"]
    assert (found["state"], said in found["found"]) == ("warning", True)


def test_a_package_that_another_python_wants_is_no_failure(
    stack: Stack, app: DeployedApp, drive: Drive, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nothing(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", nothing)
    app.changed = {"python": "3.13.1", "packages": here_module.locked("3.13.1")}

    assert "package numpy" not in findings(drive, status=0)


def test_a_package_that_is_not_as_locked_here_alone_is_a_warning(
    stack: Stack, app: DeployedApp, drive: Drive, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = metadata.version
    app.changed = {"packages": here_module.locked(app.report()["python"])}
    monkeypatch.setattr(metadata, "version", lambda name: "0.1" if name == "asyncpg" else installed(name))

    found = findings(drive, status=0)["package asyncpg"]
    assert (found["state"], "`./dev` command installs it here" in found["remedy"]) == ("warning", True)
