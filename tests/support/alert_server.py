"""The alert receiver as a process of its own."""

from __future__ import annotations

import json
import sys
from typing import Any

from tests.support.serving import Server


class AlertServer(Server):
    """`claude-memory alerts`."""

    program = (sys.executable, "-m", "app", "alerts")

    def post(self, content: bytes, **headers: str) -> tuple[int, Any]:
        """Send a notification; return (status, body)."""
        status, _, answer = self.request("POST", "/webhook", content, {"Content-Type": "application/json", **headers})
        return status, answer

    def logged(self) -> list[dict[str, Any]]:
        """Return the current file of the alert log."""
        path = self.data_dir / "alerts" / "alerts.jsonl"
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []
