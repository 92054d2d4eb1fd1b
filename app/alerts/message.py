"""Writes the alerts of one message as a title and as plain text that fits its target.

Labels and annotations come from the monitored systems, so they must not act as markup, as a mention or as a line of
ours: targets send this as plain text, and control characters are removed.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from app.alerts.notification import Alert

CHAT_TEXT_BYTES = 7_000  # no one reads more in a chat, and escaped it stays below Slack's 40,000
MAIL_TEXT_BYTES = 200_000
_LINE_CHARACTERS = 1_000
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]+")
_SHOWN_ALREADY = ("alertname", "severity", "instance")


@dataclass(frozen=True, slots=True)
class Message:
    """Alerts that go to one target together.

    id: the same on every attempt, so that a target can recognise a repetition.
    rows: their ids in the queue, oldest first.
    """

    id: str
    rows: tuple[int, ...]
    alerts: tuple[Alert, ...]

    @property
    def is_firing(self) -> bool:
        """Whether any of the alerts is firing."""
        return any(alert.status == "firing" for alert in self.alerts)


def title(alerts: Sequence[Alert]) -> str:
    """Return one line: `[FIRING 2, RESOLVED 1] ClaudeMemoryQdrantDown, ClaudeMemoryPostgresDown`."""
    counts = Counter(alert.status for alert in alerts)
    states = ", ".join(f"{status.upper()} {counts[status]}" for status in ("firing", "resolved") if counts[status])
    names = list(dict.fromkeys(line(alert.name, 100) for alert in alerts))
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return f"[{states}] {', '.join(names[:3])}{more}"


def text(alerts: Sequence[Alert], limit_bytes: int) -> str:
    """Return the alerts in full, a paragraph each; the last line counts those that do not fit."""
    paragraphs: list[str] = []
    left = limit_bytes - 100  # for the last line
    for alert in alerts:
        paragraph = _cut(_paragraph(alert), limit_bytes - 100)
        left -= len(paragraph.encode()) + 2
        if left < 0:
            paragraphs.append(f"… and {len(alerts) - len(paragraphs)} more; the receiver's /alerts has all")
            break
        paragraphs.append(paragraph)
    return "\n\n".join(paragraphs)


def line(value: str, limit: int = _LINE_CHARACTERS) -> str:
    """Return a text on one line without control characters, cut to `limit` characters."""
    clean = _CONTROL.sub(" ", value).strip()
    return clean if len(clean) <= limit else f"{clean[: limit - 1]}…"


def _paragraph(alert: Alert) -> str:
    labels, notes = alert.labels, alert.annotations
    head = [f"{alert.status.upper()} {line(alert.name, 200)}"]
    head += [f"({line(labels['severity'], 50)})"] if "severity" in labels else []
    head += [f"on {line(labels['instance'], 200)}"] if "instance" in labels else []
    lines = [" ".join(head)]
    lines += [line(notes[name]) for name in ("summary", "description") if notes.get(name)]
    if notes.get("runbook_url"):
        lines.append(f"Runbook: {line(notes['runbook_url'])}")
    others = ", ".join(f"{name}={value}" for name, value in sorted(labels.items()) if name not in _SHOWN_ALREADY)
    if others:
        lines.append(f"Labels: {line(others)}")
    if alert.starts_at:
        lines.append(f"Since: {alert.starts_at}")
    if alert.status == "resolved" and alert.ends_at:
        lines.append(f"Until: {alert.ends_at}")
    return "\n".join(lines)


def _cut(value: str, limit_bytes: int) -> str:
    encoded = value.encode()
    return value if len(encoded) <= limit_bytes else encoded[: limit_bytes - 3].decode(errors="ignore") + "…"
