"""`token create`, `token list`, `token revoke`; `token create-client`, `token clients`."""

from __future__ import annotations

from argparse import ArgumentTypeError, Namespace
from typing import TYPE_CHECKING, Any

from app.access.tokens import SCOPES
from app.commands.common import (
    Commands,
    add_command,
    add_common,
    add_json,
    cell,
    duration,
    plain_name,
    print_json,
    print_table,
    user_name,
)

if TYPE_CHECKING:
    from app.access.tokens import Token
    from app.store.oauth_clients import OAuthClient

_CLIENT_NAME_CHARACTERS = 100
# where claude.ai, Claude Desktop and the mobile apps send users back to
CLAUDE_REDIRECTS = ("https://claude.ai/api/mcp/auth_callback", "https://claude.com/api/mcp/auth_callback")


def declare(commands: Commands[Any]) -> None:
    """Declare `token` and its actions."""
    parser = add_command(commands, "token", "Create, list and revoke access tokens.")
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    _declare_create(actions)
    _declare_list(actions)
    _declare_revoke(actions)
    _declare_create_client(actions)
    _declare_clients(actions)


def _declare_create(actions: Commands[Any]) -> None:
    create = add_command(actions, "create", "Create a token and print it, once.")
    create.add_argument("--user", required=True, type=user_name, metavar="NAME", help="Whose memories it opens.")
    create.add_argument(
        "--scope",
        action="append",
        nargs="+",
        choices=SCOPES,
        help="What it allows (default: read write). write alone cannot search.",
    )
    create.add_argument(
        "--expires-in", type=duration, metavar="90d", help="When it ends: hours (h), days (d) or weeks (w)."
    )
    add_json(create)
    add_common(create)
    create.set_defaults(run=create_token)


def _declare_list(actions: Commands[Any]) -> None:
    listing = add_command(
        actions, "list", "List all tokens, without their values, and what users have allowed clients."
    )
    listing.add_argument("--user", type=user_name, metavar="NAME", help="Only those of this user.")
    add_json(listing)
    add_common(listing)
    listing.set_defaults(run=list_tokens)


def _declare_revoke(actions: Commands[Any]) -> None:
    revoke = add_command(
        actions, "revoke", "Revoke a token, or what a client was allowed; it stops working within 5 seconds."
    )
    revoke.add_argument(
        "id",
        metavar="ID",
        help="Its id, from `token list`; a client's id, from `token clients`, revokes all its grants.",
    )
    add_json(revoke)
    add_common(revoke)
    revoke.set_defaults(run=revoke_token)


def _declare_create_client(actions: Commands[Any]) -> None:
    client = add_command(
        actions, "create-client", "Create a client whose id and secret are typed by hand; print both, once."
    )
    client.add_argument("--name", required=True, type=client_name, metavar="NAME", help="What users see.")
    client.add_argument(
        "--redirect",
        action="append",
        type=redirect_address,
        metavar="URL",
        help="Where it sends users back to; may be given more than once (default: Claude's).",
    )
    add_json(client)
    add_common(client)
    client.set_defaults(run=create_client)


def _declare_clients(actions: Commands[Any]) -> None:
    clients = add_command(actions, "clients", "List the clients that registered or were created.")
    add_json(clients)
    add_common(clients)
    clients.set_defaults(run=list_clients)


def create_token(args: Namespace) -> int:
    """Create a token; only the token itself goes to stdout."""
    from app.ops import tokens

    scopes = [scope for group in args.scope or [["read", "write"]] for scope in group]
    value, token = tokens.create(args.data_dir, args.user, list(dict.fromkeys(scopes)), args.expires_in)
    if args.json:
        print_json({"token": value, **_token_fields(token)})
    else:
        print(value)
    return 0


def list_tokens(args: Namespace) -> int:
    """Print all tokens, or those of one user."""
    from app.ops import tokens

    rows = [_token_fields(token) for token in tokens.listing(args.data_dir) if args.user in (None, token.user)]
    if args.json:
        print_json(rows)
    else:
        columns = ("id", "user", "client", "state", "scopes", "created_at", "expires_at", "last_used_at", "revoked_at")
        print_table(columns, [tuple(cell(row[column]) for column in columns) for row in rows])
    return 0


def revoke_token(args: Namespace) -> int:
    """Revoke a token. Raises NotFound when there is no live one with that id."""
    from app.ops import tokens

    tokens.revoke(args.data_dir, args.id)
    if args.json:
        print_json({"id": args.id, "revoked": True})
    else:
        print(f"revoked {args.id}")
    return 0


def create_client(args: Namespace) -> int:
    """Create a client and print its id and secret."""
    from app.ops import tokens

    client, secret = tokens.create_client(args.data_dir, args.name, args.redirect or list(CLAUDE_REDIRECTS))
    if args.json:
        print_json({"client_id": client.id, "client_secret": secret, **_client_fields(client)})
    else:
        print(f"client id: {client.id}\nclient secret: {secret}")
    return 0


def list_clients(args: Namespace) -> int:
    """Print all clients."""
    from app.ops import tokens

    rows = [_client_fields(client) for client in tokens.clients(args.data_dir)]
    if args.json:
        print_json(rows)
    else:
        columns = ("id", "name", "redirect_uris", "created_at", "expires_unused_at")
        print_table(columns, [tuple(cell(row[column]) for column in columns) for row in rows])
    return 0


def client_name(value: str) -> str:
    """Check the name of a client."""
    return plain_name(value, _CLIENT_NAME_CHARACTERS)


def redirect_address(value: str) -> str:
    """Check an address that users may be sent back to."""
    from app.access.redirects import is_redirect

    if not is_redirect(value):
        raise ArgumentTypeError(f"got {value[:60]!r}, takes an https address, or http on loopback, without a fragment")
    return value


def _client_fields(client: OAuthClient) -> dict[str, Any]:
    return {
        "id": client.id,
        "name": client.name,
        "redirect_uris": client.metadata["redirect_uris"],
        "created_at": client.created_at,
        "expires_unused_at": client.expires_at,
    }


def _token_fields(token: Token) -> dict[str, Any]:
    return {
        "id": token.id,
        "user": token.user,
        "client": token.client,
        "state": token.state,
        "scopes": list(token.scopes),
        "created_at": token.created_at,
        "expires_at": token.expires_at,
        "last_used_at": token.last_used_at,
        "revoked_at": token.revoked_at,
    }
