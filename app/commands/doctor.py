"""`doctor`."""

from __future__ import annotations

from argparse import ArgumentTypeError, Namespace
from typing import TYPE_CHECKING, Any

from app.commands.common import Commands, add_command, add_common, add_json, print_json, print_rich
from app.commands.remote import add_token_file, server_url, token_of
from app.endpoints import MCP, SSE

if TYPE_CHECKING:
    from app.settings.fields import Settings


def declare(commands: Commands[Any]) -> None:
    """Declare `doctor`."""
    parser = add_command(commands, "doctor", "Try every part for real, and say how to fix what fails.")
    parser.add_argument(
        "--mcp", type=_mcp_url, metavar="URL", help=f"Try the MCP server there ({MCP} or {SSE}) instead."
    )
    parser.add_argument(
        "--remote", type=server_url, metavar="URL", help="Compare with the server there: versions, settings, schema."
    )
    add_token_file(parser)
    add_json(parser)
    add_common(parser)
    parser.set_defaults(run=run)


def run(args: Namespace) -> int:
    """Print all checks; 1 when one failed."""
    import asyncio

    from app.ops.doctor import examination
    from app.ops.doctor.remote import examine_mcp
    from app.settings.loading import load_settings

    settings = load_settings({"memory_data_dir": args.data_dir, "memory_token": token_of(args)})
    if args.remote is not None:
        return _compare(args, settings)
    checks = asyncio.run(examination.examine(settings) if args.mcp is None else examine_mcp(settings, args.mcp))
    if args.json:
        print_json(examination.to_json(checks))
    else:
        rows = [(str(check.state), check.name, check.found, check.remedy or "") for check in checks]
        print_rich(("", "what", "found", "what to do"), rows)
    return 1 if examination.failed(checks) else 0


def _compare(args: Namespace, settings: Settings) -> int:
    """Print how this installation differs from another; 1 when something differs that must not."""
    import asyncio

    from app.ops import drift

    rows = asyncio.run(drift.examine(settings, args.remote))
    if args.json:
        print_json(drift.to_json(rows))
    else:
        different = [(str(row.state), row.what, row.here, row.there) for row in rows if row.state != "ok"]
        if different:
            print_rich(("", "what", "here", "there"), different)
        print(f"{len(rows)} compared: {len(rows) - len(different)} the same, {len(different)} different")
    return 1 if drift.drifted(rows) else 0


def _mcp_url(value: str) -> str:
    """Check the address of an MCP server."""
    url = server_url(value)
    if not url.endswith((MCP, SSE)):
        raise ArgumentTypeError(f"got {value[:80]!r}, takes a URL that ends in {MCP} or {SSE}")
    return url
