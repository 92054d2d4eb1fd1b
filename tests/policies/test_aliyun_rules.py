"""Rules about Alibaba Cloud: what the broken copies do not show."""

from __future__ import annotations

from dataclasses import replace

from policies.catalogue import violations
from tests.policies.cases import resource


def rules(*resources: object) -> set[str]:
    return {found.rule for found in violations(list(resources))}  # type: ignore[arg-type]


def test_memory_and_timeout_of_the_jobs_are_their_own() -> None:
    jobs = resource("aliyun", "V3Function", "memory-jobs")

    assert (jobs.props["memorySize"], jobs.props["timeout"]) == (1024, 3600)
    assert not rules(jobs) & {"aliyun-function-memory", "aliyun-function-timeout", "aliyun-session-affinity"}


def test_a_trigger_that_asks_for_a_signature_may_lead_anywhere() -> None:
    function = resource("aliyun", "V3Function", "memory-function")
    trigger = resource("aliyun", "V3Trigger", "memory-http")
    open_app = replace(function, props={**function.props, "environmentVariables": {"PORT": "8000", "AUTH": "off"}})
    signed = replace(trigger, props={**trigger.props, "triggerConfig": '{"authType": "function"}'})

    assert "aliyun-address-needs-token" in rules(open_app, trigger)
    assert "aliyun-address-needs-token" not in rules(open_app, signed)


def test_a_layer_is_not_judged_while_the_region_is_unknown() -> None:
    function = resource("aliyun", "V3Function", "memory-function")
    layer = ["acs:fc:cn-shanghai:official:layers/Python312/versions/1"]
    elsewhere = replace(function, props={**function.props, "layers": layer})

    assert "aliyun-layers-in-region" in rules(elsewhere)
    assert "aliyun-layers-in-region" not in rules(replace(elsewhere, provider={}))
