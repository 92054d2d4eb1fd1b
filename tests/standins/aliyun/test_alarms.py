"""Alarm rules."""

from __future__ import annotations

import pytest

from tests.support.aliyun import Caller

RULE = {
    "RuleId": "rule-1",
    "RuleName": "errors",
    "Namespace": "acs_fc",
    "MetricName": "FunctionFunctionErrors",
    "ContactGroups": "operators",
    "Resources": '[{"functionName":"memory"}]',
    "Period": "60",
    "Escalations_Critical_Statistics": "Value",
    "Escalations_Critical_ComparisonOperator": "GreaterThanThreshold",
    "Escalations_Critical_Threshold": "5",
    "Escalations_Critical_Times": "3",
}


@pytest.fixture
def operators(caller: Caller) -> Caller:
    caller.rpc("cms", "PutContactGroup", ContactGroupName="operators")
    return caller


def test_a_rule_is_made_and_changed_under_the_id_that_the_client_chose(operators: Caller) -> None:
    operators.rpc("cms", "PutResourceMetricRule", **RULE)
    operators.rpc("cms", "PutResourceMetricRule", **RULE | {"Escalations_Critical_Threshold": "9"})
    [alarm] = operators.rpc("cms", "DescribeMetricRuleList", RuleIds="rule-1").body["Alarms"]["Alarm"]

    assert alarm["Escalations"]["Critical"]["Threshold"] == "9"
    assert (alarm["RuleName"], alarm["ContactGroups"], alarm["EnableState"]) == ("errors", "operators", True)


def test_a_rule_is_switched_off_and_deleted(operators: Caller) -> None:
    operators.rpc("cms", "PutResourceMetricRule", **RULE)
    operators.rpc("cms", "DisableMetricRules", RuleId_1="rule-1")
    [alarm] = operators.rpc("cms", "DescribeMetricRuleList", RuleIds="rule-1").body["Alarms"]["Alarm"]

    assert alarm["EnableState"] is False
    assert operators.rpc("cms", "DescribeMetricRuleTargets", RuleId="rule-1").body["Targets"] == {"Target": []}
    operators.rpc("cms", "DeleteMetricRules", Id_1="rule-1")
    assert operators.rpc("cms", "DescribeMetricRuleList", RuleIds="rule-1").body["Alarms"] == {"Alarm": []}


def test_a_rule_needs_an_escalation_and_a_group_that_is_there(caller: Caller) -> None:
    without = {name: value for name, value in RULE.items() if not name.startswith("Escalations")}

    assert caller.rpc("cms", "PutResourceMetricRule", **without).code == "ParameterInvalid"
    assert caller.rpc("cms", "PutResourceMetricRule", **RULE).code == "ResourceNotFound"


def test_rules_are_found_by_a_part_of_their_names(operators: Caller) -> None:
    operators.rpc("cms", "PutResourceMetricRule", **RULE)
    found = [
        operators.rpc("cms", "DescribeMetricRuleList", RuleName=name).body["Alarms"]["Alarm"]
        for name in ("error", "other")
    ]

    assert [[one["RuleId"] for one in rules] for rules in found] == [["rule-1"], []]
