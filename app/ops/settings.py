"""Asks the running server for the settings it was started with."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from app.bridge.protocol import ask
from app.settings.shown import Origin, SettingRow

_ASK_TIMEOUT_S = 2.0


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """The settings of a server. who: the server in words."""

    who: str
    rows: list[SettingRow]


def of_running_server(data_dir: Path) -> ServerSettings | None:
    """Return the settings of the server of a data directory; None when none runs, or it is too old to tell."""
    answer = ask(os.fspath(data_dir), "settings", _ASK_TIMEOUT_S) or {}
    rows = answer.get("settings")
    if not rows:
        return None
    kind = "the daemon" if answer.get("mode") == "daemon" else "the server"
    who = f"{kind} that runs on {data_dir} (pid {answer.get('pid')})"
    return ServerSettings(who, [SettingRow(**{**row, "origin": Origin(row["origin"])}) for row in rows])
