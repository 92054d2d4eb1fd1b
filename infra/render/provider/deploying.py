"""Waiting for a deploy: its stages are shown, a failure ends the wait at once with the log's last lines."""

from __future__ import annotations

from infra.render.api.deploys import CANCELED, DEACTIVATED, FAILED, LIVE, Mode
from infra.render.api.errors import RenderError
from infra.render.api.stages import FAILED_WHILE, LIMIT_S, STAGES, pauses
from infra.render.provider.engine_log import hide
from infra.render.provider.fields import Field, Flag, Whole
from infra.render.provider.turn import ProviderError, Turn
from infra.render.provider.values import Json, Values

LOG_LINES = 20

# What a program says, and the API's word for it.
MODES: dict[str, Mode] = {"deploy": "deploy_only", "rebuild": "build_and_deploy"}


# How a resource that starts deploys waits for them.
WAITING = (
    Field(name="waitForDeploy", kind=Flag(), returned=None, local=True, default=True),
    Field(
        name="deployTimeoutSeconds",
        kind=Whole(least=1, most=86_400, unit="seconds"),
        returned=None,
        local=True,
        default=LIMIT_S,
    ),
)


class DeployFailed(ProviderError):
    """A deploy that did not become live."""


def waits(inputs: Values) -> bool:
    """Whether a resource waits for the deploys that it starts."""
    return bool(inputs.get("waitForDeploy", True))


def wait_until_live(turn: Turn, service: Json, deploy: Json, inputs: Values) -> Json:
    """Wait until a deploy of a service is live, and return it. Raises DeployFailed, Stopped.

    inputs: of the resource that waits; they have the time limit, unless the options of the resource do.
    """
    limit_s = turn.timeout_s or float(inputs.get("deployTimeoutSeconds", LIMIT_S))
    started_s = turn.api.clock.now()
    stage = ""
    for pause_s in pauses():
        status = str(deploy["status"])
        if status != stage:
            stage = status
            turn.log.status(f"deploy {deploy['id']} {STAGES.get(status, status)}")
        # One that was replaced by a later deploy was live before.
        if status in (LIVE, DEACTIVATED):
            return deploy
        if status in FAILED or status == CANCELED:
            raise DeployFailed(_failure(turn, service, deploy))
        if turn.api.clock.now() - started_s >= limit_s:
            raise DeployFailed(
                f"The deploy {deploy['id']} is not live after {limit_s:.0f} s and goes on by itself; it "
                f"{STAGES.get(status, status)}. Run pulumi up to wait on, or raise deployTimeoutSeconds."
            )
        turn.sleep(pause_s)
        deploy = turn.api.deploys.get(service["id"], deploy["id"])
    raise AssertionError("the pauses have no end")


def _failure(turn: Turn, service: Json, deploy: Json) -> str:
    """Show the end of the log, and return what happened: the state keeps the sentence, so no log line is in it."""
    status = deploy["status"]
    where = service.get("dashboardUrl") or "the dashboard"
    if status == CANCELED:
        return f"The deploy {deploy['id']} was canceled before it was live. Run pulumi up to deploy again."
    kind = "build" if status == "build_failed" else "app"
    try:
        lines = turn.api.logs.latest(service["ownerId"], [service["id"]], LOG_LINES, type=kind)
        # Copied at once, as other threads add to it.
        shown = hide("\n".join(line.message for line in lines), turn.memory.secrets.copy())
        turn.log.warning(f"The last lines of the {kind} log:\n{shown}" if lines else f"The {kind} log is empty.")
    except RenderError as failure:
        turn.log.warning(f"The {kind} log cannot be read: {failure}")
    return (
        f"The deploy {deploy['id']} failed while {FAILED_WHILE.get(status, status)} ({status}). The service is kept: "
        f"put right what its log says ({where}), and run pulumi up to deploy again."
    )
