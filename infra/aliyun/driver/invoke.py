"""`invoke`: uses the deployed memory for real, over /mcp and /sse."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from app.endpoints import MCP, SSE
from infra.aliyun.driver.invoking import WAYS, both_ways, report
from infra.aliyun.driver.session import Session, add_command, add_token
from infra.command_line import Commands, add_json, filled, print_json
from infra.reaching import checked_address


def add(commands: Commands[Any]) -> None:
    """Declare `invoke`."""
    parser = add_command(
        commands, "invoke", "Speak MCP with the function: remember, find and forget a text, with times of each step."
    )
    parser.add_argument("url", nargs="?", type=filled, metavar="URL", help="Address (default: the stack's).")
    parser.add_argument("--way", choices=tuple(WAYS), action="append", help="Over /mcp or /sse alone (default: both).")
    add_token(parser)
    add_json(parser)
    parser.set_defaults(run=run)


def run(session: Session) -> int:
    """Use it over each way; 1 when one fails."""
    url, way = address_of(session)
    ways = session.args.way or ([way] if way else list(WAYS))
    trips = both_ways(session, url, session.token, ways)
    if session.args.json:
        print_json([asdict(trip) | {"ok": trip.ok} for trip in trips])
    else:
        report(trips)
    return 0 if all(trip.ok for trip in trips) else 1


def address_of(session: Session) -> tuple[str, str | None]:
    """Return the address without a path, and the way that the given one names. Raises WrongUsage, CannotDo."""
    given = session.args.url
    url = checked_address(given, "URL") if given else checked_address(session.outputs.url, f"stack {session.stack}")
    for way, path in (("mcp", MCP), ("sse", SSE)):
        if url.endswith(path):
            return url.removesuffix(path), way
    return url, None
