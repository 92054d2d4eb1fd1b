"""List prices per month, as far as they are known. They are NOT checked: see the vendor's page before relying on one.

Source: render.com/pricing, as far as it was known in November 2026. Prices of Alibaba Cloud differ by region and use,
and your own hosts cost what they cost; both are left out.
"""

from __future__ import annotations

from collections.abc import Mapping

DATED = "November 2026"
CURRENCY = "USD"
# What an instance of a plan costs, by the type of the service.
_INSTANCES: Mapping[str, float] = {
    "free": 0,
    "starter": 7,
    "standard": 25,
    "pro": 85,
    "pro_plus": 175,
    "pro_max": 225,
    "pro_ultra": 450,
}
SERVICES: Mapping[str, Mapping[str, float]] = {
    "render:index:WebService": _INSTANCES,
    "render:index:PrivateService": _INSTANCES,
    "render:index:BackgroundWorker": _INSTANCES,
}
STORES: Mapping[str, Mapping[str, float]] = {
    "render:index:Postgres": {
        "free": 0,
        "basic_256mb": 6,
        "basic_1gb": 19,
        "basic_4gb": 75,
        "pro_4gb": 55,
        "pro_8gb": 100,
        "pro_16gb": 200,
        "pro_32gb": 400,
    },
    "render:index:KeyValue": {"free": 0, "starter": 10, "standard": 32, "pro": 135, "pro_plus": 250},
}
CRON = "render:index:CronJob"
CRON_LEAST = 1.0  # a job is paid by the minute, and at least this
DISK_GB = 0.25
DATABASE_GB = 0.30
_BY_USE = "by use, at the price of its region"
# What has no price a month of its own, and how it is paid for.
BY_USE: Mapping[str, str] = {
    "alicloud:fc/v3Function:V3Function": "by use (`python -m infra.aliyun cost` estimates it)",
    "alicloud:log/store:Store": _BY_USE,
    "alicloud:oss/bucket:Bucket": _BY_USE,
    "alicloud:rds/instance:Instance": "at the price of its region",
}
