"""The service's limits."""

from __future__ import annotations

from infra.aliyun import limits


def test_variables_are_counted_by_the_bytes_of_names_and_values() -> None:
    assert limits.variables_bytes({}) == 0
    assert limits.variables_bytes({"A": "b", "CD": "é"}) == 2 + 4
