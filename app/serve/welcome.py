"""Tells the person who started a server how to connect a client: on a terminal in plain words, else in the log."""

from __future__ import annotations

import logging
import os
import shlex
import shutil
import sys
import sysconfig
from pathlib import Path

from app.datadir import register
from app.datadir.folder import data_directory
from app.endpoints import MCP
from app.serve.token_check import needs_token
from app.settings.fields import Settings
from app.settings.forms import is_loopback

logger = logging.getLogger(__name__)

_COMMAND = "claude-memory"


def tell(settings: Settings, host: str, url: str) -> None:
    """Say that the server is ready, how clients on this machine find it, and which other servers run."""
    lines = [f"ready; now connect: {connect_line(settings, url)}" if is_loopback(host) else "ready"]
    if others := [data_dir for data_dir in register.running() if not _same(data_dir, settings.data_dir)]:
        lines.append(f"other memories of yours are being served: {', '.join(sorted(others))}")
    for line in lines:
        if sys.stderr.isatty():
            print(line, file=sys.stderr)
        else:
            logger.info("%s", line)


def connect_line(settings: Settings, url: str) -> str:
    """Return what to type so that clients use this server, with the data directory unless it is the usual one."""
    chosen = settings.data_dir != data_directory(None)
    where = f" --data-dir {shlex.quote(os.fspath(settings.data_dir))}" if chosen else ""
    line = f"{_command()} install{where}"
    if needs_token(settings):
        return f"{line}; over HTTP, {url}{MCP} with a token: {_command()} token create --user NAME{where}"
    return f"{line}; over HTTP: claude mcp add --transport http memory {url}{MCP}"


def _command() -> str:
    """Return how a person runs our command here: in a checkout it may not be on the PATH."""
    script = Path(sysconfig.get_path("scripts"), _COMMAND)
    return _COMMAND if shutil.which(_COMMAND) or not script.exists() else shlex.quote(os.fspath(script))


def _same(data_dir: str, other: Path) -> bool:
    return os.path.realpath(data_dir) == os.path.realpath(other)
