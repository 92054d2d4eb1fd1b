"""Reports what runs on a data directory, as its socket answers, or that nothing does. Takes 5 s at most."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from rich.filesize import decimal

from app.bridge.calls import call_tool
from app.bridge.protocol import ask
from app.counted import counted
from app.datadir.lock import holder
from app.errors import Unavailable
from app.ops.remote import get
from app.ops.upkeep import upkeep
from app.settings.fields import Settings

_ASK_TIMEOUT_S, _CALL_TIMEOUT_S = 2.0, 2.5

# The useful fields of /status; the others are details of the server's start and its settings.
_OF_A_SERVER = (
    "status", "version", "uptime_seconds", "components", "connections", "sessions", "requests", "numbers",
)  # fmt: skip


def status(data_dir: Path, *, ask_timeout_s: float = _ASK_TIMEOUT_S) -> dict[str, Any]:
    """Return what `claude-memory status --json` prints. ask_timeout_s: how long the socket may take to answer."""
    answer = ask(os.fspath(data_dir), "status", ask_timeout_s)
    index, postgres = _size(data_dir / "index"), _size(data_dir / "postgres")
    if answer is None:
        return {
            "running": False,
            "data_dir": os.fspath(data_dir),
            **dict.fromkeys(("pid", "version", "started_at", "url", "socket")),
            "sessions": [],
            "held_by": holder(data_dir),
            "memories": None,
            "memories_with_vector": None,
            "database_bytes": postgres,
            "index_bytes": index,
        }
    numbers: dict[str, Any] = {}
    try:
        health = call_tool(data_dir, "memory_health", {"detailed": True}, _CALL_TIMEOUT_S)
        numbers = health.get("numbers") or {}
    except Unavailable:
        pass  # a server that is starting has none yet
    names = (
        "memories", "memories_with_vector", "database_bytes", "index_lag_changes", "index_lag_seconds",
        "worker_leads", "backup_last_success", "backup_last_verified",
        "outbox_waiting", "outbox_age_seconds", "outbox_refused",
    )  # fmt: skip
    found = {"running": True, **answer, **{name: numbers.get(name) for name in names}, "index_bytes": index}
    if answer.get("embedded_postgres"):
        found["database_bytes"] = (
            postgres  # measured as when nothing runs: all that its files take, not the tables alone
        )
    return found


def _size(folder: Path) -> int | None:
    """Return the bytes that all files below a folder take on the disk; None when there is no such folder."""
    if not folder.is_dir():
        return None
    size = 0
    for path, _, names in os.walk(folder):
        for name in names:
            try:
                entry = os.lstat(os.path.join(path, name))  # noqa: PTH118  ten times as quick as Path
            except OSError:  # it was just removed
                continue
            size += entry.st_blocks * 512 if hasattr(entry, "st_blocks") else entry.st_size  # the index has holes
    return size


def status_of(settings: Settings, url: str) -> dict[str, Any]:
    """Return what a server elsewhere answers at /status. Raises Unavailable and NotPermitted."""
    try:
        values = json.loads(get(settings, url, "/status"))
        return {"url": url, **{name: values[name] for name in _OF_A_SERVER}}
    except (ValueError, KeyError, TypeError) as error:
        raise Unavailable(f"{url}/status answers, but not as this version does; is it a claude-memory?") from error


def lines_of(values: dict[str, Any]) -> list[tuple[str, str]]:
    """Return the status of a server elsewhere as rows for people; a token without `admin` sees less."""
    numbers, requests = values["numbers"], values["requests"]
    rows = [
        ("running", f"{values['version']} at {values['url']}, {values['status']}"),
        ("since", f"{values['uptime_seconds'] / 3_600:,.1f} h"),
    ]
    if requests is not None:
        average_ms = requests["avg_response_time_seconds"] * 1_000
        rows.append(("connections", f"{values['connections']}, of them {values['sessions']} open SSE sessions"))
        rows.append(("requests", f"{requests['total']:,.0f}, {average_ms:,.1f} ms on average"))
    rows += [(name, f"{part['status']}: {part['detail'] or 'answers'}") for name, part in values["components"].items()]
    if requests is None:  # the token lacks `admin`
        rows.append(("your memories", f"{numbers.get('memories', 0):,.0f}, {decimal(int(numbers.get('bytes', 0)))}"))
    elif "memories" in numbers:
        rows.append(("memories", _live(numbers["memories"])))
        rows += _vectors(numbers)
        lag = f"{counted(numbers['index_lag_changes'], 'change')}, {numbers['index_lag_seconds']:.1f} s"
        rows += [("index lag", lag), ("database", decimal(int(numbers["database_bytes"])))]
        rows += _upkeep(numbers, values["components"])
    return rows


def lines(values: dict[str, Any]) -> list[tuple[str, str]]:
    """Return a status as rows for people."""
    if not values["running"]:
        held_by = values["held_by"]
        rows = [("running", f"no, but pid {held_by.get('pid', '?')} holds the data directory" if held_by else "no")]
        rows.append(("data directory", values["data_dir"]))
    else:
        mode = {"daemon": "daemon", "serve": "server"}.get(values["mode"], values["mode"])
        rows = [
            ("running", f"{mode} {values['version']}, pid {values['pid']}, {values['status']}"),
            ("since", values["started_at"]),
            ("data directory", values["data_dir"]),
            ("HTTP", values["url"] or "none: bridges only"),
            ("socket", values["socket"]),
        ]
        sessions = [
            f"{row['client'] or '?'} for {row.get('user', '?')} (pid {row['pid']}, since {row['since']})"
            for row in values["sessions"]
        ]
        rows.append(("sessions", "\n".join(sessions) or "none"))
        rows += [
            (name, f"{part['status']}: {part['detail']}")
            for name, part in values["components"].items()
            if part["detail"]
        ]
        if values["memories"] is not None:
            rows.append(("memories", _live(values["memories"])))
            rows += _vectors(values)
        if values["index_lag_changes"] is not None:
            changes, seconds = values["index_lag_changes"], values["index_lag_seconds"]
            rows.append(("index lag", f"{counted(changes, 'change')}, {seconds:.1f} s"))
        rows += _upkeep(values, values["components"])
    for name in ("database", "index"):
        if values[f"{name}_bytes"] is not None:
            rows.append((name, decimal(int(values[f"{name}_bytes"]))))
    return rows


def _live(memories: float) -> str:
    """Return a count of memories as one rule counts them, here and at /status."""
    return f"{memories:,.0f} (of all users; without archived ones, each piece of a long text for itself)"


def _vectors(numbers: dict[str, Any]) -> list[tuple[str, str]]:
    """Return how many memories search finds by their meaning; nothing where no model is used."""
    done = numbers.get("memories_with_vector")
    return [] if done is None else [("found by meaning", progress(done, numbers["memories"]))]


def progress(done: float, memories: float) -> str:
    """Return how many memories have a vector, for people."""
    if done >= memories:
        return f"all {memories:,.0f}"
    return f"{done:,.0f} of {memories:,.0f}; the others by their words, until they have a vector"


def _upkeep(numbers: dict[str, Any], components: dict[str, Any]) -> list[tuple[str, str]]:
    known = {name: value for name, value in numbers.items() if value is not None}
    findings = upkeep(known, memu="memu" in components)
    return [
        (finding.name, finding.found if finding.remedy is None else f"{finding.found}; {finding.remedy}")
        for finding in findings
    ]
