"""What a function costs a month: on demand, with provisioned instances, and with ones whose CPU never sleeps.

An instance is billed while at least one request is open; an SSE stream is one. It takes 200 requests at a time, so one
instance is enough for what is assumed here. Time in which both a request and a stream are open is counted twice: what
comes out is a little too much rather than too little.
"""

from __future__ import annotations

from dataclasses import dataclass

from infra.aliyun.cost.prices import (
    CU_PER_CPU_S,
    CU_PER_DISK_GB_S,
    CU_PER_GB_S,
    CU_PER_IDLE_CPU_S,
    CU_PER_REQUEST,
    FREE_DISK_GB,
    TIERS,
)

DAYS = 30
DAY_S = 86_400.0
_MB_PER_GB = 1024
_RARE = "when more instances are needed"


@dataclass(frozen=True, kw_only=True)
class Use:
    """How a function is used and what it has. sse_hours: a day in which at least one stream is open."""

    requests: int
    mean_ms: float
    sse_hours: float
    memory_mb: int
    cpu: float
    disk_mb: int
    provisioned: int

    @property
    def busy_s(self) -> float:
        """Seconds a day in which an instance answers; never more than the day has."""
        return min(DAY_S, self.requests * self.mean_ms / 1000 + self.sse_hours * 3600)


@dataclass(frozen=True)
class Cost:
    """A month, in compute units and in the prices' currency."""

    how: str
    cu: float
    price: float
    cold_starts: str


def costs(use: Use) -> list[Cost]:
    """Return what each way costs."""
    found = [_cost("on demand", on_demand(use), "after each pause")]
    if use.provisioned:
        named = f"{use.provisioned} provisioned"
        found.append(_cost(f"{named}, CPU asleep between requests", provisioned(use, always=False), _RARE))
        found.append(_cost(f"{named}, CPU never asleep", provisioned(use, always=True), _RARE))
    return found


def on_demand(use: Use) -> float:
    """Return compute units a month of instances that exist only while they answer."""
    return DAYS * (use.requests * CU_PER_REQUEST + use.busy_s * (use.cpu * CU_PER_CPU_S + _standing(use)))


def provisioned(use: Use, *, always: bool) -> float:
    """Return compute units a month of instances that always exist. always: their CPU never sleeps."""
    whole_s = use.provisioned * DAY_S
    awake_s = whole_s if always else use.busy_s
    asleep_s = max(0.0, whole_s - awake_s)
    cpu = use.cpu * (awake_s * CU_PER_CPU_S + asleep_s * CU_PER_IDLE_CPU_S)
    return DAYS * (use.requests * CU_PER_REQUEST + cpu + whole_s * _standing(use))


def price_of(cu: float) -> float:
    """Return the price of compute units of one month, tier by tier."""
    total, below = 0.0, 0.0
    for up_to, each in TIERS:
        total += max(0.0, min(cu, up_to) - below) * each
        below = up_to
    return total


def _standing(use: Use) -> float:
    """Return compute units a second of memory and disk."""
    disk_gb = max(0.0, use.disk_mb / _MB_PER_GB - FREE_DISK_GB)
    return use.memory_mb / _MB_PER_GB * CU_PER_GB_S + disk_gb * CU_PER_DISK_GB_S


def _cost(how: str, cu: float, cold_starts: str) -> Cost:
    return Cost(how, cu, price_of(cu), cold_starts)
