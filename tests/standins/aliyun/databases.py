"""RDS: instances of PostgreSQL. What is asked of an instance beside its state is in database_reads.py."""

from __future__ import annotations

import re

from tests.standins.aliyun import database_reads
from tests.standins.aliyun.state import Refused, Reply, Request, State

_VERSIONS = ("13.0", "14.0", "15.0", "16.0", "17.0", "18.0")


def create(state: State, request: Request) -> Reply:
    given = request.parameters
    if request.parameter("Engine") != "PostgreSQL" or request.parameter("EngineVersion") not in _VERSIONS:
        raise Refused(400, "InvalidEngineVersion.Malformed", f"Engine: {given['Engine']} {given['EngineVersion']}")
    storage = int(request.parameter("DBInstanceStorage"))
    if storage < 10:
        raise Refused(400, "InvalidStorage.Format", f"DBInstanceStorage: {storage}")
    switch = request.parameters.get("VSwitchId", "").split(",")[0]
    if switch and switch not in state.vswitches:
        raise Refused(404, "InvalidVSwitchId.NotFound", "The VSwitchId does not exist.")
    id_ = f"pgm-bp1{state.letters(16)}"
    host = f"{id_}.pg.rds.aliyuncs.com"
    shown = {
        "DBInstanceId": id_,
        "DBInstanceDescription": given.get("DBInstanceDescription", ""),
        "DBInstanceStatus": "Running",
        "DBInstanceType": "Primary",
        "DBInstanceClass": request.parameter("DBInstanceClass"),
        "DBInstanceStorage": storage,
        "DBInstanceStorageType": given.get("DBInstanceStorageType", "cloud_essd"),
        "DBInstanceNetType": "Intranet",
        "InstanceNetworkType": given.get("InstanceNetworkType", "VPC"),
        "Engine": "PostgreSQL",
        "EngineVersion": given["EngineVersion"],
        "Category": given.get("Category", "HighAvailability"),
        "PayType": given.get("PayType", "Postpaid"),
        "RegionId": state.region,
        "ZoneId": given.get("ZoneId") or f"{state.region}-h",
        "VpcId": given.get("VPCId", ""),
        "VSwitchId": given.get("VSwitchId", ""),
        "ConnectionString": host,
        "Port": given.get("Port", "5432"),
        "CreationTime": state.time(),
        "MaintainTime": "18:00Z-22:00Z",
        "AutoUpgradeMinorVersion": "Auto",
        "CurrentKernelVersion": "rds_postgres_1700_20260630",
        "DeletionProtection": False,
        "BurstingEnabled": False,
        "PGBouncerEnabled": "false",
        "SecurityIPMode": "normal",
        "ResourceGroupId": given.get("ResourceGroupId") or "rg-default",
        "ServerlessConfig": {},
        "SlaveZones": {"SlaveZone": [{"ZoneId": given["ZoneIdSlave1"]}] if given.get("ZoneIdSlave1") else []},
        "Extra": {},
        "kindCode": "18",
    }
    state.databases[id_] = {
        "shown": shown,
        "accounts": {},
        "schemas": {},
        "connections": {host: {"ConnectionString": host, "Port": shown["Port"], "IPType": "Private"}},
        "whitelists": {"default": given.get("SecurityIPList", "127.0.0.1")},
        "settings": {},
        "security_groups": [],
        "tags": request.tags(),
    }
    return Reply({"DBInstanceId": id_, "ConnectionString": host, "Port": shown["Port"], "OrderId": "1"})


found = database_reads.found


def get(state: State, request: Request) -> Reply:
    return Reply({"Items": {"DBInstanceAttribute": [found(state, request)["shown"]]}})


def listed(state: State, request: Request) -> Reply:
    wanted = request.parameters.get("DBInstanceId")
    items = [one["shown"] for id_, one in state.databases.items() if wanted in (None, "", id_)]
    return Reply({"Items": {"DBInstance": items}, "TotalRecordCount": len(items), "PageNumber": 1})


def delete(state: State, request: Request) -> Reply:
    one = found(state, request)
    if one["shown"]["DeletionProtection"]:
        raise Refused(403, "OperationDenied.DeletionProtection", "The instance is protected.")
    del state.databases[one["shown"]["DBInstanceId"]]
    return Reply({})


def rename(state: State, request: Request) -> Reply:
    found(state, request)["shown"]["DBInstanceDescription"] = request.parameter("DBInstanceDescription")
    return Reply({})


def resize(state: State, request: Request) -> Reply:
    shown = found(state, request)["shown"]
    names = ("DBInstanceClass", "Category", "DBInstanceStorageType")
    shown |= {name: request.parameters[name] for name in names if request.parameters.get(name)}
    if request.parameters.get("DBInstanceStorage"):
        shown["DBInstanceStorage"] = int(request.parameters["DBInstanceStorage"])
    return Reply({"DBInstanceId": shown["DBInstanceId"]})


def set_whitelist(state: State, request: Request) -> Reply:
    name = request.parameters.get("DBInstanceIPArrayName") or "default"
    found(state, request)["whitelists"][name] = request.parameter("SecurityIps")
    return Reply({})


def set_protection(state: State, request: Request) -> Reply:
    shown = found(state, request)["shown"]
    shown["DeletionProtection"] = request.parameter("DeletionProtection").lower() == "true"
    return Reply({})


def set_security_groups(state: State, request: Request) -> Reply:
    one = found(state, request)
    one["security_groups"] = [id_ for id_ in request.parameters.get("SecurityGroupId", "").split(",") if id_ != "Empty"]
    return Reply({})


def set_setting(state: State, request: Request, name: str) -> Reply:
    """Keep a setting that nothing here depends on."""
    one = found(state, request)
    one["settings"][name] = {key: value for key, value in request.parameters.items() if key[0].isupper()}
    if name == "DBInstanceMaintainTime":
        one["shown"]["MaintainTime"] = request.parameter("MaintainTime")
    if name == "DBInstanceAutoUpgradeMinorVersion":
        one["shown"]["AutoUpgradeMinorVersion"] = request.parameter("AutoUpgradeMinorVersion")
    return Reply({"DBInstanceId": one["shown"]["DBInstanceId"], "TaskId": "1"})


def allocate(state: State, request: Request) -> Reply:
    one, prefix = found(state, request), request.parameter("ConnectionStringPrefix")
    if not re.fullmatch(r"[a-z][a-z0-9-]{4,39}", prefix):
        raise Refused(400, "InvalidConnectionStringOrPort.Malformed", f"ConnectionStringPrefix: {prefix}")
    host = f"{prefix}.pg.rds.aliyuncs.com"
    if any(net["IPType"] == "Public" for net in one["connections"].values()):
        raise Refused(400, "NetTypeExists", "The instance has a public address.")
    one["connections"][host] = {"ConnectionString": host, "Port": request.parameter("Port"), "IPType": "Public"}
    return Reply({"ConnectionString": host, "DbInstanceName": one["shown"]["DBInstanceId"]})


def move_connection(state: State, request: Request) -> Reply:
    connections, old = found(state, request)["connections"], request.parameter("CurrentConnectionString")
    net = connections.pop(old, None)
    if net is None:
        raise Refused(404, "InvalidCurrentConnectionString.NotFound", "The current connection string is not found.")
    host = f"{request.parameter('ConnectionStringPrefix')}.pg.rds.aliyuncs.com"
    connections[host] = net | {"ConnectionString": host, "Port": request.parameters.get("Port") or net["Port"]}
    return Reply({"DBInstanceId": request.parameter("DBInstanceId")})


def release(state: State, request: Request) -> Reply:
    if found(state, request)["connections"].pop(request.parameter("CurrentConnectionString"), None) is None:
        raise Refused(404, "InvalidCurrentConnectionString.NotFound", "The current connection string is not found.")
    return Reply({})


_SETTINGS = (
    "DBInstanceMonitor|SQLCollectorPolicy|SQLCollectorRetention|DBInstanceSSL|HASwitchConfig|HADiagnoseConfig|"
    "DBInstanceMaintainTime|DBInstanceAutoUpgradeMinorVersion|DasInstanceConfig|PGHbaConfig|Parameter"
)

ROUTES = [
    ("rds CreateDBInstance", create),
    ("rds DescribeDBInstanceAttribute", get),
    ("rds DescribeDBInstances", listed),
    ("rds DeleteDBInstance", delete),
    ("rds ModifyDBInstanceDescription", rename),
    ("rds ModifyDBInstanceSpec", resize),
    ("rds ModifySecurityIps", set_whitelist),
    ("rds ModifyDBInstanceDeletionProtection", set_protection),
    ("rds ModifySecurityGroupConfiguration", set_security_groups),
    (f"rds Modify({_SETTINGS})", set_setting),
    ("rds AllocateInstancePublicConnection", allocate),
    ("rds ModifyDBInstanceConnectionString", move_connection),
    ("rds ReleaseInstancePublicConnection", release),
    *database_reads.ROUTES,
]
