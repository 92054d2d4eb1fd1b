"""`alerts`."""

from __future__ import annotations

from argparse import Namespace
from typing import Any

from app.commands.common import Commands, add_command, add_common


def declare(commands: Commands[Any]) -> None:
    """Declare `alerts`."""
    parser = add_command(commands, "alerts", "Receive Alertmanager's webhook and forward alerts to people.")
    parser.add_argument("--host", help="Address to listen on (ALERTS_HOST, default 127.0.0.1).")
    parser.add_argument("--port", help="Port to listen on (ALERTS_PORT, default 8081); 0 takes a free one.")
    add_common(parser)
    parser.set_defaults(run=run)


def run(args: Namespace) -> int:
    """Receive and forward until stopped."""
    from app.alerts import server

    return server.run({"alerts_host": args.host, "alerts_port": args.port, "memory_data_dir": args.data_dir})
