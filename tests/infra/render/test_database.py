"""PostgreSQL: its name, its size, who reaches it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from infra.render.config import Postgres
from infra.render.database import Database, DatabaseArgs
from tests.support.render_plan import PLACE, built, one


def inputs(**options: Any) -> Mapping[str, Any]:
    args = DatabaseArgs(place=PLACE, options=Postgres(**options), keep=True)
    return one(built(lambda: Database("postgres", args)), "Postgres")


def test_a_database_is_where_the_services_are_and_closed_to_the_outside() -> None:
    assert inputs(plan="basic_1gb") == {
        "name": "claude-memory-postgres",
        "plan": "basic_1gb",
        "version": "18",
        "region": "frankfurt",
        "environmentId": "evm-1",
        "databaseName": "claude_memory",
        "databaseUser": "claude_memory",
        "ipAllowList": [],
    }


def test_size_standby_and_addresses_are_those_of_the_stack() -> None:
    given = inputs(disk_gb=20, high_availability=True, allowed_addresses=("203.0.113.0/24",))

    assert given["diskSizeGB"] == 20
    assert given["enableHighAvailability"] is True
    assert given["ipAllowList"] == [{"cidrBlock": "203.0.113.0/24"}]
