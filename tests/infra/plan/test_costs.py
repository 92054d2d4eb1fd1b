"""Costs: from list prices, between the least and the most, and honest about what is not known."""

from __future__ import annotations

from typing import Any

from infra.plan import Declared, Plan
from infra.plan.costs import Cost, costs_of, total
from infra.plan.prices import CRON_LEAST, CURRENCY, DATED, DISK_GB


def costs(type_: str, **inputs: Any) -> list[Cost]:
    one = Declared(type=type_, name="it", inputs=inputs, secrets=frozenset(), provider="")
    return costs_of(Plan(resources=[one]))


def test_a_service_costs_its_plan_for_each_instance() -> None:
    [cost] = costs("render:index:WebService", plan="standard", autoscaling={"min": 1.0, "max": 3.0})

    assert (cost.least, cost.most, cost.note) == (25, 75, "standard, 1 to 3 instances")


def test_a_fixed_number_of_instances_has_one_price() -> None:
    [cost] = costs("render:index:BackgroundWorker", plan="starter", numInstances=2.0)

    assert (cost.least, cost.most) == (14, 14)


def test_a_disk_is_paid_beside_the_service() -> None:
    service, disk = costs("render:index:PrivateService", plan="starter", disk={"sizeGB": 10.0})

    assert (service.least, disk.least, disk.note) == (7, 10 * DISK_GB, "a disk of 10 GB")


def test_a_plan_that_the_table_does_not_know_has_no_price() -> None:
    [cost] = costs("render:index:WebService", plan="gigantic")

    assert (cost.least, cost.most, cost.note) == (None, None, "gigantic")


def test_a_cron_job_costs_at_least_a_little() -> None:
    [cost] = costs("render:index:CronJob", plan="starter")

    assert (cost.least, cost.most) == (CRON_LEAST, None)


def test_what_is_paid_by_use_is_named_without_a_price() -> None:
    [cost] = costs("alicloud:fc/v3Function:V3Function", memorySize=2048.0)

    assert (cost.least, cost.note) == (None, "by use (`python -m infra.aliyun cost` estimates it)")


def test_what_nobody_pays_for_has_no_cost() -> None:
    assert costs("docker:index/container:Container", image="it") == []


def test_the_total_says_that_prices_are_unchecked_and_what_is_not_in_it() -> None:
    known = Cost(resource="web", least=7, most=21, note="starter")
    unknown = Cost(resource="jobs", least=None, most=None, note="by use")

    assert total([known]) == f"7 to 21 {CURRENCY} a month. List prices of {DATED}, unchecked."
    assert f"7 to 21 {CURRENCY} a month, and what jobs use." in total([known, unknown])
    assert total([unknown]) == "Not estimated: jobs is paid for by use."
    assert total([]) == "Nothing in this stack has a price of its own."
