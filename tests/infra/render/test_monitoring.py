"""The monitoring as a whole: three services that know each other, or one agent."""

from __future__ import annotations

from typing import Any

import pulumi
import yaml

from infra.monitoring.jobs import ALERTMANAGER_JOB, ALERTS_JOB, APP_JOB, QDRANT_JOB, Lookup
from infra.plan import Plan
from infra.render.app_settings import AppSettings
from infra.render.config import ImageNames
from infra.render.config import Monitoring as MonitoringConfig
from infra.render.config import RemoteWrite as RemoteWriteConfig
from infra.render.monitoring import Index, Monitoring, MonitoringArgs
from tests.support.render_plan import CODE, PLACE, built, of_kind

REMOTE = RemoteWriteConfig(url="https://prometheus.example.com/write")


def plan(options: MonitoringConfig, *, with_index: bool = True) -> Plan:
    def declare() -> object:
        index = Index(address="claude-memory-qdrant:6333", api_key=pulumi.Output.secret("made-up-key"))
        args = MonitoringArgs(
            place=PLACE,
            code=CODE,
            options=options,
            images=ImageNames(),
            app=Lookup(name="claude-memory-web-discovery", port=8080),
            index=index if with_index else None,
            receiver_settings=AppSettings(),
            token=pulumi.Output.secret("made-up-token"),
            password=pulumi.Output.secret("made-up-password"),
        )
        return Monitoring("monitoring", args)

    return built(declare)


def services(plan: Plan) -> dict[str, Any]:
    found = [one.inputs for one in of_kind(plan, "PrivateService").values()]
    return {inputs["name"].removeprefix("claude-memory-"): inputs for inputs in found}


def jobs(plan: Plan) -> list[str]:
    tree = yaml.safe_load(services(plan)["prometheus"]["secretFiles"]["prometheus.yml"])
    return [job["job_name"] for job in tree["scrape_configs"]]


def test_prometheus_knows_alertmanager_and_alertmanager_the_receiver() -> None:
    found = services(plan(MonitoringConfig(plan="standard")))

    assert set(found) == {"alerts", "alertmanager", "prometheus"}
    assert {one["plan"] for one in found.values()} == {"standard"}
    assert "claude-memory-alertmanager:9093" in found["prometheus"]["secretFiles"]["prometheus.yml"]
    assert "http://claude-memory-alerts:8081/webhook" in found["alertmanager"]["secretFiles"]["alertmanager.yml"]


def test_everything_that_has_metrics_and_can_be_reached_is_scraped() -> None:
    assert jobs(plan(MonitoringConfig())) == [APP_JOB, QDRANT_JOB, ALERTS_JOB, ALERTMANAGER_JOB]
    assert QDRANT_JOB not in jobs(plan(MonitoringConfig(), with_index=False))


def test_with_a_service_elsewhere_only_an_agent_runs() -> None:
    remote = plan(MonitoringConfig(remote_write=REMOTE))

    assert set(services(remote)) == {"prometheus"}
    assert jobs(remote) == [APP_JOB, QDRANT_JOB]
