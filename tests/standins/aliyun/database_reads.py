"""RDS: what is asked of an instance beside its state; little of it can be changed here."""

from __future__ import annotations

from typing import Any

from tests.standins.aliyun.state import Json, Refused, Reply, Request, State

_PARAMETERS = {"timezone": "Asia/Shanghai", "max_connections": "200"}


def found(state: State, request: Request) -> Json:
    """Return an instance. Raises Refused if it is missing."""
    id_ = request.parameters.get("DBInstanceId") or request.parameter("InsName")
    if id_ not in state.databases:
        raise Refused(404, "InvalidDBInstanceId.NotFound", "The specified DB instance ID does not exist.")
    return state.databases[id_]


def _setting(one: Json, name: str, key: str, default: Any) -> Any:
    return one["settings"].get(name, {}).get(key, default)


def whitelists(state: State, request: Request) -> Reply:
    arrays = [
        {
            "DBInstanceIPArrayName": name,
            "SecurityIPList": ips,
            "DBInstanceIPArrayAttribute": "",
            "SecurityIPType": "IPv4",
        }
        for name, ips in found(state, request)["whitelists"].items()
    ]
    return Reply({"Items": {"DBInstanceIPArray": arrays}})


def monitor(state: State, request: Request) -> Reply:
    return Reply({"Period": _setting(found(state, request), "DBInstanceMonitor", "Period", "300")})


def collector(state: State, request: Request) -> Reply:
    status = _setting(found(state, request), "SQLCollectorPolicy", "SQLCollectorStatus", "Disabled")
    return Reply({"SQLCollectorStatus": "Enable" if status == "Enable" else "Disabled"})


def retention(state: State, request: Request) -> Reply:
    return Reply({"ConfigValue": _setting(found(state, request), "SQLCollectorRetention", "ConfigValue", "30")})


def connections(state: State, request: Request) -> Reply:
    nets = [
        net | {"IPAddress": "192.168.1.10" if net["IPType"] == "Private" else "203.0.113.10", "VPCId": ""}
        for net in found(state, request)["connections"].values()
    ]
    return Reply({"DBInstanceNetInfos": {"DBInstanceNetInfo": nets}, "InstanceNetworkType": "VPC"})


def encryption(state: State, request: Request) -> Reply:
    found(state, request)
    return Reply({"EncryptionKey": "", "EncryptionKeyList": []})


def replicas(state: State, request: Request) -> Reply:
    one = found(state, request)
    node = {"NodeId": f"{one['shown']['DBInstanceId']}-1", "NodeType": "Master", "ZoneId": one["shown"]["ZoneId"]}
    return Reply({"HAMode": "RPO", "SyncMode": "Async", "HostInstanceInfos": {"NodeInfo": [node]}})


def parameters(state: State, request: Request) -> Reply:
    found(state, request)
    running = [{"ParameterName": name, "ParameterValue": value} for name, value in _PARAMETERS.items()]
    body = {"RunningParameters": {"DBInstanceParameter": running}, "ConfigParameters": {"DBInstanceParameter": []}}
    return Reply(body | {"Engine": "PostgreSQL", "EngineVersion": "17.0", "ParamGroupInfo": {}})


def hba(state: State, request: Request) -> Reply:
    item = {"PriorityId": 0, "Type": "host", "Database": "all", "User": "all", "Address": "0.0.0.0/0", "Method": "md5",
            "Option": "", "Mask": ""}  # fmt: skip
    id_ = found(state, request)["shown"]["DBInstanceId"]
    items = {"HbaItem": [item]}
    return Reply({"DBInstanceId": id_, "RunningHbaItems": items, "DefaultHbaItems": items})


def security_groups(state: State, request: Request) -> Reply:
    relations = [
        {"SecurityGroupId": id_, "RegionId": state.region, "NetworkType": "vpc"}
        for id_ in found(state, request)["security_groups"]
    ]
    return Reply({"Items": {"EcsSecurityGroupRelation": relations}})


def encrypted(state: State, request: Request) -> Reply:
    on = _setting(found(state, request), "DBInstanceSSL", "SSLEnabled", "0") == "1"
    return Reply({"SSLEnabled": "on" if on else "off", "RequireUpdate": "0", "CAType": "aliyun" if on else ""})


def tde(state: State, request: Request) -> Reply:
    found(state, request)
    return Reply({"TDEStatus": "Disabled", "Databases": {"Database": []}})


def failover(state: State, request: Request) -> Reply:
    mode = _setting(found(state, request), "HASwitchConfig", "HAConfig", "Auto")
    return Reply({"HAConfig": mode, "ManualHATime": ""})


def diagnosis(state: State, request: Request) -> Reply:
    return Reply(
        {"TcpConnectionType": _setting(found(state, request), "HADiagnoseConfig", "TcpConnectionType", "SHORT")}
    )


def templates(state: State, request: Request) -> Reply:
    found(state, request)
    return Reply({"Data": {"Templates": []}, "Code": "200", "Success": True})


def tasks(state: State, request: Request) -> Reply:
    """Answer with no task; a client waits for the end of an instance until this says that there is none."""
    found(state, request)
    return Reply({"Items": {"TaskProgressInfo": []}, "TotalRecordCount": 0})


def tags(state: State, request: Request) -> Reply:
    infos = [
        {"TagKey": key, "TagValue": value, "DBInstanceIds": {"DBInstanceIds": [id_]}}
        for id_, one in state.databases.items()
        if id_ == request.parameters.get("DBInstanceId")
        for key, value in one["tags"].items()
    ]
    return Reply({"Items": {"TagInfos": infos}})


def tag(state: State, request: Request) -> Reply:
    for id_ in request.numbered("ResourceId"):
        state.databases[id_]["tags"] |= request.tags()
    return Reply({})


def untag(state: State, request: Request) -> Reply:
    for id_ in request.numbered("ResourceId"):
        for key in request.numbered("TagKey"):
            state.databases[id_]["tags"].pop(key, None)
    return Reply({})


ROUTES = [
    ("rds DescribeDBInstanceIPArrayList", whitelists),
    ("rds DescribeDBInstanceMonitor", monitor),
    ("rds DescribeSQLCollectorPolicy", collector),
    ("rds DescribeSQLCollectorRetention", retention),
    ("rds DescribeDBInstanceNetInfo", connections),
    ("rds DescribeDBInstanceEncryptionKey", encryption),
    ("rds DescribeDBInstanceHAConfig", replicas),
    ("rds DescribeParameters", parameters),
    ("rds DescribePGHbaConfig", hba),
    ("rds DescribeSecurityGroupConfiguration", security_groups),
    ("rds DescribeDBInstanceSSL", encrypted),
    ("rds DescribeDBInstanceTDE", tde),
    ("rds DescribeHASwitchConfig", failover),
    ("rds DescribeHADiagnoseConfig", diagnosis),
    ("rds DescribeInstanceLinkedWhitelistTemplate", templates),
    ("rds DescribeTasks", tasks),
    ("rds DescribeTags", tags),
    ("rds (?:TagResources|AddTagsToResource)", tag),
    ("rds (?:UntagResources|RemoveTagsFromResource)", untag),
]
