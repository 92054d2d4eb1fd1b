"""Deploys of a service: start, list, cancel, roll back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from infra.render.api.calls import Calls, Json, at
from infra.render.api.clock import seconds
from infra.render.api.errors import Uncertain
from infra.render.api.recovery import Recovery

Mode = Literal["deploy_only", "build_and_deploy"]

WAITING = frozenset({"created", "queued"})
RUNNING = frozenset({"build_in_progress", "pre_deploy_in_progress", "update_in_progress"})
FAILED = frozenset({"build_failed", "pre_deploy_failed", "update_failed"})
LIVE, CANCELED = "live", "canceled"
DEACTIVATED = "deactivated"  # was live until a later one was

# Between the looks for a queued deploy in the list.
_LOOKS_S = (0.0, 1.0, 2.0, 4.0)


class Deploys:
    """A deploy is found under its service."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._answered: set[str] = set()

    def all(self, service_id: str, **filters: str) -> Iterator[Json]:
        """Yield the deploys of a service, newest first."""
        return self._calls.items(at("services", service_id, "deploys"), "deploy", **filters)

    def latest(self, service_id: str) -> Json | None:
        """Return the newest deploy, None if there is none."""
        page = self._calls.get(at("services", service_id, "deploys"), limit=1) or []
        return page[0]["deploy"] if page else None

    def get(self, service_id: str, deploy_id: str) -> Json:
        """Return one. Raises NotFound."""
        found: Json = self._calls.get(at("services", service_id, "deploys", deploy_id))
        return found

    def start(
        self,
        service_id: str,
        *,
        mode: Mode | None = None,
        clear_cache: bool | None = None,
        commit_id: str | None = None,
        image_url: str | None = None,
    ) -> Json:
        """Start a deploy and return it, also where it only queues behind one that runs.

        mode excludes the other three. Without any, Render builds the newest commit or pulls the image.
        """
        cache = None if clear_cache is None else "clear" if clear_cache else "do_not_clear"
        given = {"deployMode": mode, "clearCache": cache, "commitId": commit_id, "imageUrl": image_url}
        body = {name: value for name, value in given.items() if value is not None}
        return self._started(service_id, "deploys", body)

    def rollback(self, service_id: str, deploy_id: str) -> Json:
        """Deploy again what an earlier deploy built; return the new deploy."""
        return self._started(service_id, "rollback", {"deployId": deploy_id})

    def cancel(self, service_id: str, deploy_id: str) -> Json:
        """Stop a deploy that is not finished."""
        canceled: Json = self._calls.post_again(at("services", service_id, "deploys", deploy_id, "cancel"))
        return canceled

    def _started(self, service_id: str, what: str, body: Json) -> Json:
        path, started_s = at("services", service_id, what), self._calls.clock.now()
        recovery = Recovery(candidates=lambda: self._new(service_id), may_be_empty=True)
        deploy = self._calls.post(path, body, recovery=recovery) or self._queued(service_id, path, started_s)
        self._answered.add(deploy["id"])
        found: Json = deploy
        return found

    def _new(self, service_id: str) -> list[Json]:
        """Return the newest page's deploys that API calls started and that no earlier call of ours answered."""
        page = self._calls.get(at("services", service_id, "deploys"), limit=20) or []
        deploys = [one["deploy"] for one in page]
        triggers = ("api", "rollback")
        return [one for one in deploys if one["id"] not in self._answered and one.get("trigger") in triggers]

    def _queued(self, service_id: str, path: str, started_s: float) -> Json:
        """Return the deploy that a 202 without a body queued. Raises Uncertain."""
        for pause_s in _LOOKS_S:
            self._calls.clock.sleep(pause_s)
            since_s = self._calls.renders_time(started_s)
            new = [one for one in self._new(service_id) if seconds(one["createdAt"]) >= since_s]
            if new:
                return new[0]
        said = "Render queued a deploy, and the list of deploys does not show it"
        raise Uncertain("POST", path, said, remedy="look at the service's deploys in the dashboard")
