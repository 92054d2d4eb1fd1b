"""PostgreSQL: its settings by memory, its data and its log archive, its password, who reaches it."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import pulumi
import pytest

from infra.plan import Plan
from infra.selfhost import log_spool
from infra.selfhost.database import DATA, Database, DatabaseArgs, default_limit, settings_file
from infra.selfhost.log_spool import SPOOL
from infra.selfhost.twin import Twin
from tests.support.components import (
    CONTAINER,
    HERE,
    THERE,
    VOLUME,
    built,
    container,
    data_mounts,
    environment,
    files,
    placed,
)

PASSWORD = "made-up-password-of-the-admin"


@cache
def plan(wal_archive: bool = False, elsewhere: bool = False, **placement: Any) -> Plan:
    return built(
        lambda here, there: Database(
            "postgres",
            DatabaseArgs(
                placement=placed(here, 5433, **placement),
                admin_password=pulumi.Output.secret(PASSWORD),
                users=(here, there) if elsewhere else (here,),
                wal_archive=wal_archive,
            ),
        )
    )


def settings(memory_mb: int, wal_archive: bool = False) -> dict[str, str]:
    """Return the settings of a server with this much memory."""
    more = log_spool.server_settings() if wal_archive else None
    return dict(line.split(" = ", 1) for line in settings_file(memory_mb, more).splitlines())


@pytest.mark.parametrize(("host_mb", "limit_mb"), [(4_096, 2_048), (512, 256), (300, 256)])
def test_without_a_limit_it_gets_half_of_its_host_but_never_too_little(host_mb: int, limit_mb: int) -> None:
    assert default_limit(host_mb).memory_mb == limit_mb


def test_memory_settings_follow_from_its_limit() -> None:
    given = settings(2_048)

    assert given["shared_buffers"] == "512MB"
    assert given["effective_cache_size"] == "1536MB"
    assert given["maintenance_work_mem"] == "128MB"
    assert given["work_mem"] == "5MB"


def test_a_small_server_still_gets_memory_to_work_with() -> None:
    given = settings(128)

    assert (given["work_mem"], given["maintenance_work_mem"]) == ("4MB", "16MB")


def test_all_connections_together_sort_within_a_quarter_of_the_memory() -> None:
    given = settings(8_192)

    assert int(given["work_mem"].removesuffix("MB")) * int(given["max_connections"]) <= 8_192 // 4


def test_passwords_are_never_stored_or_sent_as_md5() -> None:
    assert settings(1_024)["password_encryption"] == "'scram-sha-256'"
    assert "--auth-host=scram-sha-256" in environment(container(plan(), "postgres"))["POSTGRES_INITDB_ARGS"]


def test_the_container_gets_the_settings_of_its_own_limit_in_a_file() -> None:
    assert files(plan(), "postgres")["postgresql.conf"] == settings_file(100)
    assert container(plan(), "postgres")["command"][-1] == "config_file=/run/files/postgresql.conf"
    assert container(plan(), "postgres")["memory"] == 100


def test_the_password_of_the_superuser_is_a_secret_file() -> None:
    assert environment(container(plan(), "postgres"))["POSTGRES_PASSWORD_FILE"] == "/run/files/password"
    assert files(plan(), "postgres")["password"] == PASSWORD
    assert "uploads" in plan().of_type(CONTAINER)["postgres-files"].secrets
    assert PASSWORD not in json.dumps(container(plan(), "postgres"))


def test_the_log_is_archived_only_on_request_to_a_volume_of_its_own() -> None:
    assert not any(name.startswith("archive") for name in settings(1_024))
    assert data_mounts(container(plan(), "postgres")) == {DATA: "test-postgres-data"}

    assert settings(1_024, wal_archive=True)["archive_mode"] == "on"
    assert data_mounts(container(plan(wal_archive=True), "postgres")) == {
        DATA: "test-postgres-data",
        SPOOL: "test-postgres-wal",
    }


def test_a_log_that_is_archived_brings_its_scripts_and_lets_base_backups_in() -> None:
    assert set(files(plan(wal_archive=True), "postgres")) - set(files(plan(), "postgres")) == {
        "pg_hba.conf",
        "archive.sh",
        "restore.sh",
    }
    assert settings(1_024, wal_archive=True)["hba_file"] == "'/run/files/pg_hba.conf'"
    assert "hba_file" not in settings(1_024)


def test_it_is_published_only_to_users_on_other_hosts() -> None:
    assert container(plan(), "postgres")["ports"] == []
    assert [(port["ip"], port["external"]) for port in container(plan(elsewhere=True), "postgres")["ports"]] == [
        (HERE, 5433)
    ]


def test_it_has_a_minute_to_stop() -> None:
    inputs = container(plan(), "postgres")

    assert inputs["stopTimeout"] == inputs["destroyGraceSeconds"] == 60


def test_both_volumes_are_data_volumes() -> None:
    assert {one.inputs["name"] for one in plan(wal_archive=True).of_type(VOLUME).values() if "name" in one.inputs} == {
        "test-postgres-data",
        "test-postgres-wal",
    }


def twin_plan() -> Plan:
    other = Twin(host=THERE, port=5433, begins="primary")
    return built(
        lambda here, there: Database(
            "postgres",
            DatabaseArgs(
                placement=placed(here, 5433),
                admin_password=pulumi.Output.secret(PASSWORD),
                users=(here, there),
                other=other,
            ),
        )
    )


def test_one_of_two_servers_is_started_by_the_script_that_knows_the_other() -> None:
    plan = twin_plan()
    script = files(plan, "postgres")["start.sh"]

    assert container(plan, "postgres")["command"] == ["sh", "/run/files/start.sh"]
    assert f"TWIN_HOST={THERE}\nTWIN_PORT=5433\nBEGINS=primary\n" in script
    assert "max_slot_wal_keep_size = 4096MB\n" in files(plan, "postgres")["postgresql.conf"]
    assert "host replication postgres all scram-sha-256" in files(plan, "postgres")["pg_hba.conf"]
    assert '[ -d "$PGDATA.copy" ]' in container(plan, "postgres")["healthcheck"]["tests"][-1]
    assert PASSWORD not in script


def test_a_server_without_a_standby_starts_as_before() -> None:
    assert container(plan(), "postgres")["command"] == ["postgres", "-c", "config_file=/run/files/postgresql.conf"]
    assert set(files(plan(), "postgres")) == {"password", "postgresql.conf"}
