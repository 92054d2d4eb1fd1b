"""Buckets: where the name of one stands in an address."""

from __future__ import annotations

from app.ops.backup.bucket import in_host_name


def test_a_bucket_in_the_host_name_as_alibaba_cloud_asks_for() -> None:
    assert in_host_name("https://oss-cn-hangzhou.aliyuncs.com", "b") == "https://b.oss-cn-hangzhou.aliyuncs.com"
