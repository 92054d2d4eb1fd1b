"""The token the app is asked with."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.standins.render.app import DeployedApp
from tests.support.render_stack import (
    TOKEN,
    Drive,
    Stack,
    findings,
)

pytestmark = pytest.mark.usefixtures("checkout")


def test_the_token_is_the_one_given_or_the_services_own(
    stack: Stack, app: DeployedApp, drive: Drive, folder: Path
) -> None:
    findings(drive)
    assert set(app.seen_tokens) == {TOKEN}

    app.tokens = {"cm_mine", "cm_of-a-file"}
    app.seen_tokens.clear()
    assert findings(drive, MEMORY_TOKEN="cm_mine")["PostgreSQL"]["state"] == "ok"
    (folder / "token").write_text("cm_of-a-file\n", encoding="utf-8")
    assert findings(drive, "--token-file", "token")["PostgreSQL"]["state"] == "ok"
    assert set(app.seen_tokens) == {"cm_mine", "cm_of-a-file"}
