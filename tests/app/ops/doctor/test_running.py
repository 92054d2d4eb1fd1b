"""What `claude-memory doctor` reports of a running server."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from app.clients.conversation import NoConversation, ServerAnswers
from app.ops.doctor import running
from app.ops.doctor.remedies import Remedies

REMEDIES = Remedies(server="restart it", postgres="start PostgreSQL", index="rebuild it")


@pytest.mark.parametrize(("degraded", "state"), [(True, "failed"), (False, "ok"), (None, "failed")])
async def test_a_running_server_is_asked_to_search(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, degraded: bool | None, state: str
) -> None:
    whole = {"status": "ok", "detail": None}
    health = {"components": {"postgres": whole, "index": whole}}

    async def converse(_session: Any) -> ServerAnswers:
        return ServerAnswers("claude-memory 1", "2025-11-25", 9, health, degraded, "broken" if degraded is None else "")

    monkeypatch.setattr(running, "converse", converse)

    search = {check.name: check for check in await running.check_running(tmp_path, REMEDIES)}["search"]

    assert search.state == state
    assert state == "ok" or search.remedy == REMEDIES.index


async def test_a_running_server_without_its_database_says_to_start_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def converse(_session: Any) -> ServerAnswers:
        raise NoConversation("memory_health: store_unavailable: PostgreSQL does not answer")

    monkeypatch.setattr(running, "converse", converse)

    assert (await running.check_running(tmp_path, REMEDIES))[0].remedy == REMEDIES.postgres
