"""Alert rules as rules of Cloud Monitor, of what it measures in a function; the others are left out, each for a reason.

The names of Cloud Monitor's metrics (namespace acs_fc) are from its documentation; they could not be tried here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi_alicloud import cms

from infra.aliyun.config import Alarms as AlarmsConfig
from infra.monitoring.rule import MINUTE_S, RUNBOOK, Severity

_NAMESPACE = "acs_fc"
# Alert rules without an alarm here, and why. Those that are not here need a series that only the app has, and nothing
# scrapes an instance of a function.
LEFT_OUT: Mapping[str, str] = {
    "ClaudeMemoryAlertDeliveryFailing": "is about Alertmanager; Cloud Monitor delivers here",
    "ClaudeMemoryTargetDown": "is about Prometheus; nothing is scraped here",
    "ClaudeMemoryWatchdog": "is about Prometheus; Cloud Monitor watches itself",
    "ClaudeMemoryWorkerWithoutLeader": "no worker runs here: timers call the jobs",
    "ClaudeMemoryBackupMissing": "a backup that failed is ClaudeMemoryBackupTooOld's alarm",
    "ClaudeMemoryBackupUnproved": "no worker verifies here; `claude-memory verify` does, from any machine",
    "ClaudeMemoryBackupVerifiedTooLongAgo": "no worker verifies here",
    "ClaudeMemoryLogArchiveBehind": "RDS archives its own log",
    "ClaudeMemoryLogArchiveIncomplete": "RDS archives its own log",
    "ClaudeMemoryBaseBackupOverdue": "RDS archives its own log",
    "ClaudeMemoryStandbyMissing": "RDS has a standby of its own, and replaces the primary by itself",
    "ClaudeMemoryCertificateExpiring": "the console warns of certificates",
    "ClaudeMemoryDiskFilling": "an instance's disk goes with it; RDS has alarms of its own",
    "ClaudeMemoryDiskAlmostFull": "an instance's disk goes with it; RDS has alarms of its own",
    "ClaudeMemoryRestarting": "the platform starts and ends instances as calls come",
    "ClaudeMemoryOutOfMemory": "an instance without memory fails its calls, which have an alarm",
    "ClaudeMemoryHostRebooted": "there is no host of ours",
    "ClaudeMemoryCPUHigh": "the platform starts another instance",
    "ClaudeMemoryCPUCritical": "the platform starts another instance",
    "ClaudeMemoryHighResponseTime": "the platform measures open streams, which last for minutes, like requests",
    "ClaudeMemoryResponseTimeCritical": "the platform measures open streams, which last for minutes, like requests",
    "ClaudeMemoryDatabaseGrowing": "RDS has alarms of its own",
    "ClaudeMemoryDatabaseLarge": "RDS has alarms of its own",
}


@dataclass(frozen=True, kw_only=True)
class Alarm:
    """One rule of Cloud Monitor. rule: the alert rule it takes the place of, whose section of the runbook helps.

    jobs: whether it is about the jobs' function. share: of the function's memory in percent, in place of threshold.
    periods: how many minutes in a row the value is over the threshold.
    """

    name: str
    rule: str
    metric: str
    severity: Severity
    periods: int
    statistics: str = "Value"
    threshold: int = 0
    share: int | None = None
    jobs: bool = False


ALARMS: tuple[Alarm, ...] = (
    Alarm(
        name="function-errors",
        rule="ClaudeMemoryMCPDown",
        metric="FunctionFunctionErrors",
        severity=Severity.CRITICAL,
        periods=3,
    ),
    Alarm(
        name="server-errors",
        rule="ClaudeMemoryMCPDown",
        metric="FunctionServerErrors",
        severity=Severity.CRITICAL,
        periods=3,
    ),
    Alarm(
        name="throttled",
        rule="ClaudeMemoryMCPDown",
        metric="FunctionConcurrencyThrottles",
        severity=Severity.WARNING,
        periods=3,
    ),
    Alarm(
        name="memory-high",
        rule="ClaudeMemoryMemoryHigh",
        metric="FunctionMaxMemoryUsageMB",
        severity=Severity.WARNING,
        periods=5,
        share=85,
    ),
    Alarm(
        name="memory-critical",
        rule="ClaudeMemoryMemoryCritical",
        metric="FunctionMaxMemoryUsageMB",
        severity=Severity.CRITICAL,
        periods=5,
        share=95,
    ),
    Alarm(
        name="job-failed",
        rule="ClaudeMemoryBackupTooOld",
        metric="FunctionFunctionErrors",
        severity=Severity.CRITICAL,
        periods=1,
        jobs=True,
    ),
)


@dataclass(frozen=True, kw_only=True)
class AlarmsArgs:
    """prefix: what the names of the alarms begin with. memory_mb: of the server. jobs: the jobs' function, if any."""

    prefix: str
    region: str
    options: AlarmsConfig
    server: pulumi.Input[str]
    memory_mb: int
    jobs: pulumi.Input[str] | None


class Alarms(pulumi.ComponentResource):
    """Every alarm whose function the stack has."""

    def __init__(self, name: str, args: AlarmsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("claude-memory:aliyun:Alarms", name, None, opts)
        for alarm in ALARMS:
            function = args.jobs if alarm.jobs else args.server
            if function is not None:
                self._declare(f"{name}-{alarm.name}", alarm, function, args)
        self.register_outputs({})

    def _declare(self, name: str, alarm: Alarm, function: pulumi.Input[str], args: AlarmsArgs) -> None:
        cms.Alarm(
            name,
            name=f"{args.prefix}-{alarm.name} ({RUNBOOK}#{alarm.rule.lower()})",
            project=_NAMESPACE,
            metric=alarm.metric,
            metric_dimensions=pulumi.Output.from_input(function).apply(
                lambda found: json.dumps([{"region": args.region, "functionName": found}], separators=(",", ":"))
            ),
            contact_groups=list(args.options.contact_groups),
            webhook=args.options.webhook,
            period=MINUTE_S,
            opts=pulumi.ResourceOptions(parent=self),
            **escalation(alarm, args.memory_mb),
        )


def escalation(alarm: Alarm, memory_mb: int) -> dict[str, Any]:
    """Return when the alarm goes off, at the level of its severity."""
    threshold = alarm.threshold if alarm.share is None else memory_mb * alarm.share // 100
    limits: dict[str, Any] = {
        "statistics": alarm.statistics,
        "comparison_operator": ">",
        "threshold": str(threshold),
        "times": alarm.periods,
    }
    if alarm.severity is Severity.CRITICAL:
        return {"escalations_critical": cms.AlarmEscalationsCriticalArgs(**limits)}
    return {"escalations_warn": cms.AlarmEscalationsWarnArgs(**limits)}
