"""`serve`."""

from __future__ import annotations

from argparse import Namespace
from typing import Any

from app.commands.common import Commands, add_command, add_data_dir, add_debug


def declare(commands: Commands[Any]) -> None:
    """Declare `serve`."""
    parser = add_command(commands, "serve", "Run the HTTP server in the foreground.")
    parser.add_argument("--host", help="Address to listen on (HOST, default 127.0.0.1).")
    parser.add_argument(
        "--port", help="Port to listen on (PORT, FC_CUSTOM_LISTEN_PORT, default 8000); 0 takes a free one."
    )
    add_data_dir(parser)
    add_debug(parser)
    parser.set_defaults(run=run)


def run(args: Namespace) -> int:
    """Serve until stopped."""
    from app.process import boot
    from app.process.begun import Flags

    return boot.serve(Flags(host=args.host, port=args.port, data_dir=args.data_dir, debug=args.debug))
