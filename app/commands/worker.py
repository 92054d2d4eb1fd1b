"""`worker`."""

from __future__ import annotations

import os
import sys
from argparse import SUPPRESS, Namespace
from pathlib import Path
from typing import Any

from app.commands.common import Commands, add_command, add_debug


def declare(commands: Commands[Any]) -> None:
    """Declare `worker`."""
    parser = add_command(commands, "worker", "Run the background work of a deployment: housekeeping and schedules.")
    parser.add_argument(
        "--render-mode", action="store_true", help="Log a status line every minute (also RENDER_DEPLOYMENT)."
    )
    parser.add_argument("--supervised", action="store_true", help=SUPPRESS)  # the child that `worker` starts
    add_debug(parser)
    parser.set_defaults(run=run)


def run(args: Namespace) -> int:
    """Work until stopped; start again after a crash."""
    if args.supervised:
        from app.worker.process import run as work

        return work(status_lines=args.render_mode, supervised=True)
    import logging

    from app import logs
    from app.settings.loading import load_settings
    from app.settings.rules import WORKER
    from app.settings.unread import unread_names
    from app.worker.supervisor import Supervisor

    settings = load_settings({"render_deployment": args.render_mode or None}, WORKER)
    logs.setup(settings)
    if line := unread_names():
        logging.getLogger(__name__).warning("%s", line)
    given = [*(["--debug"] if args.debug else []), *(["--render-mode"] if args.render_mode else [])]
    search = os.pathsep.join(filter(None, (str(Path(__file__).resolve().parents[2]), os.environ.get("PYTHONPATH"))))
    environment = {"PYTHONPATH": search}
    child = ["worker", "--supervised", *given]
    if settings.database_url is None:  # memU alone: a daemon keeps the outbox, and `stdio` on this machine reaches it
        child = ["daemon", "--supervised", *(["--debug"] if args.debug else [])]
        environment |= {"DAEMON_IDLE_MINUTES": "0", **({"RENDER_DEPLOYMENT": "true"} if args.render_mode else {})}
    # This code, even if the folder it was started in has a package `app`.
    command = [sys.executable, "-P", "-m", "app", *child]
    return Supervisor(command, settings.worker_restart_delay, environment).run()
