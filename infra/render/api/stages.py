"""What a deploy does at each of its stages, in words, and how often to look at it."""

from __future__ import annotations

from collections.abc import Iterator

from infra.render.api.deploys import LIVE

# A build from nothing may take most of it; Render itself gives up after two hours.
LIMIT_S = 1_800
# Quick at first, as an image is deployed in seconds; then well below the limit of 400 reads a minute for all services.
_POLLS_S = (1.0, 1.0, 2.0, 2.0, 3.0)
_POLL_S = 5.0

STAGES = {
    "created": "waits to begin",
    "queued": "waits for the deploy before it",
    "build_in_progress": "builds",
    "pre_deploy_in_progress": "runs the pre-deploy command",
    "update_in_progress": "starts the new instances",
    LIVE: "is live",
}
FAILED_WHILE = {
    "build_failed": "building",
    "pre_deploy_failed": "running the pre-deploy command",
    "update_failed": "starting the new instances",
}


def pauses() -> Iterator[float]:
    """Yield the seconds to wait before each look at a deploy, without end."""
    yield from _POLLS_S
    while True:
        yield _POLL_S
