"""The address: open at the gateway, since the app asks for tokens."""

from __future__ import annotations

import json

from tests.support.aliyun_plan import of_kind
from tests.support.stacks import aliyun_plan


def test_the_trigger_lets_in_what_mcp_needs_and_leads_to_the_alias() -> None:
    found = of_kind(aliyun_plan(), "V3Trigger")["memory-http"].inputs
    config = json.loads(found["triggerConfig"])

    assert config == {"authType": "anonymous", "disableURLInternet": False, "methods": ["GET", "POST", "DELETE"]}
    assert found["qualifier"] == "live"


def test_an_open_gateway_has_an_app_that_asks_everyone_for_a_token() -> None:
    plan = aliyun_plan()
    open_ones = {
        trigger.inputs["functionName"]
        for trigger in of_kind(plan, "V3Trigger").values()
        if trigger.inputs["triggerType"] == "http"
    }

    for function in of_kind(plan, "V3Function").values():
        if function.inputs["functionName"] in open_ones:
            assert function.inputs["environmentVariables"]["AUTH"] == "required"
