"""What a function costs a month, held to the example in Alibaba Cloud's documentation of pay-as-you-go."""

from __future__ import annotations

from dataclasses import replace

import pytest

from infra.aliyun.cost.model import DAYS, Use, costs, on_demand, price_of, provisioned

USE = Use(requests=1_000, mean_ms=150, sse_hours=2, memory_mb=2048, cpu=1, disk_mb=512, provisioned=1)


def test_on_demand_is_that_of_the_documents_example() -> None:
    # 3 million requests a month of 200 ms with 512 MB and 0.25 vCPU: 22,500 + 45,000 + 150,000 CU.
    use = Use(requests=100_000, mean_ms=200, sse_hours=0, memory_mb=512, cpu=0.25, disk_mb=512, provisioned=0)

    assert on_demand(use) == pytest.approx(22_500 + 45_000 + 150_000)
    assert price_of(on_demand(use)) == pytest.approx(4.35)


def test_tiers_are_added_up() -> None:
    assert price_of(600e6) == pytest.approx(100e6 * 0.00002 + 400e6 * 0.000017 + 100e6 * 0.000014)


def test_an_open_stream_is_billed_like_a_request_that_lasts() -> None:
    with_stream = on_demand(replace(USE, sse_hours=1)) - on_demand(replace(USE, sse_hours=0))

    assert with_stream == pytest.approx(DAYS * 3600 * (1 + 2 * 0.15))


def test_a_day_has_no_more_than_its_seconds() -> None:
    busy = replace(USE, requests=10_000_000)

    assert busy.busy_s == 86_400
    assert provisioned(busy, always=False) == pytest.approx(provisioned(busy, always=True))


def test_a_sleeping_cpu_costs_nothing_and_its_memory_does() -> None:
    idle = replace(USE, requests=0, sse_hours=0, provisioned=2)

    assert on_demand(idle) == 0
    assert provisioned(idle, always=False) == pytest.approx(DAYS * 2 * 86_400 * 2 * 0.15)


def test_the_disk_counts_beyond_what_is_free() -> None:
    more = on_demand(replace(USE, disk_mb=10_240)) - on_demand(USE)

    assert more == pytest.approx(DAYS * USE.busy_s * 9.5 * 0.05)


def test_the_ways_are_compared_and_without_provisioned_instances_there_is_one() -> None:
    assert [one.how.partition(",")[0] for one in costs(USE)] == ["on demand", "1 provisioned", "1 provisioned"]
    assert [one.how for one in costs(replace(USE, provisioned=0))] == ["on demand"]
    assert [one.cu for one in costs(USE)] == sorted(one.cu for one in costs(USE))
