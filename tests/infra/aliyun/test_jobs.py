"""The jobs' function: timers call it, and it has only the secrets that it needs."""

from __future__ import annotations

import json
from typing import Any

from infra.aliyun.rules import SCHEDULES
from tests.support.aliyun_plan import of_kind
from tests.support.stacks import BACKUP_KEYS, aliyun_plan

BACKED_UP: dict[str, Any] = {
    "secrets": {**BACKUP_KEYS, "DASHSCOPE_API_KEY": "made-up-dashscope"},
    "BACKUP_TO": "s3://bucket/prefix",
    "SCHEDULE_TIMEZONE": "Asia/Shanghai",
    "BACKUP_SCHEDULE": "0 2 * * 0",
}


def timers(**others: Any) -> dict[str, Any]:
    triggers = of_kind(aliyun_plan(**others), "V3Trigger").values()
    return {
        trigger.inputs["triggerName"]: json.loads(trigger.inputs["triggerConfig"])
        for trigger in triggers
        if trigger.inputs["triggerType"] == "timer"
    }


def test_every_schedule_has_a_timer_that_names_its_job() -> None:
    found = timers(**BACKED_UP)

    assert {name: timer["payload"] for name, timer in found.items()} == {job: job for job in SCHEDULES.values()}
    assert found["backup"]["cronExpression"] == "CRON_TZ=Asia/Shanghai 0 0 2 * * SUN"
    assert all(timer["enable"] for timer in found.values())


def test_without_a_place_nothing_is_backed_up() -> None:
    assert set(timers()) == {"maintain"}


def test_a_schedule_that_is_off_has_no_timer() -> None:
    assert timers(MAINTENANCE_SCHEDULE="off") == {}


def test_the_jobs_have_only_the_secrets_that_they_need() -> None:
    found = of_kind(aliyun_plan(**BACKED_UP), "V3Function")
    jobs = found["memory-jobs"].inputs["environmentVariables"]
    server = found["memory-function"].inputs["environmentVariables"]

    assert {"BACKUP_S3_ACCESS_KEY_ID", "BACKUP_TO", "DATABASE_URL"} <= set(jobs)
    assert not {"ADMIN_TOKEN", "DASHSCOPE_API_KEY"} & set(jobs)
    assert not [name for name in server if name.startswith("BACKUP_")]


def test_nothing_calls_the_jobs_over_http() -> None:
    http = [
        trigger.inputs["functionName"]
        for trigger in of_kind(aliyun_plan(**BACKED_UP), "V3Trigger").values()
        if trigger.inputs["triggerType"] == "http"
    ]

    assert http == ["claude-memory-test"]


def test_a_job_is_alone_in_its_instance() -> None:
    jobs = of_kind(aliyun_plan(), "V3Function")["memory-jobs"].inputs

    assert jobs["instanceConcurrency"] == 1
    assert jobs["customRuntimeConfig"]["commands"] == ["python", "mcp_server.py", "jobs"]
