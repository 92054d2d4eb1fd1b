"""What a deploy runs, and when things happened, in words for a table."""

from __future__ import annotations

from datetime import UTC, datetime

from infra.command_errors import WrongUsage
from infra.hiding import without_controls
from infra.render.api.client import RenderApi
from infra.render.api.clock import seconds
from infra.render.api.deploys import LIVE
from infra.render.api.errors import NotFound
from infra.render.deployed.choosing import Json, Service

MARGIN_S = 5.0  # lines of a deploy may be noted a little before its start and after its end
_SHORT = 7  # letters of a commit or a digest


def revision(deploy: Json) -> str:
    """Return the commit with the first line of its message, or the image."""
    commit, image = deploy.get("commit"), deploy.get("image")
    if commit:
        message = without_controls(" ".join(str(commit.get("message") or "").splitlines()[:1]))
        return f"{str(commit['id'])[:_SHORT]} {message[:50]}".rstrip()
    if image:
        name = str(image.get("ref") or "").rpartition("/")[2]
        digest = str(image.get("sha") or "").removeprefix("sha256:")[:_SHORT]
        return f"{name} {digest}".rstrip() if digest not in name else name
    return "-"


def live_deploy(api: RenderApi, service_id: str, latest: Json | None) -> Json | None:
    """Return the deploy that runs; `latest` is the newest one, which may be another."""
    if latest is None or latest["status"] == LIVE:
        return latest
    return next(api.deploys.all(service_id, status=LIVE), None)


def began_s(deploy: Json) -> float:
    """Return when a deploy began, in seconds since 1970."""
    return seconds(deploy.get("startedAt") or deploy["createdAt"])


def deploy_named(api: RenderApi, service: Service, id_: str, option: str) -> Json:
    """Return a deploy by the id that was given as an option. Raises WrongUsage if the service has none of this id."""
    try:
        return api.deploys.get(service.id, id_)
    except NotFound:
        raise WrongUsage(
            f"{option} {id_}: {service.name} has no such deploy; `deploys --service {service.name}` lists them"
        ) from None


def when(time: str | None) -> str:
    """Return a time of the API to the minute, in UTC."""
    if not time:
        return "-"
    return datetime.fromtimestamp(seconds(time), UTC).strftime("%Y-%m-%d %H:%M")


def took(deploy: Json) -> str:
    """Return how long a deploy took from its start."""
    started, finished = deploy.get("startedAt"), deploy.get("finishedAt")
    return span(seconds(finished) - seconds(started)) if started and finished else "-"


def span(length_s: float) -> str:
    """Return a length of time: 12 s, 3:05 min, 2:10 h."""
    whole = round(length_s)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60}:{whole % 60:02} min"
    return f"{whole // 3600}:{whole % 3600 // 60:02} h"
