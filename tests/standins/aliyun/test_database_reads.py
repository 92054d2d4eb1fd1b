"""What is asked of an instance beside its state."""

from __future__ import annotations

import pytest

from tests.standins.aliyun import database_reads
from tests.support.aliyun import INSTANCE, Caller

READS = [pattern.removeprefix("rds ") for pattern, _ in database_reads.ROUTES if "Describe" in pattern]


@pytest.mark.parametrize("action", READS)
def test_each_is_answered_for_an_instance_that_is_there(caller: Caller, action: str) -> None:
    instance = caller.rpc("rds", "CreateDBInstance", **INSTANCE).body["DBInstanceId"]
    named = {"InsName" if "Linked" in action else "DBInstanceId": instance}

    assert caller.rpc("rds", action, **named).status == 200


def test_a_setting_is_kept(caller: Caller) -> None:
    instance = caller.rpc("rds", "CreateDBInstance", **INSTANCE).body["DBInstanceId"]
    caller.rpc("rds", "ModifyDBInstanceMonitor", DBInstanceId=instance, Period="60")

    assert caller.rpc("rds", "DescribeDBInstanceMonitor", DBInstanceId=instance).body["Period"] == "60"


@pytest.mark.parametrize("action", ["DescribeDBInstanceSSL", "DescribeTasks"])
def test_an_instance_that_is_not_there_is_missing(caller: Caller, action: str) -> None:
    answer = caller.rpc("rds", action, DBInstanceId="pgm-none")

    assert (answer.status, answer.code) == (404, "InvalidDBInstanceId.NotFound")
