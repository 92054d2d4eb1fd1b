"""Rules between keys, settings and the service's limits: one sentence each, before anything is made."""

from __future__ import annotations

from typing import Any

import pytest

from infra.aliyun import limits
from tests.infra.aliyun.test_config import options, refused

BACKUP_KEYS = {"BACKUP_S3_ACCESS_KEY_ID": "made-up", "BACKUP_S3_SECRET_ACCESS_KEY": "made-up"}
NETWORK = {"zone": "cn-hangzhou-h"}


def test_memories_need_a_database() -> None:
    assert "DATABASE_URL: is missing; an instance keeps nothing" in refused(DATABASE_URL=None)


def test_there_is_one_database() -> None:
    secrets = {"databasePassword": "Made-up-passw0rd"}

    assert "DATABASE_URL: the stack makes its own PostgreSQL" in refused(secrets, postgres={}, network=NETWORK)


def test_a_model_without_a_key_is_refused_by_the_apps_own_rule() -> None:
    assert "DashScope needs a key; set DASHSCOPE_API_KEY" in refused(EMBEDDING_MODEL="text-embedding-v4")
    assert options({"DASHSCOPE_API_KEY": "made-up-key"}, EMBEDDING_MODEL="text-embedding-v4")


def test_backups_need_a_bucket_its_keys_and_someone_who_makes_them() -> None:
    assert "BACKUP_TO: got /backups, takes s3://bucket/prefix" in refused(BACKUP_TO="/backups")
    assert "BACKUP_S3_ACCESS_KEY_ID: is missing for BACKUP_TO" in refused(BACKUP_TO="s3://bucket")
    assert options(BACKUP_KEYS, BACKUP_TO="s3://bucket").jobs is not None


def test_a_schedule_that_the_platform_cannot_keep_is_refused() -> None:
    assert "MAINTENANCE_SCHEDULE: got 0 2 L * *" in refused(MAINTENANCE_SCHEDULE="0 2 L * *")
    assert options(MAINTENANCE_SCHEDULE="off")


def test_a_key_of_qdrant_without_its_address_is_refused() -> None:
    assert "QDRANT_API_KEY: belongs to QDRANT_URL" in refused({"QDRANT_API_KEY": "made-up"})


def test_variables_over_4_kb_are_refused_with_the_longest() -> None:
    found = refused(ALLOWED_HOSTS=",".join(f"host-{number}.example.org" for number in range(200)))

    assert (
        f"function: its variables take .* bytes, Function Compute allows {limits.VARIABLES_BYTES}".split(" .*")[0]
        in found
    )
    assert "the longest are ALLOWED_HOSTS" in found


@pytest.mark.parametrize("seconds", ["0", "600", "900"])
def test_a_stream_ends_before_the_platform_cuts_it(seconds: str) -> None:
    assert "takes less than function.timeoutS, 600" in refused(STREAM_SECONDS=seconds)
    assert options(STREAM_SECONDS="300")


def test_a_secret_counts_too() -> None:
    assert "the longest are DASHSCOPE_API_KEY" in refused({"DASHSCOPE_API_KEY": "k" * 4000})


@pytest.mark.parametrize("name", ["MCP_SERVER_NAME"])
def test_values_are_printable_ascii(name: str) -> None:
    given: dict[str, Any] = {name: "Gedächtnis"}

    assert f"{name}: takes printable ASCII on Function Compute" in refused(**given)
