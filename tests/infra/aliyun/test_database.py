"""PostgreSQL: only the stack's network reaches it, and its password is nowhere in clear."""

from __future__ import annotations

from infra.aliyun.containers import database_url
from infra.aliyun.database import password_version
from tests.support.aliyun_plan import EVERYTHING, of_kind, one
from tests.support.stacks import aliyun_plan

PASSWORD = EVERYTHING["secrets"]["databasePassword"]


def test_only_the_functions_network_may_connect() -> None:
    found = one(aliyun_plan(**EVERYTHING), "Instance")

    assert found["securityIps"] == ["10.20.0.0/24"]
    assert (found["engine"], found["zoneId"]) == ("PostgreSQL", "cn-hangzhou-h")


def test_the_password_is_written_and_never_kept() -> None:
    [account] = of_kind(aliyun_plan(**EVERYTHING), "RdsAccount").values()

    assert account.secrets == {"accountPasswordWo"}
    assert account.inputs["accountPasswordWo"] == PASSWORD
    assert "accountPassword" not in account.inputs


def test_another_password_has_another_version() -> None:
    assert password_version("a" * 16, "stack") == password_version("a" * 16, "stack")
    assert password_version("a" * 16, "stack") != password_version("b" * 16, "stack")
    assert 0 < password_version("a" * 16, "stack") < 2**31


def test_functions_get_the_address_once_it_is_known() -> None:
    variables = of_kind(aliyun_plan(**EVERYTHING), "V3Function")["memory-function"].inputs["environmentVariables"]

    assert variables["DATABASE_URL"] == database_url("memory-postgres.pg.rds.example.com", "5432", PASSWORD)
