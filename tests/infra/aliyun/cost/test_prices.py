"""List prices: dated, and in tiers that rise."""

from __future__ import annotations

from infra.aliyun.cost.prices import AS_OF, TIERS


def test_tiers_rise_and_get_cheaper_and_the_last_has_no_end() -> None:
    assert [tier[0] for tier in TIERS] == sorted(tier[0] for tier in TIERS)
    assert [tier[1] for tier in TIERS] == sorted((tier[1] for tier in TIERS), reverse=True)
    assert TIERS[-1][0] == float("inf")


def test_it_says_of_when_they_are_and_that_they_were_not_checked() -> None:
    assert AS_OF.endswith("unchecked")
    assert "2026" in AS_OF
