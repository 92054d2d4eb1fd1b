"""Broken copies for the rules about secrets."""

from __future__ import annotations

from tests.policies.cases import GONE, Case

_TOKEN = "cm_" + "made-up-token-of-a-test".ljust(43, "0")
CASES = (
    Case(
        rule="secret-settings-hidden",
        stack="render",
        kind="WebService",
        name="memory-web",
        values={("envVars", "ADMIN_TOKEN"): _TOKEN},
    ),
    Case(
        rule="secret-settings-hidden",
        stack="selfhost",
        kind="Container",
        name="memory-app-1",
        values={("envs", 0): "DATABASE_URL=postgresql://db"},
    ),
    Case(
        rule="secret-outputs-marked",
        stack="aliyun",
        kind="RdsAccount",
        name="memory-postgres",
        values={("accountPassword",): "made-up", ("accountPasswordWo",): GONE, ("accountPasswordWoVersion",): GONE},
    ),
    Case(
        rule="no-keys-in-clear",
        stack="selfhost",
        kind="Container",
        name="memory-proxy",
        values={("envs", 0): "REGION_KEY=AKIAIOSFODNN7EXAMPLE"},
    ),
    Case(
        rule="no-keys-in-clear",
        stack="render",
        kind="PrivateService",
        name="memory-monitoring-prometheus",
        values={("dockerCommand",): "/bin/prometheus --token=9vQ2mKf7Lr0Xw3TzBn8YdHs5Gc1Jp6Ua"},
    ),
)
