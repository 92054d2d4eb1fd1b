"""`serve`, `worker`, `stdio`, `daemon`, `alerts`."""

from __future__ import annotations

import sys
from argparse import SUPPRESS, Namespace
from typing import Any

from app.commands.common import Commands, add_command, add_common, add_data_dir, add_debug


def add_serve(commands: Commands[Any]) -> None:
    """Declare `serve`."""
    parser = add_command(commands, "serve", "Run the HTTP server in the foreground.")
    parser.add_argument("--host", help="Address to listen on (HOST, default 127.0.0.1).")
    parser.add_argument("--port", help="Port to listen on (PORT, FC_SERVER_PORT, default 8000); 0 takes a free one.")
    add_data_dir(parser)
    add_debug(parser)
    parser.set_defaults(run=serve)


def serve(args: Namespace) -> int:
    """Serve until stopped."""
    from app.process import boot
    from app.process.begun import Flags

    return boot.serve(Flags(host=args.host, port=args.port, data_dir=args.data_dir, debug=args.debug))


def add_worker(commands: Commands[Any]) -> None:
    """Declare `worker`."""
    parser = add_command(commands, "worker", "Run the background work of a deployment: housekeeping and schedules.")
    parser.add_argument(
        "--render-mode", action="store_true", help="Log a status line every minute (also RENDER_DEPLOYMENT)."
    )
    parser.add_argument("--supervised", action="store_true", help=SUPPRESS)  # the child that `worker` starts
    add_debug(parser)
    parser.set_defaults(run=worker)


def worker(args: Namespace) -> int:
    """Work until stopped; start again after a crash."""
    if args.supervised:
        from app.worker.process import run

        return run(status_lines=args.render_mode, supervised=True)
    import logging

    from app import logs
    from app.settings.loading import load_settings
    from app.settings.rules import WORKER
    from app.settings.unread import unread_names
    from app.worker.supervisor import Supervisor

    settings = load_settings(mode=WORKER)
    logs.setup(settings)
    if line := unread_names():
        logging.getLogger(__name__).warning("%s", line)
    given = [*(["--debug"] if args.debug else []), *(["--render-mode"] if args.render_mode else [])]
    command = [sys.executable, "-m", "app", "worker", "--supervised", *given]
    return Supervisor(command, settings.worker_restart_delay).run()


def add_stdio(commands: Commands[Any]) -> None:
    """Declare `stdio`; app.__main__ runs it before argparse is imported."""
    parser = add_command(commands, "stdio", "MCP over stdin and stdout, through the machine's daemon.")
    add_data_dir(parser)
    add_debug(parser)
    parser.set_defaults(run=stdio)


def stdio(args: Namespace) -> int:
    """Carry one client's lines until it leaves."""
    from app.bridge import bridge

    return bridge.main([] if args.data_dir is None else ["--data-dir", args.data_dir])


def add_daemon(commands: Commands[Any]) -> None:
    """Declare `daemon`; app.__main__ runs it before argparse is imported."""
    parser = add_command(commands, "daemon", "What `stdio` starts: a server without a port, gone when idle.")
    add_data_dir(parser)
    add_debug(parser)
    parser.set_defaults(run=daemon)


def daemon(args: Namespace) -> int:
    """Serve bridges until nobody has been connected for DAEMON_IDLE_MINUTES."""
    from app.process import boot
    from app.process.begun import Flags

    return boot.serve(Flags(data_dir=args.data_dir, debug=args.debug, daemon=True))


def add_alerts(commands: Commands[Any]) -> None:
    """Declare `alerts`."""
    parser = add_command(commands, "alerts", "Receive Alertmanager's webhook and forward alerts to people.")
    parser.add_argument("--host", help="Address to listen on (ALERTS_HOST, default 127.0.0.1).")
    parser.add_argument("--port", help="Port to listen on (ALERTS_PORT, default 8081); 0 takes a free one.")
    add_common(parser)
    parser.set_defaults(run=alerts)


def alerts(args: Namespace) -> int:
    """Receive and forward until stopped."""
    from app.alerts import server

    return server.run({"alerts_host": args.host, "alerts_port": args.port, "memory_data_dir": args.data_dir})
