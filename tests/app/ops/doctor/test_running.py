"""What `claude-memory doctor` reports of a running server."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from app.clients.conversation import NoConversation, ServerAnswers
from app.ops.doctor import running
from app.ops.doctor.remedies import MEMU, Remedies

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


async def test_what_memu_does_not_have_yet_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, away = {"status": "ok", "detail": None}, {"status": "degraded", "detail": "memU refuses the key"}
    numbers = {"outbox_waiting": 2, "outbox_age_seconds": 7_200.0, "outbox_refused": 0}
    health = {"components": {"postgres": whole, "index": whole, "memu": away}, "numbers": numbers}

    async def converse(_session: Any) -> ServerAnswers:
        return ServerAnswers("claude-memory 1", "2025-11-25", 6, health, True, "", "memU refuses the key")

    monkeypatch.setattr(running, "converse", converse)

    found = {check.name: check for check in await running.check_running(tmp_path, REMEDIES)}
    assert (found["memU"].state, found["memU"].remedy) == ("failed", MEMU)
    assert found["search"].found == "search_memory was answered without memU: memU refuses the key"
    assert (found["outbox"].state, found["outbox"].found) == ("warning", "2 waiting for memU, the oldest for 120 min")
