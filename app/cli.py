"""The command `claude-memory`: one function declares a command, one runs it. Heavy modules load inside.

Exit status: 0 done, 1 failed, 2 wrong usage. Errors are one line on stderr; --debug shows the traceback.
"""

from __future__ import annotations

import json
import re
import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace, _SubParsersAction
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from app import __version__
from app.errors import MemoryServerError

if TYPE_CHECKING:
    from app.local.install import Report, Wish
    from app.memory.access import Token

Commands = _SubParsersAction  # argparse has no public name for it

_UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
_EXPIRES_LIMIT = timedelta(days=3_660)


def build_parser() -> ArgumentParser:
    """Return the parser of all commands."""
    parser = ArgumentParser(prog="claude-memory", description="Long-term memory for Claude and other MCP clients.")
    parser.add_argument("--version", action="version", version=f"claude-memory {__version__}")
    parser.add_argument("--debug", action="store_true", help="Show tracebacks.")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    add_serve(commands)
    add_stdio(commands)
    add_daemon(commands)
    add_status(commands)
    add_doctor(commands)
    add_settings(commands)
    add_token(commands)
    add_import(commands)
    add_export(commands)
    add_install(commands)
    add_uninstall(commands)
    add_hook(commands)
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


def add_serve(commands: Commands[Any]) -> None:
    """Declare `serve`."""
    parser = commands.add_parser("serve", help="Run the HTTP server in the foreground.")
    parser.add_argument("--host", help="Address to listen on (HOST, default 127.0.0.1).")
    parser.add_argument("--port", help="Port to listen on (PORT, FC_SERVER_PORT, default 8000); 0 takes a free one.")
    parser.add_argument("--data-dir", metavar="DIR", help="Data directory (MEMORY_DATA_DIR).")
    _add_debug(parser)
    parser.set_defaults(run=serve)


def serve(args: Namespace) -> int:
    """Serve until stopped."""
    from app import boot

    return boot.serve(boot.Flags(host=args.host, port=args.port, data_dir=args.data_dir, debug=args.debug))


def add_stdio(commands: Commands[Any]) -> None:
    """Declare `stdio`; app.__main__ runs it before argparse is imported."""
    parser = commands.add_parser("stdio", help="MCP over stdin and stdout, through the machine's daemon.")
    parser.add_argument("--data-dir", metavar="DIR", help="Data directory (MEMORY_DATA_DIR).")
    _add_debug(parser)
    parser.set_defaults(run=stdio)


def stdio(args: Namespace) -> int:
    """Carry one client's lines until it leaves."""
    from app.local import bridge

    return bridge.main([] if args.data_dir is None else ["--data-dir", args.data_dir])


def add_daemon(commands: Commands[Any]) -> None:
    """Declare `daemon`; app.__main__ runs it before argparse is imported."""
    parser = commands.add_parser("daemon", help="What `stdio` starts: a server without a port, gone when idle.")
    parser.add_argument("--data-dir", metavar="DIR", help="Data directory (MEMORY_DATA_DIR).")
    _add_debug(parser)
    parser.set_defaults(run=daemon)


def daemon(args: Namespace) -> int:
    """Serve bridges until nobody has been connected for DAEMON_IDLE_MINUTES."""
    from app import boot

    return boot.serve(boot.Flags(data_dir=args.data_dir, debug=args.debug, daemon=True))


def add_status(commands: Commands[Any]) -> None:
    """Declare `status`."""
    parser = commands.add_parser("status", help="Show what runs, since when, who is connected, and how much there is.")
    parser.add_argument("--json", action="store_true", help="Print JSON.")
    _add_token_common(parser)
    parser.set_defaults(run=status)


def status(args: Namespace) -> int:
    """Print what runs; that nothing does is no failure."""
    from app.ops import status as report
    from app.settings import load_settings

    found = report.status(load_settings({"memory_data_dir": args.data_dir}).data_dir)
    if args.json:
        _print_json(found)
    else:
        _print_rich(("", ""), report.lines(found))
    return 0


def add_doctor(commands: Commands[Any]) -> None:
    """Declare `doctor`."""
    parser = commands.add_parser("doctor", help="Try every part for real, and say how to mend what fails.")
    parser.add_argument("--json", action="store_true", help="Print JSON.")
    _add_token_common(parser)
    parser.set_defaults(run=doctor)


def doctor(args: Namespace) -> int:
    """Print all checks; 1 when one failed."""
    import asyncio

    from app.ops import doctor as report
    from app.settings import load_settings

    checks = asyncio.run(report.examine(load_settings({"memory_data_dir": args.data_dir})))
    if args.json:
        _print_json(report.to_json(checks))
    else:
        rows = [(str(check.state), check.name, check.found, check.mend or "") for check in checks]
        _print_rich(("", "what", "found", "mend"), rows)
    return 1 if report.failed(checks) else 0


def add_settings(commands: Commands[Any]) -> None:
    """Declare `settings`."""
    parser = commands.add_parser("settings", help="Show every setting with its origin, secrets hidden.")
    parser.add_argument("--json", action="store_true", help="Print JSON.")
    _add_debug(parser)
    parser.set_defaults(run=settings)


def settings(args: Namespace) -> int:
    """Print all settings."""
    from app.settings import describe, load_settings

    rows = describe(load_settings())
    if args.json:
        fields = ("name", "value", "origin", "default", "secret", "help")
        _print_json([{field: getattr(row, field) for field in fields} for row in rows])
    else:
        _print_table(
            ("setting", "value", "origin", "what it is for"),
            [(row.name, row.value, str(row.origin), row.help) for row in rows],
        )
    return 0


def add_token(commands: Commands[Any]) -> None:
    """Declare `token` and what can be done with one."""
    parser = commands.add_parser("token", help="Create, list and revoke access tokens.")
    actions = parser.add_subparsers(metavar="ACTION", required=True)

    create = actions.add_parser("create", help="Create a token and print it, once.")
    create.add_argument("--user", required=True, type=_user, metavar="NAME", help="Whose memories it opens.")
    create.add_argument(
        "--scope",
        action="append",
        nargs="+",
        choices=("read", "write", "admin"),
        help="What it allows (default: read write). write alone cannot search.",
    )
    create.add_argument(
        "--expires-in", type=_duration, metavar="90d", help="When it ends: hours (h), days (d) or weeks (w)."
    )
    create.add_argument("--json", action="store_true", help="Print JSON.")
    _add_token_common(create)
    create.set_defaults(run=token_create)

    listing = actions.add_parser("list", help="List all tokens, without their values.")
    listing.add_argument("--json", action="store_true", help="Print JSON.")
    _add_token_common(listing)
    listing.set_defaults(run=token_list)

    revoke = actions.add_parser("revoke", help="Revoke a token; it stops working within 5 seconds.")
    revoke.add_argument("id", metavar="ID", help="Its id, as `token list` shows it.")
    revoke.add_argument("--json", action="store_true", help="Print JSON.")
    _add_token_common(revoke)
    revoke.set_defaults(run=token_revoke)


def _add_token_common(parser: ArgumentParser) -> None:
    parser.add_argument("--data-dir", metavar="DIR", help="Data directory (MEMORY_DATA_DIR).")
    _add_debug(parser)


def token_create(args: Namespace) -> int:
    """Create a token; only the token itself goes to stdout."""
    from app.ops import tokens

    scopes = [scope for group in args.scope or [["read", "write"]] for scope in group]
    value, token = tokens.create(args.data_dir, args.user, list(dict.fromkeys(scopes)), args.expires_in)
    if args.json:
        _print_json({"token": value, **_shown(token)})
    else:
        print(value)
    return 0


def token_list(args: Namespace) -> int:
    """Print all tokens."""
    from app.ops import tokens

    found = [_shown(token) for token in tokens.listing(args.data_dir)]
    if args.json:
        _print_json(found)
    else:
        columns = ("id", "user", "scopes", "created_at", "expires_at", "last_used_at", "revoked_at")
        _print_table(columns, [tuple(_cell(token[column]) for column in columns) for token in found])
    return 0


def token_revoke(args: Namespace) -> int:
    """Revoke a token. Raises NotFound when there is no live one with that id."""
    from app.ops import tokens

    tokens.revoke(args.data_dir, args.id)
    if args.json:
        _print_json({"id": args.id, "revoked": True})
    else:
        print(f"revoked {args.id}")
    return 0


def add_import(commands: Commands[Any]) -> None:
    """Declare `import`."""
    parser = commands.add_parser("import", help="Take in memories and conversations; running it again is harmless.")
    parser.add_argument(
        "file", metavar="FILE", help="A file, an account export's zip, a folder of transcripts; - is standard input."
    )
    parser.add_argument(
        "--from",
        dest="format",
        choices=("jsonl", "claude-code", "claude", "chatgpt"),
        help="What it holds (default: told from the content).",
    )
    parser.add_argument("--project", type=_user, metavar="NAME", help="Put everything new into this project.")
    parser.add_argument("--user", type=_user, metavar="NAME", help="Whose memories they become (DEFAULT_USER_ID).")
    parser.add_argument("--json", action="store_true", help="Print the report as JSON, with every bad line.")
    _add_token_common(parser)
    parser.set_defaults(run=import_file)


def import_file(args: Namespace) -> int:
    """Import, and fail when anything was bad."""
    from app.ops.importing.progress import Bar
    from app.ops.importing.run import run as run_import

    with Bar("importing") as bar:
        report = run_import(
            args.file, format=args.format, project=args.project, user=args.user, data_dir=args.data_dir, bar=bar
        )
    if args.json:
        _print_json(report.to_json())
    else:
        print(report.summary())
    return 1 if report.bad else 0


def add_export(commands: Commands[Any]) -> None:
    """Declare `export`."""
    parser = commands.add_parser("export", help="Write memories and conversations as JSON Lines for `import`.")
    parser.add_argument("file", metavar="FILE", help="The file to write; - is standard output.")
    parser.add_argument("--user", type=_user, metavar="NAME", help="Whose memories (DEFAULT_USER_ID).")
    parser.add_argument("--project", type=_user, metavar="NAME", help="Only those of this project.")
    parser.add_argument("--json", action="store_true", help="Print the report as JSON (on stderr if FILE is -).")
    _add_token_common(parser)
    parser.set_defaults(run=export_file)


def export_file(args: Namespace) -> int:
    """Export; the report goes where the data does not."""
    from contextlib import redirect_stdout

    from app.ops.exporting import run as run_export
    from app.ops.importing.progress import Bar

    with Bar("exporting") as bar:
        report = run_export(args.file, project=args.project, user=args.user, data_dir=args.data_dir, bar=bar)
    with redirect_stdout(sys.stderr if args.file == "-" else sys.stdout):
        if args.json:
            _print_json(report.to_json())
        else:
            print(report.summary())
    return 0


def add_install(commands: Commands[Any]) -> None:
    """Declare `install`."""
    parser = commands.add_parser("install", help="Add this server to your MCP clients, keeping all else they hold.")
    _add_client_common(parser)
    parser.add_argument(
        "--hooks", action="store_true", help="For Claude Code: recall at session start, remember at the end."
    )
    parser.add_argument("--force", action="store_true", help="Replace another server of the same name.")
    parser.add_argument("--data-dir", metavar="DIR", help="Data directory (MEMORY_DATA_DIR).")
    parser.set_defaults(run=install)


def add_uninstall(commands: Commands[Any]) -> None:
    """Declare `uninstall`."""
    parser = commands.add_parser("uninstall", help="Take this server and its hooks out of your MCP clients.")
    _add_client_common(parser)
    parser.add_argument("--hooks", action="store_true", help="As for install; hooks go in any case.")
    parser.set_defaults(run=uninstall)


def _add_client_common(parser: ArgumentParser) -> None:
    from app.local.clients import CLIENTS

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
    _add_debug(parser)


def install(args: Namespace) -> int:
    """Add this server to MCP clients and say what was done in each file."""
    from app.local import install as installation
    from app.local.folder import data_directory
    from app.settings import load_settings

    data_dir = load_settings({"memory_data_dir": args.data_dir}).data_dir
    environment = {} if data_dir == data_directory(None) else {"MEMORY_DATA_DIR": str(data_dir)}
    wish = _wish(args, hooks=args.hooks, force=args.force, environment=environment)
    return _print_reports(args, installation.install(wish, installation.Machine.here()))


def uninstall(args: Namespace) -> int:
    """Take this server out of MCP clients and say what was done in each file."""
    from app.local import install as installation

    return _print_reports(args, installation.uninstall(_wish(args), installation.Machine.here()))


def _wish(args: Namespace, **more: Any) -> Wish:
    from app.local.clients import Scope
    from app.local.install import Wish

    return Wish(clients=tuple(args.client), scope=Scope(args.scope), name=args.name, dry_run=args.dry_run, **more)


def _print_reports(args: Namespace, reports: Sequence[Report]) -> int:
    from app.local.install import summary

    failed = [report for report in reports if report.reason is not None]
    if args.json:
        _print_json([report.to_dict() for report in reports])
    elif text := summary(reports):
        print(text)
    for report in failed:
        print(f"claude-memory: {report.client}: {report.path}: {report.reason}", file=sys.stderr)
    return 1 if failed else 0


def add_hook(commands: Commands[Any]) -> None:
    """Declare `hook`."""
    parser = commands.add_parser("hook", help="Answer a hook of Claude Code (`install --hooks` sets them up).")
    parser.add_argument("event", choices=("session-start", "session-end"), help="Which; its JSON comes on stdin.")
    _add_debug(parser)
    parser.set_defaults(run=hook)


def hook(args: Namespace) -> int:
    """Answer a hook; never fails, for a session must not."""
    from app.local import hooks

    return hooks.run(args.event)


def _add_debug(parser: ArgumentParser) -> None:
    # A sub-parser's default would overwrite what was given before the command.
    from argparse import SUPPRESS

    parser.add_argument("--debug", action="store_true", default=SUPPRESS, help="Show tracebacks.")


def _user(value: str) -> str:
    if not re.fullmatch(r"[^\x00-\x1f\x7f]{1,200}", value):
        raise ArgumentTypeError(f"got {value[:40]!r}, takes 1 to 200 characters without control characters")
    return value


def _server_name(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", value):
        raise ArgumentTypeError(f"got {value[:40]!r}, takes 1 to 64 letters, digits, - and _")
    return value


def _duration(value: str) -> timedelta:
    match = re.fullmatch(r"([1-9][0-9]{0,5})([hdw])", value)
    length = int(match[1]) * _UNITS[match[2]] if match else None
    if length is None or length > _EXPIRES_LIMIT:
        raise ArgumentTypeError(f"got {value[:40]!r}, takes a number with h, d or w up to ten years, such as 90d")
    return length


def _shown(token: Token) -> dict[str, Any]:
    return {
        "id": token.id,
        "user": token.user,
        "scopes": list(token.scopes),
        "created_at": token.created_at,
        "expires_at": token.expires_at,
        "last_used_at": token.last_used_at,
        "revoked_at": token.revoked_at,
    }


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, datetime):
        return value.isoformat(timespec="minutes")
    return " ".join(value) if isinstance(value, list) else str(value)


def _print_json(value: Any) -> None:
    print(json.dumps(value, indent=2, ensure_ascii=False, default=lambda other: other.isoformat()))


def _print_rich(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table that wraps long cells to the terminal's width; without a terminal nothing is cut."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(*header, box=box.SIMPLE_HEAD, show_header=any(header), pad_edge=False)
    colours = {"ok": "green", "warning": "yellow", "failed": "bold red"}
    for row in rows:
        table.add_row(*(Text(cell, style=colours.get(cell, "")) for cell in row))
    Console(width=None if sys.stdout.isatty() else 200).print(table)


def _print_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    table = [header, *rows]
    widths = [max(len(row[column]) for row in table) for column in range(len(header))]
    for row in table:
        line = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        print(line.rstrip())
