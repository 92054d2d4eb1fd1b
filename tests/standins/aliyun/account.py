"""What a client asks before anything else: who it is, which kind of account, where a product is."""

from __future__ import annotations

from tests.standins.aliyun.state import Reply, Request, State

_ENDPOINTS = {
    "ecs": "ecs.{region}.aliyuncs.com",
    "vpc": "vpc.{region}.aliyuncs.com",
    "rds": "rds.aliyuncs.com",
    "oss": "oss-{region}.aliyuncs.com",
    "sls": "{region}.log.aliyuncs.com",
    "fc": "{account}.{region}.fc.aliyuncs.com",
    "ram": "ram.aliyuncs.com",
    "sts": "sts.{region}.aliyuncs.com",
    "cms": "metrics.{region}.aliyuncs.com",
}


def identity(state: State, request: Request) -> Reply:
    arn = f"acs:ram::{state.account}:root"
    body = {"AccountId": state.account, "Arn": arn, "IdentityType": "Account", "PrincipalId": state.account,
            "UserId": state.account}  # fmt: skip
    return Reply(body)


def endpoints(state: State, request: Request) -> Reply:
    code = request.parameter("ServiceCode")
    host = _ENDPOINTS.get(code, f"{code}.{{region}}.aliyuncs.com").format(region=state.region, account=state.account)
    endpoint = {
        "Endpoint": host,
        "Id": request.parameter("Id"),
        "Namespace": "26842",
        "Protocols": {"Protocols": ["HTTP", "HTTPS"]},
        "SerivceCode": code,
        "Type": "openAPI",
    }
    return Reply({"Success": True, "Endpoints": {"Endpoint": [endpoint]}})


def available_instances(state: State, request: Request) -> Reply:
    """Billing answers so to an account of the mainland; to an international one it says NotApplicable."""
    data = {"PageNum": 1, "PageSize": 20, "TotalCount": 0, "InstanceList": []}
    return Reply({"Success": True, "Code": "Success", "Message": "Successful!", "Data": data})


ROUTES = [
    ("sts GetCallerIdentity", identity),
    ("location DescribeEndpoints", endpoints),
    ("bss QueryAvailableInstances", available_instances),
]
