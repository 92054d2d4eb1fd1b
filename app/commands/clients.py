"""`install`, `uninstall`, `hook`."""

from __future__ import annotations

import re
import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from app.commands.common import Commands, add_command, add_data_dir, add_debug, print_json

if TYPE_CHECKING:
    from app.clients.editing import FileReport
    from app.clients.install import Wish


def add_install(commands: Commands[Any]) -> None:
    """Declare `install`."""
    parser = add_command(commands, "install", "Add this server to your MCP clients, keeping all else they hold.")
    _add_client_common(parser)
    parser.add_argument(
        "--hooks", action="store_true", help="For Claude Code: recall at session start, remember at the end."
    )
    parser.add_argument("--force", action="store_true", help="Replace another server of the same name.")
    add_data_dir(parser)
    parser.set_defaults(run=install)


def add_uninstall(commands: Commands[Any]) -> None:
    """Declare `uninstall`."""
    parser = add_command(commands, "uninstall", "Take this server and its hooks out of your MCP clients.")
    _add_client_common(parser)
    parser.add_argument("--hooks", action="store_true", help="As for install; hooks go in any case.")
    parser.set_defaults(run=uninstall)


def _add_client_common(parser: ArgumentParser) -> None:
    from app.clients.catalogue import CLIENTS

    parser.add_argument(
        "--client",
        nargs="+",
        action="extend",
        choices=tuple(CLIENTS),
        metavar="NAME",
        default=[],
        help=f"Which (default: all that are used here): {', '.join(CLIENTS)}.",
    )
    parser.add_argument(
        "--scope", choices=("user", "project"), default="user", help="For you, or for the current directory alone."
    )
    parser.add_argument("--name", default="memory", type=_server_name, help="Name among the client's servers (memory).")
    parser.add_argument("--dry-run", action="store_true", help="Show the difference; write nothing.")
    parser.add_argument("--json", action="store_true", help="Print JSON.")
    add_debug(parser)


def install(args: Namespace) -> int:
    """Add this server to MCP clients and say what was done in each file."""
    from app.clients import install as installation
    from app.datadir.folder import data_directory
    from app.settings.loading import load_settings

    data_dir = load_settings({"memory_data_dir": args.data_dir}).data_dir
    environment = {} if data_dir == data_directory(None) else {"MEMORY_DATA_DIR": str(data_dir)}
    wish = _wish(args, hooks=args.hooks, force=args.force, environment=environment)
    return _print_reports(args, installation.install(wish, installation.Machine.here()))


def uninstall(args: Namespace) -> int:
    """Take this server out of MCP clients and say what was done in each file."""
    from app.clients import install as installation

    return _print_reports(args, installation.uninstall(_wish(args), installation.Machine.here()))


def _wish(args: Namespace, **more: Any) -> Wish:
    from app.clients.catalogue import Scope
    from app.clients.install import Wish

    return Wish(clients=tuple(args.client), scope=Scope(args.scope), name=args.name, dry_run=args.dry_run, **more)


def _print_reports(args: Namespace, reports: Sequence[FileReport]) -> int:
    from app.clients.install import summary

    failed = [report for report in reports if report.reason is not None]
    if args.json:
        print_json([report.to_dict() for report in reports])
    elif text := summary(reports):
        print(text)
    for report in failed:
        print(f"claude-memory: {report.client}: {report.path}: {report.reason}", file=sys.stderr)
    return 1 if failed else 0


def add_hook(commands: Commands[Any]) -> None:
    """Declare `hook`."""
    parser = add_command(commands, "hook", "Answer a hook of Claude Code (`install --hooks` sets them up).")
    parser.add_argument("event", choices=("session-start", "session-end"), help="Which; its JSON comes on stdin.")
    add_debug(parser)
    parser.set_defaults(run=hook)


def hook(args: Namespace) -> int:
    """Answer a hook; never fails, for a session must not."""
    from app.clients import hooks

    return hooks.run(args.event)


def _server_name(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", value):
        raise ArgumentTypeError(f"got {value[:40]!r}, takes 1 to 64 letters, digits, - and _")
    return value
