"""Asks a stack's Prometheus, from inside its container: it listens on loopback of its host alone."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from infra.command_errors import CannotDo
from infra.monitoring.prometheus import PORT
from infra.monitoring.rule import Severity
from infra.selfhost.engine_calls import DockerHost

_TIMEOUT_S = 10


class NoAnswer(CannotDo):
    """Prometheus answered something else than the API does."""


@dataclass(frozen=True)
class FiringAlert:
    """An alert that fires. labels: all it has."""

    name: str
    severity: Severity
    summary: str
    labels: Mapping[str, str]


@dataclass(frozen=True)
class PrometheusAnswers:
    """The Prometheus in a container. Each method raises CannotDo when it does not answer."""

    host: DockerHost
    container: str

    def firing(self) -> list[FiringAlert]:
        """Return the alerts that fire, the watchdog among them."""
        return [
            FiringAlert(
                name=str(one["labels"].get("alertname", "")),
                severity=_severity(one["labels"].get("severity", "")),
                summary=str(one["annotations"].get("summary", "")),
                labels=one["labels"],
            )
            for one in self._get("alerts")["alerts"]
            if one["state"] == "firing"
        ]

    def unread(self) -> dict[str, str]:
        """Return why the targets that could not be read last could not, by host:port."""
        targets = self._get("targets", state="active")["activeTargets"]
        return {one["labels"]["instance"]: str(one["lastError"]) for one in targets if one["health"] == "down"}

    def series(self, expression: str) -> list[tuple[Mapping[str, str], float]]:
        """Return the labels and the value of each series of an expression."""
        found = self._get("query", query=expression)["result"]
        return [(one["metric"], float(one["value"][1])) for one in found]

    def _get(self, what: str, **query: str) -> Any:
        url = f"http://127.0.0.1:{PORT}/api/v1/{what}?{urlencode(query)}"
        said = self.host.run("exec", self.container, "wget", "-q", "-T", str(_TIMEOUT_S), "-O", "-", url)
        try:
            return json.loads(said)["data"]
        except (ValueError, KeyError, TypeError):
            raise NoAnswer(f"Prometheus answered {said[:80]!r}") from None


def _severity(text: str) -> Severity:
    """Return a severity; a rule of someone else may have another, and counts as a warning."""
    return Severity(text) if text in set(Severity) else Severity.WARNING
