"""Settings by name and presence: wrong ones, waiting ones, those that differ from here."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.standins.render.app import DeployedApp
from tests.support.render_stack import (
    Drive,
    Stack,
    findings,
)

pytestmark = pytest.mark.usefixtures("checkout")


def test_settings_of_the_env_file_here_are_compared(stack: Stack, app: DeployedApp, drive: Drive, folder: Path) -> None:
    (folder / ".env").write_text(
        "EMBEDDING_MODEL=other-model\nMEMU_API_KEY=mu-0a1b2c3d\nQUOTA_MEMORIES=5000\nLOG_LEVEL=DEBUG\nHOST=127.0.0.1\n",
        encoding="utf-8",
    )

    found = findings(drive, status=1)
    assert found["setting EMBEDDING_MODEL"]["state"] == "failed"
    assert found["setting EMBEDDING_MODEL"]["found"] == "other-model here, text-embedding-v4 there"
    assert found["setting MEMU_API_KEY"]["found"] == "set here, not there"
    assert found["setting QUOTA_MEMORIES"]["found"] == "5000 here, 0 there"
    assert "setting LOG_LEVEL" not in found, "it belongs to the place"
    assert "mu-0a1b2c3d" not in str(found)


def test_settings_that_mean_the_same_do_not_differ(stack: Stack, app: DeployedApp, drive: Drive, folder: Path) -> None:
    (folder / "local.env").write_text(
        "EMBEDDING_MODEL=text-embedding-v4\nREDACT_SECRETS=yes\nQUOTA_MEMORIES=0\n", encoding="utf-8"
    )

    found = findings(drive, "--env-file", "local.env", status=0)
    assert found["settings here"]["found"] == "those of local.env are the same there"


def test_variables_that_wait_for_a_deploy_are_told(stack: Stack, app: DeployedApp, drive: Drive) -> None:
    drive("env", "set", "QUOTA_MEMORIES=5000")
    drive("env", "set", "EMBEDDING_MODEL=text-embedding-v5")

    found = findings(drive, status=0)["settings in force"]
    assert found["found"] == "changed after the running deploy: EMBEDDING_MODEL, QUOTA_MEMORIES"
    assert found["remedy"] == "`deploy --mode deploy` lets them take effect"


def test_variables_that_cannot_work_are_told(stack: Stack, app: DeployedApp, drive: Drive) -> None:
    variables = stack.services["web"].variables
    variables[:] = [one for one in variables if one["envVar"]["key"] != "DATABASE_URL"]
    variables.append({"cursor": "1", "envVar": {"key": "QRDANT_URL", "value": "http://q"}})
    variables.append({"cursor": "2", "envVar": {"key": "RATE_LIMIT_PER_MINUTE", "value": "a lot"}})

    found = findings(drive, status=1)
    assert "every deploy would lose all memories" in found["setting DATABASE_URL"]["found"]
    assert "did you mean QDRANT_URL" in found["variable QRDANT_URL"]["found"]
    assert "its value is not taken" in found["setting RATE_LIMIT_PER_MINUTE"]["found"]
