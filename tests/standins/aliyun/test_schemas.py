"""Accounts and databases of an instance."""

from __future__ import annotations

import pytest

from tests.standins.aliyun.server import Server
from tests.support.aliyun import INSTANCE, Caller

PASSWORD = "Made-up-password-1"


@pytest.fixture
def instance(caller: Caller) -> str:
    """The id of an instance."""
    return str(caller.rpc("rds", "CreateDBInstance", **INSTANCE).body["DBInstanceId"])


def test_an_account_is_there_once_and_its_password_nowhere(aliyun: Server, caller: Caller, instance: str) -> None:
    account = {"DBInstanceId": instance, "AccountName": "memory", "AccountPassword": PASSWORD, "AccountType": "Super"}
    made, again = (caller.rpc("rds", "CreateAccount", **account) for _ in range(2))
    [shown] = caller.rpc("rds", "DescribeAccounts", DBInstanceId=instance).body["Accounts"]["DBInstanceAccount"]

    assert (made.status, again.code) == (200, "InvalidAccountName.Duplicate")
    assert (shown["AccountName"], shown["AccountType"], shown["AccountStatus"]) == ("memory", "Super", "Available")
    assert PASSWORD not in repr(aliyun.state.databases)


def test_a_weak_password_is_refused(caller: Caller, instance: str) -> None:
    answer = caller.rpc("rds", "CreateAccount", DBInstanceId=instance, AccountName="memory", AccountPassword="weak")

    assert answer.code == "InvalidAccountPassword.Malformed"


def test_a_password_is_changed(aliyun: Server, caller: Caller, instance: str) -> None:
    account = {"DBInstanceId": instance, "AccountName": "memory", "AccountPassword": PASSWORD}
    caller.rpc("rds", "CreateAccount", **account)
    [before] = [one["accounts"]["memory"]["digest"] for one in aliyun.state.databases.values()]
    caller.rpc("rds", "ResetAccountPassword", **account | {"AccountPassword": f"{PASSWORD}2"})
    [after] = [one["accounts"]["memory"]["digest"] for one in aliyun.state.databases.values()]

    assert before != after


def test_a_database_is_answered_with_its_collation(caller: Caller, instance: str) -> None:
    made = {"DBInstanceId": instance, "DBName": "memory"}
    caller.rpc("rds", "CreateDatabase", **made, CharacterSetName="UTF8,C,en_US.utf8")
    again = caller.rpc("rds", "CreateDatabase", **made, CharacterSetName="UTF8")
    [shown] = caller.rpc("rds", "DescribeDatabases", **made).body["Databases"]["Database"]

    assert again.code == "InvalidDBName.Duplicate"
    assert [shown[name] for name in ("CharacterSetName", "Collate", "Ctype")] == ["UTF8", "C", "en_US.utf8"]


def test_what_is_deleted_is_gone(caller: Caller, instance: str) -> None:
    caller.rpc("rds", "CreateDatabase", DBInstanceId=instance, DBName="memory", CharacterSetName="UTF8")

    assert caller.rpc("rds", "DeleteDatabase", DBInstanceId=instance, DBName="memory").status == 200
    assert caller.rpc("rds", "DeleteDatabase", DBInstanceId=instance, DBName="memory").code == "InvalidDBName.NotFound"
    assert caller.rpc("rds", "DeleteAccount", DBInstanceId=instance, AccountName="memory").status == 404
