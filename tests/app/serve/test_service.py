"""What the HTTP side knows of the running server."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from app.errors import StoreUnavailable
from app.measuring import Metrics
from app.memory.types import Scope
from app.metrics import RATE_LIMITED
from app.runtime.components import Component, Status
from app.serve.service import Service
from app.settings.fields import Settings

ADMIN, USER = Scope("ann"), Scope("ann", permissions=frozenset({"read"}))


class StandInRuntime:
    """A runtime whose parts and numbers a test sets."""

    def __init__(self) -> None:
        self.settings = Settings(_env_file=None)
        self.started_at = 0.0
        self.ready = asyncio.Event()
        self.ready.set()
        self.failed = False
        self.parts = {"postgres": Status.OK, "index": Status.OK}
        self.asked = 0
        self.away = False

    def components(self) -> list[Component]:
        return [Component(name=name, status=status) for name, status in self.parts.items()]

    async def numbers(self) -> dict[str, float]:
        self.asked += 1
        if self.away:
            raise StoreUnavailable("PostgreSQL does not answer")
        return {"memories": float(self.asked), "unknown": 1.0}

    async def numbers_of(self, user: str) -> dict[str, float]:
        if self.away:
            raise StoreUnavailable("PostgreSQL does not answer")
        return {"memories": 1.0}


@pytest.fixture
def runtime() -> StandInRuntime:
    return StandInRuntime()


@pytest.fixture
def service(runtime: StandInRuntime) -> Service:
    return Service(settings=runtime.settings, runtime=runtime, metrics=Metrics())  # type: ignore[arg-type]


def test_it_is_ready_while_calls_are_answered(runtime: StandInRuntime, service: Service) -> None:
    assert service.is_ready()

    runtime.parts["index"] = Status.DEGRADED
    assert service.is_ready(), "searches do without it"
    runtime.parts["postgres"] = Status.DEGRADED
    assert not service.is_ready()
    runtime.parts["postgres"] = Status.OK
    service.stopping = True
    assert not service.is_ready()


def test_it_takes_calls_while_only_the_database_is_away_but_not_while_it_starts_or_stops(
    runtime: StandInRuntime, service: Service
) -> None:
    runtime.parts["postgres"] = Status.DEGRADED
    assert service.takes_calls(), "each says so itself, at once"

    runtime.ready.clear()
    assert not service.takes_calls(), "calls would wait"
    runtime.failed = True
    assert service.takes_calls(), "a start without the database is told at once"
    service.stopping = True
    assert not service.takes_calls()


async def test_numbers_are_asked_for_once_in_a_while(runtime: StandInRuntime, service: Service) -> None:
    first, second = await asyncio.gather(service.numbers(), service.numbers())
    assert first == second
    assert runtime.asked == 1

    service.numbers_kept_s = 0.0
    assert (await service.numbers())["memories"] == 2
    runtime.away = True
    assert (await service.numbers())["memories"] == 2, "the last ones, when no one answers"


async def test_the_metrics_show_which_parts_are_there(runtime: StandInRuntime, service: Service) -> None:
    runtime.parts |= {"index": Status.DEGRADED, "embeddings": Status.OK, "rerank": Status.DEGRADED}
    service.startup_ms = {"schema ready, 4 files applied": 1_500.0}

    text = (await service.metrics_text()).decode()

    for line in ("postgres_up 1.0", "qdrant_up 0.0", "embeddings_up 1.0", "rerank_up 0.0", "memories 1.0"):
        assert f"claude_memory_{line}" in text
    assert 'claude_memory_startup_seconds{step="schema ready"} 1.5' in text
    assert "unknown" not in text


async def test_what_counts_all_users_is_for_admins(service: Service) -> None:
    service.called("memorize", "ann", "ok", 0.5)
    service.metrics.count(RATE_LIMITED)

    shown: dict[str, Any] = await service.status(ADMIN)
    assert shown["requests"] == {
        "total": 1.0,
        "by_tool": {"memorize": {"ok": 1.0}},
        "rate_limited": 1.0,
        "avg_response_time_seconds": 0.5,
    }
    assert shown["sessions"] == 0

    shown = await service.status(USER)
    assert (shown["requests"], shown["sessions"], shown["numbers"]) == (None, None, {"memories": 1.0})


async def test_without_a_database_the_status_has_no_numbers(runtime: StandInRuntime, service: Service) -> None:
    runtime.away = True

    assert (await service.status(USER))["numbers"] == {}


@pytest.mark.parametrize(("mode", "full"), [("full", True), ("health", False)])
def test_the_info_lists_tools_only_where_there_are_some(service: Service, mode: str, full: bool) -> None:
    service.settings = service.settings.model_copy(update={"api_mode": mode})

    info = service.info()

    assert bool(info["tools"]) is full
    assert bool(info["transports"]) is full
