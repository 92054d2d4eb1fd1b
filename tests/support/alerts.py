"""Alerts as tests need them, and a receiver as a process of its own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from app.alerts.message import Message
from app.alerts.notification import Alert
from tests.support.serving import Server

RECORDED = Path(__file__).parents[1] / "app" / "alerts" / "recorded"
FIRING = (RECORDED / "alertmanager_0.25_firing.json").read_bytes()
ONE_RESOLVED = (RECORDED / "alertmanager_0.25_one_resolved.json").read_bytes()


def alert(name: str = "QdrantDown", status: str = "firing", **more: Any) -> Alert:
    """Return an alert; `labels` are added to its name."""
    labels = {"alertname": name, **more.pop("labels", {})}
    return Alert.model_validate({"status": status, "labels": labels, **more})


def body(*alerts: Alert) -> bytes:
    """Return alerts as a webhook sends them."""
    return json.dumps({"alerts": [one.model_dump(by_alias=True) for one in alerts]}).encode()


def message(*alerts: Alert, id: str = "1-1-1") -> Message:
    """Return a message of alerts."""
    return Message(id, (1,), alerts or (alert(),))


class AlertServer(Server):
    """`claude-memory alerts`."""

    program = ("-m", "app", "alerts")

    def post(self, content: bytes, **headers: str) -> tuple[int, Any]:
        """Send a notification; return (status, body)."""
        status, _, answer = self.request("POST", "/webhook", content, {"Content-Type": "application/json", **headers})
        return status, answer

    def logged(self) -> list[dict[str, Any]]:
        """Return the current file of the alert log."""
        path = self.data_dir / "alerts" / "alerts.jsonl"
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []
