"""Broken copies for the rules about every stack."""

from __future__ import annotations

from infra.monitoring.rules import rules_file
from tests.policies.cases import GONE, Case

_RULES = rules_file()
CASES = (
    Case(
        rule="alert-metrics-exist",
        stack="render",
        kind="PrivateService",
        name="memory-monitoring-prometheus",
        values={("secretFiles", "rules.yml"): _RULES.replace("claude_memory_postgres_up", "claude_memory_postgres_on")},
    ),
    Case(
        rule="alerts-have-runbooks",
        stack="render",
        kind="PrivateService",
        name="memory-monitoring-prometheus",
        values={("secretFiles", "rules.yml"): _RULES.replace("#claudememorypostgresdown", "#nothing")},
    ),
    Case(
        rule="settings-exist",
        stack="render",
        kind="WebService",
        name="memory-web",
        values={("envVars", "LOG_LEVLE"): "INFO"},
        unknown=(("envVars",),),
    ),
    Case(
        rule="settings-exist",
        stack="selfhost",
        kind="Container",
        name="memory-app-worker",
        values={("envs", 0): "LOG_LEVLE=INFO"},
    ),
    Case(
        rule="names-begin-alike",
        stack="aliyun",
        kind="Bucket",
        name="memory-code",
        values={("bucket",): "memories"},
    ),
    Case(
        rule="names-begin-alike",
        stack="selfhost",
        kind="Container",
        name="memory-app-1",
        values={("labels",): [{"label": "claude-memory.service", "value": "memory-app-1"}]},
    ),
    Case(
        rule="database-not-reachable",
        stack="render",
        kind="Postgres",
        name="memory-postgres",
        values={("ipAllowList",): [{"cidrBlock": "203.0.0.0/8"}]},
    ),
    Case(
        rule="database-not-reachable",
        stack="aliyun",
        kind="Instance",
        name="memory-postgres",
        values={("securityIps",): ["203.0.0.0/8"]},
    ),
    Case(
        rule="database-not-reachable",
        stack="selfhost",
        kind="Container",
        name="memory-postgres",
        values={("ports",): [{"internal": 5432.0, "external": 5432.0}]},
    ),
    Case(
        rule="backup-scheduled",
        stack="render",
        kind="CronJob",
        name="memory-cron-backup",
        values={("envVars", "BACKUP_TO"): GONE},
        unknown=(("envVars",),),
    ),
)
