"""Series of samples, and the alerts a rule must fire on them: what the cases of the rules are made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

STEP_S, LONG_STEP_S = 5, 60  # between samples and evaluations; the long one for cases that last hours
HOUR_S, DAY_S = 3_600, 86_400


@dataclass(frozen=True)
class Alert:
    """A firing alert: its description, and its labels besides those that every alert of its rule has."""

    description: str
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Case:
    """Samples by series, and the alerts that fire at given moments (seconds since the first sample)."""

    what: str
    series: Mapping[str, str]
    at: Mapping[int, tuple[Alert, ...]]
    step_s: int = STEP_S


def held(*parts: tuple[float | None, int], step_s: int = STEP_S) -> str:
    """Return samples in promtool's notation: (value, seconds it is held); None: no sample."""
    written = []
    for value, seconds in parts:
        samples = seconds // step_s
        written.append(f"_x{samples}" if value is None else f"{value}+0x{samples - 1}")
    return " ".join(written)


def long_held(*parts: tuple[float | None, int]) -> str:
    """Return the same for cases that last hours."""
    return held(*parts, step_s=LONG_STEP_S)


def counted(*parts: tuple[float, int]) -> str:
    """Return a counter in promtool's notation: (increase per second, seconds it lasts)."""
    value, written = 0.0, []
    for per_second, seconds in parts:
        samples = seconds // STEP_S
        written.append(f"{value:g}+{per_second * STEP_S:g}x{samples - 1}")
        value += per_second * seconds
    return " ".join(written)


def up(job: str, instance: str) -> str:
    """Return the series that says whether a scrape target answers."""
    return f'up{{job="{job}",instance="{instance}"}}'


def of_app(metric: str, instance: str = "app-1:8080") -> str:
    """Return a series of a replica."""
    return f'claude_memory_{metric}{{job="claude-memory",instance="{instance}"}}'


def of_worker(metric: str, instance: str = "worker:8080") -> str:
    """Return a series of a worker."""
    return f'claude_memory_{metric}{{job="worker",instance="{instance}"}}'


def of_receiver(metric: str, target: str, more: str = "") -> str:
    """Return a series of the alert receiver."""
    return f'claude_memory_alerts_{metric}{{job="alerts",instance="alerts:8081",target="{target}"{more}}}'


def of_node(metric: str, more: str = "") -> str:
    """Return a series of a host."""
    return f'node_{metric}{{job="node",instance="node-exporter:9100"{more}}}'


APP_1, APP_2 = up("claude-memory", "app-1:8080"), up("claude-memory", "app-2:8080")
PROXY, QDRANT_1, QDRANT_2 = up("proxy", "proxy:2019"), up("qdrant", "qdrant-1:6333"), up("qdrant", "qdrant-2:6333")
PG = 'pg_up{job="postgres",instance="postgres-exporter:9187"}'
HOST = {"job": "node", "instance": "node-exporter:9100"}
ALERTMANAGER_FAILED = (
    'alertmanager_notifications_failed_total{job="alertmanager",instance="alertmanager:9093",integration="webhook"}'
)
