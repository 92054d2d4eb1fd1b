"""Alerts as tests need them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from app.alerts.message import Message
from app.alerts.notification import Alert

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
