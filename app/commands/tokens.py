"""`token create`, `token list`, `token revoke`."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING, Any

from app.commands.common import Commands, add_common, cell, duration, print_json, print_table, user_name

if TYPE_CHECKING:
    from app.memory.access import Token


def add_token(commands: Commands[Any]) -> None:
    """Declare `token` and what can be done with one."""
    parser = commands.add_parser("token", help="Create, list and revoke access tokens.")
    actions = parser.add_subparsers(metavar="ACTION", required=True)

    create = actions.add_parser("create", help="Create a token and print it, once.")
    create.add_argument("--user", required=True, type=user_name, metavar="NAME", help="Whose memories it opens.")
    create.add_argument(
        "--scope",
        action="append",
        nargs="+",
        choices=("read", "write", "admin"),
        help="What it allows (default: read write). write alone cannot search.",
    )
    create.add_argument(
        "--expires-in", type=duration, metavar="90d", help="When it ends: hours (h), days (d) or weeks (w)."
    )
    create.add_argument("--json", action="store_true", help="Print JSON.")
    add_common(create)
    create.set_defaults(run=token_create)

    listing = actions.add_parser("list", help="List all tokens, without their values.")
    listing.add_argument("--user", type=user_name, metavar="NAME", help="Only those of this user.")
    listing.add_argument("--json", action="store_true", help="Print JSON.")
    add_common(listing)
    listing.set_defaults(run=token_list)

    revoke = actions.add_parser("revoke", help="Revoke a token; it stops working within 5 seconds.")
    revoke.add_argument("id", metavar="ID", help="Its id, as `token list` shows it.")
    revoke.add_argument("--json", action="store_true", help="Print JSON.")
    add_common(revoke)
    revoke.set_defaults(run=token_revoke)


def token_create(args: Namespace) -> int:
    """Create a token; only the token itself goes to stdout."""
    from app.ops import tokens

    scopes = [scope for group in args.scope or [["read", "write"]] for scope in group]
    value, token = tokens.create(args.data_dir, args.user, list(dict.fromkeys(scopes)), args.expires_in)
    if args.json:
        print_json({"token": value, **_shown(token)})
    else:
        print(value)
    return 0


def token_list(args: Namespace) -> int:
    """Print all tokens, or those of one user."""
    from app.ops import tokens

    found = [_shown(token) for token in tokens.listing(args.data_dir) if args.user in (None, token.user)]
    if args.json:
        print_json(found)
    else:
        columns = ("id", "user", "state", "scopes", "created_at", "expires_at", "last_used_at", "revoked_at")
        print_table(columns, [tuple(cell(token[column]) for column in columns) for token in found])
    return 0


def token_revoke(args: Namespace) -> int:
    """Revoke a token. Raises NotFound when there is no live one with that id."""
    from app.ops import tokens

    tokens.revoke(args.data_dir, args.id)
    if args.json:
        print_json({"id": args.id, "revoked": True})
    else:
        print(f"revoked {args.id}")
    return 0


def _shown(token: Token) -> dict[str, Any]:
    return {
        "id": token.id,
        "user": token.user,
        "state": token.state,
        "scopes": list(token.scopes),
        "created_at": token.created_at,
        "expires_at": token.expires_at,
        "last_used_at": token.last_used_at,
        "revoked_at": token.revoked_at,
    }
