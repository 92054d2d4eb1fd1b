"""`jobs`."""

from __future__ import annotations

from argparse import Namespace
from typing import Any

from app.commands.common import Commands, add_command, add_common


def declare(commands: Commands[Any]) -> None:
    """Declare `jobs`."""
    parser = add_command(
        commands, "jobs", "Do maintenance and make backups when a timer of Alibaba Cloud Function Compute asks for it."
    )
    parser.add_argument("--host", help="Address to listen on (HOST, default 127.0.0.1).")
    parser.add_argument("--port", help="Port to listen on (PORT, FC_CUSTOM_LISTEN_PORT, default 8000).")
    add_common(parser)
    parser.set_defaults(run=run)


def run(args: Namespace) -> int:
    """Run jobs until stopped."""
    import logging

    from app import logs
    from app.settings.loading import load_settings
    from app.settings.rules import JOBS
    from app.settings.unread import unread_names
    from app.worker.events import EventServer

    settings = load_settings({"host": args.host, "port": args.port, "memory_data_dir": args.data_dir}, JOBS)
    logs.setup(settings)
    if line := unread_names():
        logging.getLogger(__name__).warning("%s", line)
    with EventServer(settings) as server:
        server.serve_forever()
    return 0
