"""What `install` and `uninstall` share: options, and printing what was done."""

from __future__ import annotations

import re
import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from app.commands.common import add_debug, add_json, print_json

if TYPE_CHECKING:
    from app.clients.editing import FileReport
    from app.clients.install import InstallRequest


def add_client_options(parser: ArgumentParser) -> None:
    """Declare the options for which clients, where, and under which name."""
    from app.clients.catalogue import CLIENTS

    parser.add_argument(
        "--client",
        nargs="+",
        action="extend",
        type=_client_name,
        metavar="NAME",
        default=[],
        help=f"Which clients (default: all that are in use here): {', '.join(CLIENTS)}.",
    )
    parser.add_argument(
        "--scope", choices=("user", "project"), default="user", help="For you, or for the current directory alone."
    )
    parser.add_argument("--name", default="memory", type=_server_name, help="Name among the client's servers (memory).")
    parser.add_argument("--dry-run", action="store_true", help="Show the difference; write nothing.")
    add_json(parser)
    add_debug(parser)


def request_of(args: Namespace, **more: Any) -> InstallRequest:
    """Return what the options ask for."""
    from app.clients.catalogue import InstallScope
    from app.clients.install import InstallRequest

    return InstallRequest(
        clients=tuple(args.client), scope=InstallScope(args.scope), name=args.name, dry_run=args.dry_run, **more
    )


def print_reports(args: Namespace, reports: Sequence[FileReport]) -> int:
    """Print what was done in each file; 1 when one failed."""
    from app.clients.install import summary

    failed = [report for report in reports if report.reason is not None]
    if args.json:
        print_json([report.to_dict() for report in reports])
    elif text := summary(reports):
        print(text)
    for report in failed:
        print(f"claude-memory: {report.client}: {report.path}: {report.reason}", file=sys.stderr)
    return 1 if failed else 0


def _client_name(value: str) -> str:
    from app.clients.catalogue import CLIENTS, NAMES

    if (name := NAMES.get(value.lower())) is None:
        raise ArgumentTypeError(f"got {value[:40]!r}, takes one of {', '.join(CLIENTS)}")
    return name


def _server_name(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", value):
        raise ArgumentTypeError(f"got {value[:40]!r}, takes 1 to 64 letters, digits, - and _")
    return value
