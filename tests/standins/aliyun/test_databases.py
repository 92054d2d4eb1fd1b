"""Instances of PostgreSQL."""

from __future__ import annotations

import pytest

from tests.standins.aliyun.server import Server
from tests.support.aliyun import INSTANCE, Caller


@pytest.fixture
def instance(caller: Caller) -> str:
    """The id of an instance."""
    return str(caller.rpc("rds", "CreateDBInstance", **INSTANCE).body["DBInstanceId"])


def test_an_instance_runs_at_once(caller: Caller, instance: str) -> None:
    [shown] = caller.rpc("rds", "DescribeDBInstanceAttribute", DBInstanceId=instance).body["Items"][
        "DBInstanceAttribute"
    ]

    assert (shown["DBInstanceStatus"], shown["DBInstanceStorage"]) == ("Running", 20)
    assert (shown["ConnectionString"], shown["Port"]) == (f"{instance}.pg.rds.aliyuncs.com", "5432")


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"Engine": "MySQL"}, "InvalidEngineVersion.Malformed"),
        ({"EngineVersion": "9.4"}, "InvalidEngineVersion.Malformed"),
        ({"DBInstanceStorage": "5"}, "InvalidStorage.Format"),
        ({"VSwitchId": "vsw-none"}, "InvalidVSwitchId.NotFound"),
    ],
    ids=str,
)
def test_what_is_not_allowed_is_refused(caller: Caller, more: dict[str, str], code: str) -> None:
    assert caller.rpc("rds", "CreateDBInstance", **INSTANCE | more).code == code


def test_an_instance_is_changed(caller: Caller, instance: str) -> None:
    caller.rpc("rds", "ModifyDBInstanceSpec", DBInstanceId=instance, DBInstanceStorage="40")
    caller.rpc("rds", "ModifyDBInstanceDescription", DBInstanceId=instance, DBInstanceDescription="other")
    caller.rpc("rds", "ModifySecurityIps", DBInstanceId=instance, SecurityIps="10.30.0.0/24")
    [shown] = caller.rpc("rds", "DescribeDBInstances", DBInstanceId=instance).body["Items"]["DBInstance"]
    [whitelist] = caller.rpc("rds", "DescribeDBInstanceIPArrayList", DBInstanceId=instance).body["Items"][
        "DBInstanceIPArray"
    ]

    assert (shown["DBInstanceStorage"], shown["DBInstanceDescription"]) == (40, "other")
    assert whitelist["SecurityIPList"] == "10.30.0.0/24"


def test_a_protected_instance_is_not_deleted(aliyun: Server, caller: Caller, instance: str) -> None:
    protect = {"DBInstanceId": instance, "DeletionProtection": "true"}
    caller.rpc("rds", "ModifyDBInstanceDeletionProtection", **protect)
    assert caller.rpc("rds", "DeleteDBInstance", DBInstanceId=instance).code == "OperationDenied.DeletionProtection"
    caller.rpc("rds", "ModifyDBInstanceDeletionProtection", **protect | {"DeletionProtection": "false"})

    assert caller.rpc("rds", "DeleteDBInstance", DBInstanceId=instance).status == 200
    assert not aliyun.state.databases


def test_a_public_address_is_made_moved_and_released(caller: Caller, instance: str) -> None:
    made = caller.rpc(
        "rds", "AllocateInstancePublicConnection", DBInstanceId=instance, ConnectionStringPrefix="public", Port="5432"
    ).body["ConnectionString"]
    caller.rpc(
        "rds",
        "ModifyDBInstanceConnectionString",
        DBInstanceId=instance,
        CurrentConnectionString=made,
        ConnectionStringPrefix="moved",
    )
    nets = caller.rpc("rds", "DescribeDBInstanceNetInfo", DBInstanceId=instance).body["DBInstanceNetInfos"]
    gone = caller.rpc("rds", "ReleaseInstancePublicConnection", DBInstanceId=instance, CurrentConnectionString=made)

    assert [one["ConnectionString"] for one in nets["DBInstanceNetInfo"]][1] == "moved.pg.rds.aliyuncs.com"
    assert gone.code == "InvalidCurrentConnectionString.NotFound"
