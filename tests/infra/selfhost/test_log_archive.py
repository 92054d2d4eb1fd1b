"""The archive of the log: which container does what, with which rights, and what each is told."""

from __future__ import annotations

import json

import pytest

from infra.plan import Plan
from infra.selfhost.log_spool import SPOOL
from tests.support.components import CONTAINER, container, data_mounts, environment, files
from tests.support.stacks import BACKUP_KEYS, LOG_ARCHIVE, SECRETS, selfhost_plan
from tests.support.stacks import selfhost_plan as plan_of_stack

ARCHIVE, BASE, SERVER = "memory-postgres-archive", "memory-postgres-base", "memory-postgres"


def plan() -> Plan:
    return plan_of_stack(**LOG_ARCHIVE)


def test_without_a_bucket_there_is_none_of_it() -> None:
    assert not {ARCHIVE, BASE} & selfhost_plan().of_type(CONTAINER).keys()


@pytest.mark.parametrize("name", [ARCHIVE, BASE, SERVER])
def test_server_base_backups_and_archive_share_the_spool(name: str) -> None:
    assert data_mounts(container(plan(), name))[SPOOL] == "test-memory-postgres-wal"


def test_only_the_server_has_the_data_and_only_the_archive_the_keys_of_the_bucket() -> None:
    assert set(data_mounts(container(plan(), ARCHIVE))) == set(data_mounts(container(plan(), BASE))) == {SPOOL}
    for name in (BASE, SERVER):
        assert not [key for key in BACKUP_KEYS.values() if key in json.dumps(files(plan(), name))], name
    assert SECRETS["postgresAdminPassword"] not in json.dumps(files(plan(), ARCHIVE))


def test_the_archive_ships_what_the_spool_has_to_the_bucket() -> None:
    inputs = container(plan(), ARCHIVE)

    assert inputs["command"] == ["wal", "ship"]
    assert environment(inputs)["WAL_ARCHIVE_TO"] == "s3://bucket/log"
    assert environment(inputs)["WAL_SPOOL"] == SPOOL
    assert environment(inputs)["BACKUP_PASSPHRASE_FILE"] == "/run/files/BACKUP_PASSPHRASE"


def test_base_backups_are_made_by_the_servers_own_image_and_user() -> None:
    inputs, server = container(plan(), BASE), container(plan(), SERVER)

    assert (inputs["image"], inputs["user"]) == (server["image"], server["user"])
    assert inputs["command"] == ["sh", "/run/files/base.sh"]
    assert "PGHOST=postgres\nPGPORT=5432\nPGUSER=postgres\n" in files(plan(), BASE)["base.sh"]
    assert files(plan(), BASE)["password"] == SECRETS["postgresAdminPassword"]


def test_neither_publishes_a_port_where_prometheus_is_on_the_same_host() -> None:
    assert [container(plan(), name)["ports"] for name in (ARCHIVE, BASE)] == [[], []]
