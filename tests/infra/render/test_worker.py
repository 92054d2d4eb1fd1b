"""The background worker."""

from __future__ import annotations

from infra.render.app_settings import AppSettings
from infra.render.services import PROGRAM
from infra.render.worker import Worker, WorkerArgs
from tests.support.render_plan import CODE, PLACE, SHARED, built, one


def test_a_worker_runs_the_same_image_with_the_shared_settings() -> None:
    settings = AppSettings(plain={"BACKUP_SCHEDULE": "off"})
    args = WorkerArgs(place=PLACE, code=CODE, plan="standard", shared=SHARED, settings=settings)

    given = one(built(lambda: Worker("worker", args)), "BackgroundWorker")
    assert (given["name"], given["plan"]) == ("claude-memory-worker", "standard")
    assert given["dockerCommand"] == f"{PROGRAM} worker"
    assert (given["envGroupIds"], given["envVars"]) == (["evg-1"], {"BACKUP_SCHEDULE": "off"})
    assert not {"healthCheckPath", "preDeployCommand"} & given.keys(), "nothing reaches it, and init ran for the web"
