"""Writes the page at /alerts: recent alerts and the state of forwarding; plain, for eyes and screen readers."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Mapping
from html import escape
from typing import Any

_STYLE = """
body { font: 1rem/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem }
table { border-collapse: collapse; width: 100% }
caption { font-weight: bold; padding: 1rem 0 .5rem; text-align: left }
th, td { border-bottom: 1px solid #767676; padding: .4rem .6rem; text-align: left; vertical-align: top }
td { overflow-wrap: anywhere }
time { white-space: nowrap }
@media (prefers-color-scheme: dark) { body { background: #111; color: #eee } a { color: #9cf } }
"""
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
# Nothing on the page may run or load anything, whatever an alert's labels hold.
HEADERS = {
    "content-security-policy": f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
}


def alerts_page(report: Mapping[str, Any]) -> str:
    """Return as HTML what /alerts also answers as JSON."""
    alerts, targets = report["alerts"], report["targets"]
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Alerts</title>
<style>{_STYLE}</style>
</head>
<body>
<main>
<h1>Alerts</h1>
{_table("Received, the newest first", ("Received", "State", "Alert", "What", "Labels"), map(_alert, alerts))}
{_table("Forwarding", ("Target", "State", "Waiting"), (_target(name, state) for name, state in targets.items()))}
</main>
</body>
</html>
"""


def _table(caption: str, header: Iterable[str], rows: Iterable[str]) -> str:
    head = "".join(f'<th scope="col">{name}</th>' for name in header)
    body = "\n".join(rows)
    if not body:
        return f"<p>{caption}: none.</p>"
    return f"<table>\n<caption>{caption}</caption>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table>"


def _alert(entry: Mapping[str, Any]) -> str:
    labels, notes = entry["labels"], entry["annotations"]
    state = entry["status"] + (", repeated" if entry["repeated"] else "")
    what = [escape(notes[name]) for name in ("summary", "description") if notes.get(name)]
    what += [
        f'<a href="{escape(url)}">{name}</a>'
        for name, url in (("runbook", notes.get("runbook_url", "")), ("source", entry["generator_url"]))
        if url.startswith(("http://", "https://"))
    ]
    others = ", ".join(f"{name}={value}" for name, value in sorted(labels.items()) if name != "alertname")
    name = labels.get("alertname", "alert without a name")
    at = escape(entry["received_at"])
    shown_at = f"{at[:19].replace('T', ' ')} UTC"
    return (
        f'<tr><td><time datetime="{at}">{shown_at}</time></td><td>{escape(state)}</td>'
        f'<th scope="row">{escape(name)}</th><td>{"<br>".join(what)}</td><td>{escape(others)}</td></tr>'
    )


def _target(name: str, state: Mapping[str, Any]) -> str:
    text = f"failing: {state['trouble']}" if state["trouble"] else "ok"
    return f'<tr><th scope="row">{escape(name)}</th><td>{escape(text)}</td><td>{state["waiting"]}</td></tr>'
