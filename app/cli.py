"""The command `claude-memory`: puts the commands of `app.commands` together and turns errors into exit statuses.

Exit status: 0 done, 1 failed, 2 wrong usage. Errors are one line on stderr; --debug shows the traceback.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from collections.abc import Sequence

from app import __version__
from app.commands import clients, data, maintenance, operations, reports, serving, tokens, users
from app.errors import MemoryServerError


def build_parser() -> ArgumentParser:
    """Return the parser of all commands."""
    parser = ArgumentParser(prog="claude-memory", description="Long-term memory for Claude and other MCP clients.")
    parser.add_argument("--version", action="version", version=f"claude-memory {__version__}")
    parser.add_argument("--debug", action="store_true", help="Show tracebacks.")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    serving.add_serve(commands)
    serving.add_worker(commands)
    serving.add_stdio(commands)
    serving.add_daemon(commands)
    serving.add_alerts(commands)
    reports.add_status(commands)
    reports.add_doctor(commands)
    reports.add_settings(commands)
    tokens.add_token(commands)
    users.add_user(commands)
    data.add_import(commands)
    data.add_export(commands)
    operations.add_init(commands)
    operations.add_backup(commands)
    operations.add_verify(commands)
    operations.add_restore(commands)
    operations.add_backups(commands)
    maintenance.add_maintain(commands)
    maintenance.add_reindex(commands)
    clients.add_install(commands)
    clients.add_uninstall(commands)
    clients.add_hook(commands)
    return parser


def run(arguments: Sequence[str]) -> int:
    """Run a command and return its exit status."""
    try:
        args = build_parser().parse_args(arguments)
    except SystemExit as end:  # argparse has said what is wrong, or printed help or the version
        return int(end.code or 0)
    try:
        return int(args.run(args))
    except MemoryServerError as error:
        if args.debug:
            raise
        print(f"claude-memory: {error}", file=sys.stderr)
        return error.exit_status
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # the reader of our output has left, as `head` does
        sys.stderr.close()
        return 1
    except Exception as error:  # the outermost place: one line unless --debug
        if args.debug:
            raise
        from app.logs import unexpected

        print(f"claude-memory: internal error, {unexpected(error)}; --debug shows the traceback", file=sys.stderr)
        return 1
