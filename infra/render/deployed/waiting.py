"""Waits for deploys: reports each stage as it begins, and ends the wait for a service whose deploy fails."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from infra.render.api.client import RenderApi
from infra.render.api.deploys import CANCELED, DEACTIVATED, FAILED, LIVE
from infra.render.deployed.choosing import Json, Service

# Render itself gives up after two hours; a build from nothing takes minutes.
LIMIT_S = 1_800.0
# Quick at first, as an image is deployed in seconds; then well below the limit of 400 reads a minute.
_POLLS_S = (1.0, 1.0, 2.0, 2.0, 3.0)
_POLL_S = 5.0

STAGES = {
    "created": "waits to begin",
    "queued": "waits for the deploy before it",
    "build_in_progress": "builds",
    "pre_deploy_in_progress": "runs the pre-deploy command",
    "update_in_progress": "starts the new instances",
    LIVE: "is live",
    DEACTIVATED: "was live until a later one was",
    "build_failed": "failed while building",
    "pre_deploy_failed": "failed in the pre-deploy command",
    "update_failed": "failed while starting the new instances",
    CANCELED: "was canceled",
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
        return STAGES.get(self.status, self.status)

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
    for pause_s in _pauses():
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


def _pauses() -> Iterator[float]:
    yield from _POLLS_S
    while True:
        yield _POLL_S
