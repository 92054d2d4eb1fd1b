"""What the provider adds, for plans."""

from __future__ import annotations

import pytest

from infra.aliyun.mock_outputs import mock_outputs


@pytest.mark.parametrize("kind", ["fc/v3Trigger:V3Trigger", "rds/instance:Instance", "ram/role:Role"])
def test_what_the_program_reads_is_there(kind: str) -> None:
    assert mock_outputs(f"alicloud:{kind}", "memory", {})


def test_others_get_nothing() -> None:
    assert mock_outputs("alicloud:oss/bucket:Bucket", "memory", {}) == {}
