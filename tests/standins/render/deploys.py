"""Deploys: they go on as time passes or as they are looked at, one after the other."""

from __future__ import annotations

from typing import Any

from tests.standins.render.state import Json, Refused, Reply, Request, Service, State, page

RUNNING = ("build_in_progress", "pre_deploy_in_progress", "update_in_progress")
FAILED = {
    "build_failed": "build_in_progress",
    "pre_deploy_failed": "pre_deploy_in_progress",
    "update_failed": "update_in_progress",
}  # which stage ends so
_SHA = "sha256:88b3388ea06c7262e410a3ab5c05dc4088b7b39dea569addd8c30766f4f47440"


def _stages(service: Service, deploy: Json) -> list[str]:
    image = service.details.get("runtime") == "image"
    if image and service.shown["type"] == "cron_job":
        return ["live"]
    pre = (service.details.get("envSpecificDetails") or {}).get("preDeployCommand")
    built = image or deploy["trigger"] == "rollback" or deploy.get("mode") == "deploy_only"
    stages = [] if built else ["build_in_progress"]
    return [*stages, *(["pre_deploy_in_progress"] if pre else []), "update_in_progress", "live"]


def begin(state: State, service: Service, trigger: str, **more: Any) -> Json:
    """Add a deploy; it starts at once if no other runs."""
    deploy: Json = {
        "createdAt": state.time(),
        "id": state.id("dep"),
        "status": "queued",
        "trigger": trigger,
        "updatedAt": state.time(),
        **more,
    }
    if service.details.get("runtime") == "image":
        deploy |= {"commit": None, "image": {"ref": more.get("ref") or service.shown["imagePath"], "sha": _SHA}}
    else:
        commit = more.get("commit_id") or "59bb07278c918ac8798e2532b4251f7c34e365f5"
        deploy["commit"] = {"createdAt": "2024-09-11T15:56:52Z", "id": commit, "message": "Initial commit"}
    running = _running(service)
    service.deploys.append(deploy)
    if not (running and state.queues):
        _enter(state, service, deploy, _stages(service, deploy)[0])
    return deploy


def _running(service: Service) -> Json | None:
    return next((deploy for deploy in service.deploys if deploy["status"] in RUNNING), None)


def _enter(state: State, service: Service, deploy: Json, stage: str) -> None:
    """Put a deploy into a stage, and say so in its times, the events and the logs."""
    if "startedAt" not in deploy:
        deploy["startedAt"] = state.time()
        event(state, service, "deploy_started", {"deployId": deploy["id"]})
    deploy |= {"status": stage, "updatedAt": state.time()}
    service.stage_began_s = state.now()
    log(state, service, "build" if "build" in stage else "app", f"==> {stage}", deploy)
    if stage == "live":
        for earlier in service.deploys:
            if earlier["status"] == "live" and earlier is not deploy:
                earlier["status"] = "deactivated"
        state.on_live(service)
    if stage not in RUNNING:
        deploy["finishedAt"] = state.time()
        status = {"live": "succeeded", "canceled": "canceled"}.get(stage, "failed")
        event(state, service, "deploy_ended", {"deployId": deploy["id"], "deployStatus": status})
        waiting = next((one for one in service.deploys if one["status"] == "queued"), None)
        if waiting:
            _enter(state, service, waiting, _stages(service, waiting)[0])


def _next(state: State, service: Service, deploy: Json) -> None:
    outcome = service.outcomes[0] if service.outcomes else "live"
    stage = deploy["status"]
    if FAILED.get(outcome) == stage:
        service.outcomes.pop(0)
        _enter(state, service, deploy, outcome)
        return
    stages = _stages(service, deploy)
    following = stages[stages.index(stage) + 1] if stage in stages else "live"
    if following == "live" and service.outcomes:
        service.outcomes.pop(0)
    _enter(state, service, deploy, following)


def go_on(state: State, service: Service, looked: bool) -> None:
    """Move the running deploy on by what has passed: stages of time, or this look at it."""
    while deploy := _running(service):
        if state.stage_s is None:
            if looked:
                _next(state, service, deploy)
            return
        if state.now() < service.stage_began_s + state.stage_s:
            return
        _next(state, service, deploy)


def event(state: State, service: Service, kind: str, details: Json) -> None:
    one = {"details": details, "id": state.id("evt"), "serviceId": service.id, "timestamp": state.time(), "type": kind}
    service.events.append(one)


def log(
    state: State, service: Service, kind: str, message: str, deploy: Json | None = None, level: str = "info"
) -> None:
    """Add a log line."""
    labels = {"resource": service.id, "instance": f"{service.id}-00000", "level": level, "type": kind}
    state.logs.append(
        {
            "id": state.id("log"),
            "labels": [{"name": name, "value": value} for name, value in labels.items()],
            "message": message,
            "timestamp": state.time(),
        }
    )


def shown(deploy: Json) -> Json:
    hidden = ("mode", "ref", "commit_id")
    return {name: value for name, value in deploy.items() if name not in hidden}


def create(state: State, request: Request, id_: str) -> Reply:
    service, body = state.service(id_), request.body or {}
    go_on(state, service, looked=False)
    if service.shown["suspended"] == "suspended":
        raise Refused(400, "cannot deploy suspended service")
    others = [name for name in ("clearCache", "commitId", "imageUrl") if body.get(name)]
    if body.get("deployMode") and others:
        raise Refused(400, f"deployMode cannot be combined with {', '.join(others)}")
    more = {"mode": body.get("deployMode"), "ref": body.get("imageUrl"), "commit_id": body.get("commitId")}
    deploy = begin(state, service, "api", **{name: value for name, value in more.items() if value})
    if deploy["status"] == "queued" and service.shown["type"] != "static_site":
        return 202, None
    return 201, shown(deploy)


def all_(state: State, request: Request, id_: str) -> Reply:
    service = state.service(id_)
    go_on(state, service, looked=False)
    fitting = [shown(one) for one in reversed(service.deploys) if request.fits(status=one["status"])]
    reply = page(request, fitting, "deploy")
    go_on(state, service, looked=True)
    return reply


def _one(service: Service, id_: str) -> Json:
    for deploy in service.deploys:
        if deploy["id"] == id_:
            return deploy
    raise Refused(404, f"not found: {id_}")


def get(state: State, request: Request, service_id: str, id_: str) -> Reply:
    service = state.service(service_id)
    go_on(state, service, looked=False)
    answer = shown(dict(_one(service, id_)))
    go_on(state, service, looked=True)
    return 200, answer


def cancel(state: State, request: Request, service_id: str, id_: str) -> Reply:
    service = state.service(service_id)
    deploy = _one(service, id_)
    if deploy["status"] not in (*RUNNING, "queued", "created"):
        raise Refused(400, f"cannot cancel a deploy that is {deploy['status']}")
    _enter(state, service, deploy, "canceled")
    return 200, shown(deploy)


def rollback(state: State, request: Request, id_: str) -> Reply:
    service = state.service(id_)
    earlier = _one(service, (request.body or {}).get("deployId") or "")
    if earlier["status"] not in ("live", "deactivated"):
        raise Refused(400, f"cannot roll back to a deploy that is {earlier['status']}")
    more = {"ref": earlier["image"]["ref"]} if "image" in earlier else {"commit_id": earlier["commit"]["id"]}
    return 201, shown(begin(state, service, "rollback", **more))


_DEPLOYS = "/services/([^/]+)/deploys"
ROUTES = [
    ("POST", _DEPLOYS, create),
    ("GET", _DEPLOYS, all_),
    ("GET", f"{_DEPLOYS}/([^/]+)", get),
    ("POST", f"{_DEPLOYS}/([^/]+)/cancel", cancel),
    ("POST", "/services/([^/]+)/rollback", rollback),
]
