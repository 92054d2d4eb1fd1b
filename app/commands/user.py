"""`user list`, `user quota`, `user delete`, `user export`."""

from __future__ import annotations

import re
import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from typing import TYPE_CHECKING, Any

from app.commands.common import Commands, add_command, add_common, add_json, cell, print_json, print_table, user_name
from app.commands.export import add_file
from app.commands.export import run as export_file
from app.counted import counted

if TYPE_CHECKING:
    from app.memory.types import Use
    from app.store.users import UserRow

_SIZES = {"": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9}
_MOST = 2**63 - 1  # of a bigint in PostgreSQL


def declare(commands: Commands[Any]) -> None:
    """Declare `user` and its actions."""
    parser = add_command(commands, "user", "List users, limit what they store, export and delete them.")
    actions = parser.add_subparsers(metavar="ACTION", required=True)

    listing = add_command(actions, "list", "List all users: how much each stores and may store.")
    listing.set_defaults(run=list_users)
    _add_output(listing)

    quota = add_command(actions, "quota", "Show or set how much a user may store; 0 is no limit.")
    quota.add_argument("user", type=user_name, metavar="NAME", help="The user.")
    quota.add_argument("--memories", type=_number, metavar="N", help="Memories it may store (QUOTA_MEMORIES).")
    quota.add_argument("--bytes", type=_number, metavar="N", help="Bytes of text: 500000, 500MB (QUOTA_BYTES).")
    quota.add_argument("--default", action="store_true", help="Forget its own quota; the settings' applies again.")
    quota.set_defaults(run=show_quota)
    _add_output(quota)

    delete = add_command(actions, "delete", "Delete a user with all its data, for good.")
    delete.add_argument("user", type=user_name, metavar="NAME", help="The user.")
    delete.add_argument("--yes", action="store_true", help="Do not ask.")
    delete.add_argument("--dry-run", action="store_true", help="Only count what would be deleted.")
    delete.set_defaults(run=delete_user)
    _add_output(delete)

    export = add_command(actions, "export", "Write everything of a user as JSON Lines; `import` reads it back.")
    export.add_argument("user", type=user_name, metavar="NAME", help="The user.")
    add_file(export)
    export.set_defaults(run=export_file, project=None)
    _add_output(export)


def _add_output(parser: ArgumentParser) -> None:
    add_json(parser)
    add_common(parser)


def list_users(args: Namespace) -> int:
    """Print all users."""
    from app.ops import users

    rows = [_user_fields(row) for row in users.listing(args.data_dir)]
    if args.json:
        print_json(rows)
    else:
        columns = ("user", "memories", "of", "bytes", "of", "conversations", "tokens", "deletion began")
        print_table(columns, [tuple(cell(value) for value in row.values()) for row in rows])
    return 0


def show_quota(args: Namespace) -> int:
    """Set a quota if one is given, and print the one in force."""
    from app.ops import users

    use, known = users.quota(args.data_dir, args.user, args.memories, args.bytes, default=args.default)
    if not known:
        unknown = f"{args.user} has stored nothing yet and has no token"
        print(f"claude-memory: {unknown}; claude-memory user list shows all users", file=sys.stderr)
    if args.json:
        print_json({"user": args.user, **_use_fields(use)})
    else:
        for used, limit in (
            (counted(use.memories, "memory", "memories"), use.quota.memories),
            (counted(use.bytes, "byte"), use.quota.bytes),
        ):
            print(f"{args.user}: {used} of {f'{limit:,}' if limit else 'any number'}")
    return 0


def delete_user(args: Namespace) -> int:
    """Delete a user; 1 when the person who was asked did not agree."""
    from app.ops import users

    def agreed(rows: dict[str, int]) -> bool:
        if args.yes:
            return True
        if not sys.stdin.isatty():
            print("claude-memory: nothing was deleted; without a terminal, --yes is needed", file=sys.stderr)
            return False
        print(_rows(rows), file=sys.stderr)
        print(f"Delete {args.user} with all this, for good? Type the name: ", end="", file=sys.stderr, flush=True)
        return bool(sys.stdin.readline().rstrip("\n") == args.user)

    report = users.delete(args.data_dir, args.user, dry_run=args.dry_run, agreed=agreed)
    if args.json:
        print_json(report.to_json())
    else:
        print(f"{'would delete' if report.dry_run else 'deleted'} {args.user}: {_rows(report.rows)}")
        for backup in report.backups:
            print(f"may still hold it: {backup['place']}, taken {cell(backup['taken_at'])}")
    return 1 if report.dry_run and not args.dry_run else 0


def _rows(rows: dict[str, int]) -> str:
    return ", ".join(f"{count:,} of {table}" for table, count in rows.items())


def _user_fields(row: UserRow) -> dict[str, Any]:
    return {
        "user": row.user,
        **_use_fields(row.use),
        "conversations": row.conversations,
        "live_tokens": row.live_tokens,
        "deletion_begun_at": row.deletion_begun_at,
    }


def _use_fields(use: Use) -> dict[str, Any]:
    return {
        "memories": use.memories,
        "memories_limit": use.quota.memories,
        "bytes": use.bytes,
        "bytes_limit": use.quota.bytes,
    }


def _number(value: str) -> int:
    match = re.fullmatch(r"([0-9]{1,19})(kB|MB|GB)?", value)
    number = int(match[1]) * _SIZES[match[2] or ""] if match else _MOST + 1
    if number > _MOST:
        raise ArgumentTypeError(f"got {value[:40]!r}, takes a whole number from 0, or one with kB, MB or GB")
    return number
