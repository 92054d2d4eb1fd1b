"""`service install`, `service uninstall`, `service status`."""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.commands.common import (
    Commands,
    add_command,
    add_common,
    add_debug,
    add_json,
    print_json,
    print_table,
    settings_of,
)

if TYPE_CHECKING:
    from app.ops.service import Done, Launchd, Systemd


def declare(commands: Commands[Any]) -> None:
    """Declare `service` and its actions."""
    parser = add_command(commands, "service", "Run the server at login, with systemd or launchd.")
    actions = parser.add_subparsers(metavar="ACTION", required=True)

    install = add_command(
        actions, "install", "Start the server now and at each login; its settings are in .env of the data directory."
    )
    install.add_argument("--dry-run", action="store_true", help="Print the file; write and start nothing.")
    add_json(install)
    add_common(install)
    install.set_defaults(run=install_service)

    uninstall = add_command(actions, "uninstall", "Stop that server and start it no more; what is stored stays.")
    add_json(uninstall)
    add_debug(uninstall)
    uninstall.set_defaults(run=uninstall_service)

    status = add_command(actions, "status", "Show whether the server is started at login, and whether it runs.")
    add_json(status)
    add_debug(status)
    status.set_defaults(run=show_status)


def install_service(args: Namespace) -> int:
    """Install the service; 1 when it is written but not started."""
    from app.ops.service import Program, install

    program = Program.on(settings_of(args).data_dir)
    system = _system()
    if args.dry_run:
        print(system.content(program).decode(), end="")
        return 0
    return _print(args, install(system, program))


def uninstall_service(args: Namespace) -> int:
    """Remove the service."""
    from app.ops.service import uninstall

    return _print(args, uninstall(_system()))


def show_status(args: Namespace) -> int:
    """Print what there is; it is no failure if nothing is."""
    system = _system()
    installed = system.file.exists()
    values = {"file": str(system.file), "installed": installed, "state": system.state() if installed else None}
    if args.json:
        print_json(values)
    else:
        state = values["state"] or "not installed; claude-memory service install does it"
        print_table(("file", str(system.file)), [("state", str(state))])
    return 0


def _system() -> Systemd | Launchd:
    from app.ops.service import manager

    return manager(sys.platform, os.environ, Path.home())


def _print(args: Namespace, done: Done) -> int:
    if args.json:
        print_json({"file": str(done.file), "did": done.did, "problem": done.problem})
    else:
        print(done.did)
    if done.problem is not None:
        print(f"claude-memory: {done.problem}", file=sys.stderr)
        return 1
    return 0
