"""Rules about every stack: what the broken copies do not show."""

from __future__ import annotations

from dataclasses import replace

import pytest

from infra.aliyun.alarms import ALARMS
from infra.monitoring.rules import RULES as ALERTS
from infra.plan import plan_of
from infra.plan.policy_check import resources_of, violations_of
from policies.catalogue import violations
from policies.stack_rules import ALARM, ENDPOINT, sections
from tests.policies.cases import example, resource
from tests.support.aliyun_plan import EVERYTHING
from tests.support.stacks import aliyun_values, selfhost_values


def broken(stack: str, name: str) -> list[str]:
    return [found.message for found in violations(example(stack)) if found.rule == name]


def test_the_runbook_has_a_section_for_every_alert() -> None:
    assert {rule.name.lower() for rule in ALERTS} <= sections(), "run ./dev docs"


def test_alarms_of_alibaba_cloud_lead_to_the_runbook() -> None:
    resources = resources_of("test", plan_of(aliyun_values(**EVERYTHING)))
    alarms = [one for one in resources if one.type == ALARM]
    lost = replace(alarms[0], props={**alarms[0].props, "name": "claude-memory-test-errors (docs/runbook.md#nothing)"})

    assert len(alarms) == len(ALARMS)
    assert "alerts-have-runbooks" not in {found.rule for found in violations(alarms)}
    assert "alerts-have-runbooks" in {found.rule for found in violations([lost])}


def test_a_stack_with_everything_keeps_all_rules() -> None:
    assert violations_of("test", plan_of(aliyun_values(**EVERYTHING))) == []


def test_a_stack_on_several_hosts_keeps_all_rules() -> None:
    hosts = {
        "data": {"docker": "ssh://deploy@one.example.org", "address": "10.77.0.2"},
        "app": {"docker": "ssh://deploy@two.example.org", "address": "10.77.0.3"},
        "monitoring": {"docker": "ssh://deploy@two.example.org", "address": "10.77.0.3"},
        "edge": {"docker": "ssh://deploy@three.example.org", "address": "10.77.0.4"},
    }
    images = {"app": "claude-memory:1.0"}
    values = selfhost_values(hosts=hosts, domain="memory.example.org", qdrant={"nodes": 3}, images=images)

    assert violations_of("test", plan_of(values)) == []


def test_an_address_of_the_database_on_the_internet_is_refused() -> None:
    database = resource("aliyun", "Instance", "memory-postgres")
    endpoint = replace(database, type=ENDPOINT, props={})

    assert "database-not-reachable" in {found.rule for found in violations([endpoint])}


@pytest.mark.parametrize("schedule", ["off", "0 2 * * *"])
def test_a_worker_backs_up_by_its_schedule(schedule: str) -> None:
    plan = plan_of(selfhost_values(BACKUP_SCHEDULE=schedule))
    resources = [replace(one, stack="selfhost") for one in resources_of("test", plan)]

    found = {one.rule for one in violations(resources)}
    assert ("backup-scheduled" in found) is (schedule == "off")


def test_development_needs_no_backup() -> None:
    assert broken("render-dev", "backup-scheduled") == []


def test_an_empty_stack_needs_no_backup() -> None:
    assert violations([]) == []
