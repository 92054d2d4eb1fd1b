"""Cloud Monitor: alarm rules and what they go to."""

from __future__ import annotations

import itertools
import json

from tests.standins.aliyun.state import Json, Refused, Reply, Request, State

_FINE = {"Success": True, "Code": "200", "Message": "success"}
_LEVELS = ("Critical", "Warn", "Info")
_PARTS = ("Statistics", "ComparisonOperator", "Threshold", "Times")


def put(state: State, request: Request) -> Reply:
    """Make or change a rule: the client chooses its id."""
    given, id_ = request.parameters, request.parameter("RuleId")
    escalations = {
        level: {part: given[f"Escalations.{level}.{part}"] for part in _PARTS}
        for level in _LEVELS
        if given.get(f"Escalations.{level}.Threshold")
    }
    if not (escalations or given.get("Prometheus") or given.get("CompositeExpression")):
        raise Refused(400, "ParameterInvalid", "a rule needs an escalation")
    _check_groups(state, given.get("ContactGroups", ""))
    old = state.alarms.get(id_, {}).get("shown", {"EnableState": True, "AlertState": "OK"})
    shown = old | {
        "RuleId": id_,
        "RuleName": request.parameter("RuleName"),
        "Namespace": request.parameter("Namespace"),
        "MetricName": request.parameter("MetricName"),
        "ContactGroups": given.get("ContactGroups", ""),
        "Resources": given.get("Resources", ""),
        "EffectiveInterval": given.get("EffectiveInterval", "00:00-23:59"),
        "Period": given.get("Period", "60"),
        "SilenceTime": int(given.get("SilenceTime", "86400")),
        "Webhook": given.get("Webhook", ""),
        "Escalations": escalations,
        "Labels": {"Labels": _labels(given)},
        "SourceType": "METRIC",
    }
    if given.get("Prometheus"):
        shown["Prometheus"] = json.loads(given["Prometheus"])
    state.alarms[id_] = {"shown": shown, "targets": state.alarms.get(id_, {}).get("targets", [])}
    return Reply(dict(_FINE))


def _check_groups(state: State, text: str) -> None:
    missing = [name for name in text.split(",") if name and name not in state.contact_groups]
    if missing:
        raise Refused(404, "ResourceNotFound", f"the contact group does not exist: {missing[0]}")


def _labels(given: dict[str, str]) -> list[Json]:
    numbers = itertools.takewhile(lambda n: f"Labels.{n}.Key" in given, itertools.count(1))
    return [{"Key": given[f"Labels.{n}.Key"], "Value": given.get(f"Labels.{n}.Value", "")} for n in numbers]


def listed(state: State, request: Request) -> Reply:
    wanted = request.parameters.get("RuleIds", "")
    named = request.parameters.get("RuleName", "")
    alarms = [one["shown"] for id_, one in state.alarms.items() if not wanted or id_ in wanted.split(",")]
    alarms = [one for one in alarms if named in one["RuleName"]]
    return Reply(_FINE | {"Alarms": {"Alarm": alarms}, "Total": str(len(alarms))})


def switch(state: State, request: Request, on: str) -> Reply:
    for id_ in request.numbered("RuleId"):
        if id_ not in state.alarms:
            raise Refused(404, "ResourceNotFound", "The specified resource is not found.")
        state.alarms[id_]["shown"]["EnableState"] = on == "Enable"
    return Reply(dict(_FINE))


def delete(state: State, request: Request) -> Reply:
    for id_ in request.numbered("Id"):
        state.alarms.pop(id_, None)
    return Reply(dict(_FINE))


def targets(state: State, request: Request) -> Reply:
    alarm = state.alarms.get(request.parameter("RuleId"), {})
    return Reply(_FINE | {"Targets": {"Target": alarm.get("targets", [])}})


def put_targets(state: State, request: Request) -> Reply:
    given, id_ = request.parameters, request.parameter("RuleId")
    numbers = itertools.takewhile(lambda n: f"Targets.{n}.Id" in given, itertools.count(1))
    names = ("Id", "Arn", "Level", "JsonParams")
    state.alarms[id_]["targets"] = [{name: given.get(f"Targets.{n}.{name}", "") for name in names} for n in numbers]
    return Reply(dict(_FINE))


ROUTES = [
    ("cms PutResourceMetricRule", put),
    ("cms DescribeMetricRuleList", listed),
    ("cms (Enable|Disable)MetricRules", switch),
    ("cms DeleteMetricRules", delete),
    ("cms DescribeMetricRuleTargets", targets),
    ("cms PutMetricRuleTargets", put_targets),
]
