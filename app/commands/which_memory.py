"""Says which memory a command uses where that may surprise: the data directory of a setting, or of no server."""

from __future__ import annotations

import os
from argparse import Namespace

from app.datadir import register
from app.datadir.location import data_directory_name
from app.settings.given import given

_SAY_IT_THEMSELVES = ("serve", "daemon", "stdio", "alerts", "settings")


def line(command: str, args: Namespace) -> str | None:
    """Return one line about the data directory that a command uses; None where it cannot surprise.

    It can when a setting names another than the usual one, and when a server runs, but not there.
    """
    for_people = not getattr(args, "json", False)
    if command in _SAY_IT_THEMSELVES or not hasattr(args, "data_dir") or not for_people or _asks_elsewhere(args):
        return None
    texts = given({"memory_data_dir": args.data_dir}).texts
    if "DATABASE_URL" in texts:  # the memories are there, wherever the data directory is
        return None
    try:
        chosen = data_directory_name(texts.get("MEMORY_DATA_DIR"))
        usual = data_directory_name(None)
    except RuntimeError:  # no such home: the command itself says so
        return None
    others = _others(chosen)
    if args.data_dir is None and chosen != usual:
        return f"claude-memory: data directory {chosen} (MEMORY_DATA_DIR){others}"
    return f"claude-memory: data directory {chosen}{others}" if others else None


def _asks_elsewhere(args: Namespace) -> bool:
    return any(getattr(args, option, None) is not None for option in ("url", "mcp", "remote"))


def _others(chosen: str) -> str:
    """Return which servers run elsewhere, and how to use them; '' when one runs here, or none does."""
    servers = {os.path.realpath(data_dir): (data_dir, held_by) for data_dir, held_by in register.running().items()}
    if not servers or os.path.realpath(chosen) in servers:
        return ""
    where = [f"{data_dir} (pid {held_by.get('pid')})" for data_dir, held_by in sorted(servers.values())]
    runs = "a server runs" if len(where) == 1 else "servers run"
    use = f"--data-dir {servers.popitem()[1][0]} uses it" if len(where) == 1 else "--data-dir uses one of them"
    return f"; {runs} on {', '.join(where)}, not there: {use}"
