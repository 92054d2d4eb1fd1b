"""Logs are kept for a while and can be searched."""

from __future__ import annotations

from tests.support.aliyun_plan import of_kind, one
from tests.support.stacks import aliyun_plan


def test_the_store_forgets_after_the_days_of_the_stack() -> None:
    assert one(aliyun_plan(), "Store")["retentionPeriod"] == 30
    assert one(aliyun_plan(logs={"retentionDays": 7}), "Store")["retentionPeriod"] == 7


def test_lines_can_be_searched() -> None:
    assert one(aliyun_plan(), "StoreIndex")["fullText"]["caseSensitive"] is False


def test_both_functions_log_there() -> None:
    functions = of_kind(aliyun_plan(), "V3Function").values()

    assert [function.inputs["logConfig"]["logstore"] for function in functions] == ["functions", "functions"]
