"""`outbox list`, `outbox retry`, `outbox drop`."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from app.commands.common import Commands, add_command, add_common, add_json, cell, print_json, print_rich
from app.counted import counted

if TYPE_CHECKING:
    from app.store.outbox_review import OutboxRow

_SHOWN = 100  # entries, unless told otherwise
_MOST = 2**63 - 1  # of a bigint in PostgreSQL
_COLUMNS = ("id", "age", "user", "conversation", "part", "state", "attempts", "characters", "problem")


def declare(commands: Commands[Any]) -> None:
    """Declare `outbox` and its actions."""
    parser = add_command(commands, "outbox", "List what memU does not have yet; send it again, or drop it.")
    actions = parser.add_subparsers(metavar="ACTION", required=True)

    listing = add_command(actions, "list", "List what waits for memU or was refused by it, oldest first.")
    listing.add_argument("--refused", action="store_true", help="Only what memU refused.")
    listing.add_argument("--show-text", action="store_true", help="Show the texts too.")
    listing.add_argument("--limit", type=_number, default=_SHOWN, metavar="N", help=f"At most so many ({_SHOWN}).")
    listing.set_defaults(run=list_entries)
    _add_output(listing)

    retry = add_command(actions, "retry", "Send what memU refused once more; a running server does it in seconds.")
    _add_choice(retry)
    retry.set_defaults(run=retry_entries)
    _add_output(retry)

    drop = add_command(
        actions, "drop", "Never send it. With MEMORY_BACKEND=memu it is gone for good: memU never had it."
    )
    _add_choice(drop)
    drop.add_argument("--yes", action="store_true", help="Do not ask.")
    drop.set_defaults(run=drop_entries)
    _add_output(drop)


def _add_choice(parser: ArgumentParser) -> None:
    parser.add_argument("ids", type=_number, nargs="*", metavar="ID", help="Entries, as `outbox list` shows them.")
    parser.add_argument("--all", action="store_true", help="All that memU refused.")
    parser.set_defaults(parser=parser)


def _add_output(parser: ArgumentParser) -> None:
    add_json(parser)
    add_common(parser)


def list_entries(args: Namespace) -> int:
    """Print what is in the outbox."""
    from app.ops import outbox

    rows = outbox.listing(args.data_dir, refused=args.refused, texts=args.show_text, limit=args.limit)
    if args.json:
        print_json([_fields(row) for row in rows])
        return 0
    _print(rows)
    for row in rows if args.show_text else ():
        print(f"\n{row.id}:\n{row.text}")
    if len(rows) == args.limit:
        print(f"\nthe oldest {args.limit:,}; --limit shows more")
    return 0


def retry_entries(args: Namespace) -> int:
    """Have entries sent again."""
    from app.ops import outbox

    entries = outbox.retry(args.data_dir, _chosen(args))
    if args.json:
        print_json({"retried": entries})
    else:
        print(f"{counted(entries, 'entry', 'entries')} to be sent again")
    return 0


def drop_entries(args: Namespace) -> int:
    """Remove entries; 1 when the person who was asked did not agree."""
    from app.ops import outbox

    def agreed(rows: list[OutboxRow], keeps: bool) -> bool:
        if args.yes:
            return True
        number = sum(row.memories for row in rows)
        it = "it" if number == 1 else "them"
        fate = (
            f"would stay here, and memU would never get {it}"
            if keeps
            else f"would be gone for good, because {'it is' if number == 1 else 'they are'} here alone"
        )
        what = f"{counted(number, 'memory', 'memories')} {fate}"
        if not sys.stdin.isatty():
            print(f"claude-memory: nothing was dropped: {what}; without a terminal, --yes is needed", file=sys.stderr)
            return False
        _print(rows)
        print(f"{what}. To drop this, type yes: ", end="", file=sys.stderr, flush=True)
        return sys.stdin.readline().strip() == "yes"

    entries = outbox.drop(args.data_dir, _chosen(args), agreed)
    if args.json:
        print_json({"dropped": entries or 0})
    elif entries is not None:
        print(f"dropped {counted(entries, 'entry', 'entries')}")
    return 1 if entries is None else 0


def _chosen(args: Namespace) -> list[int] | None:
    """Return the ids, None for all refused ones; exit with the usage unless it is one of the two."""
    if bool(args.ids) == args.all:
        args.parser.error("give the ids of entries, or --all for all that memU refused")
    return args.ids or None


def _print(rows: list[OutboxRow]) -> None:
    print_rich(_COLUMNS, [_cells(row) for row in rows])


def _cells(row: OutboxRow) -> tuple[str, ...]:
    return (
        str(row.id),
        _age((datetime.now(UTC) - row.created_at).total_seconds()),
        row.user,
        cell(row.conversation_id),
        f"{row.part}/{row.parts}",
        row.state,
        str(row.attempts),
        f"{row.characters:,}",
        cell(row.problem),
    )


def _age(seconds: float) -> str:
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{max(0.0, seconds):.0f} s"


def _fields(row: OutboxRow) -> dict[str, Any]:
    fields = asdict(row)
    if row.text is None:
        del fields["text"]
    return fields


def _number(value: str) -> int:
    if not (value.isdecimal() and value.isascii() and 1 <= int(value[:20]) <= _MOST):
        raise ArgumentTypeError(f"got {value[:40]!r}, takes a whole number from 1")
    return int(value)
