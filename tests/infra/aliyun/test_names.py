"""Names at Alibaba Cloud."""

from __future__ import annotations

import re

import pytest

from infra.aliyun import names


@pytest.mark.parametrize("stack", ["aliyun", "Team_A.test", "x" * 30])
def test_a_name_keeps_the_rules_of_buckets_and_log_projects(stack: str) -> None:
    unique = names.unique(stack, "1234567890123456")

    assert re.fullmatch(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]", unique)
    assert "--" not in unique


def test_the_functions_of_a_stack_have_different_names() -> None:
    assert names.server("aliyun") == "claude-memory-aliyun"
    assert names.jobs("aliyun") == "claude-memory-aliyun-jobs"
