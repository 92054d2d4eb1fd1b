"""`status`, `doctor`, `settings`."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.commands.common import Commands, add_command, add_common, add_debug, print_json, print_rich, print_table

if TYPE_CHECKING:
    from app.settings.fields import Settings


def add_status(commands: Commands[Any]) -> None:
    """Declare `status`."""
    parser = add_command(commands, "status", "Show what runs, since when, who is connected, and how much there is.")
    parser.add_argument("--url", type=_server_url, metavar="URL", help="Ask the server there instead.")
    _add_token_file(parser)
    parser.add_argument("--json", action="store_true", help="Print JSON.")
    add_common(parser)
    parser.set_defaults(run=status)


def status(args: Namespace) -> int:
    """Print what runs; that nothing does is no failure."""
    from app.ops import status as report
    from app.settings.loading import load_settings

    settings = load_settings({"memory_data_dir": args.data_dir, "memory_token": _token(args)})
    found = report.status(settings.data_dir) if args.url is None else report.status_of(settings, args.url)
    if args.json:
        print_json(found)
    else:
        print_rich(("", ""), report.lines(found) if args.url is None else report.lines_of(found))
    return 0


def add_doctor(commands: Commands[Any]) -> None:
    """Declare `doctor`."""
    parser = add_command(commands, "doctor", "Try every part for real, and say how to mend what fails.")
    parser.add_argument("--mcp", type=_mcp_url, metavar="URL", help="Try the MCP server there (/mcp or /sse) instead.")
    parser.add_argument(
        "--remote", type=_server_url, metavar="URL", help="Compare with the server there: versions, settings, schema."
    )
    _add_token_file(parser)
    parser.add_argument("--json", action="store_true", help="Print JSON.")
    add_common(parser)
    parser.set_defaults(run=doctor)


def doctor(args: Namespace) -> int:
    """Print all checks; 1 when one failed."""
    import asyncio

    from app.ops import doctor as report
    from app.settings.loading import load_settings

    settings = load_settings({"memory_data_dir": args.data_dir, "memory_token": _token(args)})
    if args.remote is not None:
        return _compare(args, settings)
    checks = asyncio.run(report.examine(settings) if args.mcp is None else report.examine_mcp(settings, args.mcp))
    if args.json:
        print_json(report.to_json(checks))
    else:
        rows = [(str(check.state), check.name, check.found, check.mend or "") for check in checks]
        print_rich(("", "what", "found", "mend"), rows)
    return 1 if report.failed(checks) else 0


def _compare(args: Namespace, settings: Settings) -> int:
    """Print what differs from another server; 1 when anything does that must not."""
    import asyncio

    from app.ops import drift

    rows = asyncio.run(drift.examine(settings, args.remote))
    if args.json:
        print_json(drift.to_json(rows))
    else:
        shown = [(str(row.state), row.what, row.here, row.there) for row in rows if row.state != "ok"]
        if shown:
            print_rich(("", "what", "here", "there"), shown)
        print(f"{len(rows)} compared: {len(rows) - len(shown)} the same, {len(shown)} different")
    return 1 if drift.drifted(rows) else 0


def _mcp_url(value: str) -> str:
    """Take the address of an MCP server."""
    url = _server_url(value)
    if not url.endswith(("/mcp", "/sse")):
        raise ArgumentTypeError(f"got {value[:80]!r}, takes a URL that ends in /mcp or /sse")
    return url


def _server_url(value: str) -> str:
    """Take the address of a server."""
    from app.settings.values import http_url

    try:
        return http_url(value)
    except ValueError as error:
        raise ArgumentTypeError(f"got {value[:80]!r}, {error}" if "@" not in value else str(error)) from None


def _add_token_file(parser: ArgumentParser) -> None:
    parser.add_argument("--token-file", metavar="FILE", help="Holds the token for URL (default: MEMORY_TOKEN).")


def _token(args: Namespace) -> str | None:
    """Return the token that stands in --token-file, where that is given. Raises InvalidInput."""
    from app.errors import InvalidInput

    file = args.token_file
    if file is None:
        return None
    try:
        text = Path(file).read_text(encoding="ascii").strip()
    except OSError as error:
        raise InvalidInput("--token-file", file, f"a file with a token: {error.strerror}") from None
    except UnicodeDecodeError:
        text = ""
    if not text or not text.isprintable() or " " in text:  # it becomes a header
        raise InvalidInput("--token-file", file, "a file with a token and nothing else")
    return text


def add_settings(commands: Commands[Any]) -> None:
    """Declare `settings`."""
    parser = add_command(
        commands,
        "settings",
        "Show every setting with its origin, secrets hidden; fails as the server would when some do not go together.",
    )
    parser.add_argument("--json", action="store_true", help="Print JSON.")
    add_debug(parser)
    parser.set_defaults(run=settings)


def settings(args: Namespace) -> int:
    """Print all settings, then raise what a process that they are meant for would refuse to start with."""
    from app.settings.loading import broken_error, broken_of, load_settings
    from app.settings.shown import describe

    found = load_settings()
    broken = broken_of(found)
    rows = describe(found, broken=broken)
    if args.json:
        fields = ("name", "value", "origin", "default", "secret", "help", "broken")
        print_json([{field: getattr(row, field) for field in fields} for row in rows])
    else:
        print_table(
            ("setting", "value", "origin", "what it is for"),
            [(row.name, row.value, str(row.origin), row.help) for row in rows],
        )
    if broken:
        raise broken_error(broken)
    return 0
