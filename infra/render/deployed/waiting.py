"""Waits for deploys: reports each stage as it begins, and ends the wait for a service whose deploy fails."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from infra.render.api.client import RenderApi
from infra.render.api.deploys import CANCELED, DEACTIVATED, FAILED, LIVE
from infra.render.api.stages import FAILED_WHILE, LIMIT_S, STAGES, pauses
from infra.render.deployed.choosing import Json, Service

_WORDS = {
    **STAGES,
    DEACTIVATED: "was live until a later one was",
    CANCELED: "was canceled",
    **{status: f"failed while {stage}" for status, stage in FAILED_WHILE.items()},
}

# Called with the service and what its deploy does now, after how many seconds.
OnStage = Callable[[Service, str, float], None]


@dataclass(frozen=True)
class Watched:
    """A service and its deploy, as last seen."""

    service: Service
    deploy: Json = field(repr=False)

    @property
    def status(self) -> str:
        return str(self.deploy["status"])

    @property
    def says(self) -> str:
        """What the deploy does, in words."""
        return _WORDS.get(self.status, self.status)

    @property
    def is_live(self) -> bool:
        """Whether it is live, or was before a later one took its place."""
        return self.status in (LIVE, DEACTIVATED)

    @property
    def is_over(self) -> bool:
        return self.is_live or self.status in FAILED or self.status == CANCELED


def wait(api: RenderApi, started: Sequence[Watched], on_stage: OnStage, limit_s: float = LIMIT_S) -> list[Watched]:
    """Wait until every deploy is over, and return all as last seen; after limit_s some may not be over."""
    began_s, current = api.clock.now(), list(started)
    for one in current:
        on_stage(one.service, one.says, 0.0)
    for pause_s in pauses():
        waited_s = api.clock.now() - began_s
        if all(one.is_over for one in current) or waited_s >= limit_s:
            break
        api.clock.sleep(pause_s)
        for place, before in enumerate(current):
            if not before.is_over:
                current[place] = now = replace(before, deploy=api.deploys.get(before.service.id, before.deploy["id"]))
                if now.status != before.status:
                    on_stage(now.service, now.says, api.clock.now() - began_s)
    return current
