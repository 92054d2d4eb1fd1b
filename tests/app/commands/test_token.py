"""`token`: made, listed, revoked; clients typed by hand."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.store.database import Database
from app.store.oauth import OAuthStore
from app.store.oauth_clients import OAuthClients
from app.store.tokens import Tokens
from tests.support.cli import Command, run_command
from tests.support.oauth import RESOURCE, grant, key
from tests.support.serving import MCP_HEADERS, serving
from tests.support.waiting import wait_until


async def test_a_client_typed_by_hand_is_made_listed_and_revoked(command: Command, database: Database) -> None:
    made = await command("token", "create-client", "--name", "Claude")
    assert made.returncode == 0, made.stderr
    client_id, secret = (line.partition(": ")[2] for line in made.stdout.decode().splitlines())

    [listed] = json.loads((await command("token", "clients", "--json")).stdout)
    assert (listed["id"], listed["name"], listed["expires_unused_at"]) == (client_id, "Claude", None)
    assert listed["redirect_uris"] == [
        "https://claude.ai/api/mcp/auth_callback",
        "https://claude.com/api/mcp/auth_callback",
    ]
    client = await OAuthClients(database).get(client_id)
    assert client is not None
    assert client.secret_digest == key(secret)
    table = (await command("token", "clients")).stdout.decode()
    assert client_id in table
    assert secret not in table

    assert (await command("token", "revoke", client_id)).returncode == 0
    assert json.loads((await command("token", "clients", "--json")).stdout) == []
    assert (await command("token", "revoke", client_id)).returncode == 1


async def test_what_a_client_was_allowed_is_listed_with_its_name_and_revoked(
    command: Command, database: Database
) -> None:
    client = json.loads((await command("token", "create-client", "--name", "Claude", "--json")).stdout)
    store = OAuthStore(database, RESOURCE, timedelta(hours=1), timedelta(days=1))
    await grant(store, client["client_id"])

    [listed] = json.loads((await command("token", "list", "--user", "ann", "--json")).stdout)
    assert (listed["client"], listed["user"], listed["scopes"], listed["state"]) == ("Claude", "ann", ["read"], "live")
    assert (await command("token", "revoke", listed["id"])).returncode == 0

    assert await Tokens(database, RESOURCE).find(key("access one")) is None
    [listed] = json.loads((await command("token", "list", "--json")).stdout)
    assert listed["state"] == "revoked"


@pytest.mark.parametrize(
    "wrong",
    [
        ["--name", "", "--redirect", "https://app.example"],
        ["--name", "a\nb"],
        ["--name", "Claude", "--redirect", "http://app.example"],
        ["--name", "Claude", "--redirect", "javascript:alert(1)"],
        ["--redirect", "https://app.example"],
    ],
)
async def test_a_client_that_users_could_not_come_back_to_is_refused(
    command: Command, database: Database, wrong: list[str]
) -> None:
    done = await command("token", "create-client", *wrong)

    assert done.returncode == 2
    assert await OAuthClients(database).all() == []


async def test_tokens_of_one_user_are_listed_with_their_state(command: Command, database: Database) -> None:
    await command("token", "create", "--user", "bob")
    await command("token", "create", "--user", "ann", "--scope", "read")
    made = json.loads((await command("token", "create", "--user", "ann", "--json")).stdout)
    await command("token", "revoke", made["id"])
    await Tokens(database).create(b"1" * 32, "ann", ["read"], datetime.now(UTC) - timedelta(seconds=1))

    listed = json.loads((await command("token", "list", "--user", "ann", "--json")).stdout)

    assert [(one["user"], one["state"]) for one in listed] == [("ann", "expired"), ("ann", "revoked"), ("ann", "live")]
    assert b" expired " in (await command("token", "list")).stdout


def test_a_token_works_from_its_making_to_its_end(tmp_path: Path) -> None:
    where = ("--data-dir", str(tmp_path / "data"))
    status, out, error = run_command("token", "create", "--user", "ann", "--scope", "read", *where, cwd=tmp_path)
    assert (status, error) == (0, ""), "no server runs, so PostgreSQL is started for it"
    reader = out.strip()
    assert out == f"{reader}\n", "the token alone"

    with serving(tmp_path / "data", AUTH="required") as server:
        report = run_command("token", "create", "--user", "ann", "--expires-in", "90d", "--json", *where, cwd=tmp_path)[
            1
        ]
        made = json.loads(report)
        assert made["scopes"] == ["read", "write"]
        assert made["expires_at"] > made["created_at"]

        def call(token: str, tool: str, **arguments: object) -> tuple[int, object]:
            message = {
                "jsonrpc": "2.0",
                "id": 1,
                "method": "tools/call",
                "params": {"name": tool, "arguments": arguments},
            }
            headers = {**MCP_HEADERS, "Authorization": f"Bearer {token}"}
            status, _, body = server.request("POST", "/mcp", message, headers)
            return status, body.get("result", {}).get("isError")

        assert call(made["token"], "memorize", text="ann likes tea") == (200, False)
        assert call(reader, "search_memory", query="tea") == (200, False)
        assert call(reader, "memorize", text="ann likes coffee") == (200, True), "it may only read"
        assert call("cm_" + "x" * 43, "memory_stats")[0] == 401

        listed = run_command("token", "list", *where, cwd=tmp_path)[1]
        assert made["id"] in listed
        assert made["token"] not in listed + report.replace(made["token"], "", 1) + server.log

        assert run_command("token", "revoke", made["id"], *where, cwd=tmp_path)[:2] == (0, f"revoked {made['id']}\n")
        wait_until(lambda: call(made["token"], "memory_stats")[0] == 401, "the token to end", 5)
        status, _, error = run_command("token", "revoke", made["id"], *where, cwd=tmp_path)
        assert (status, error.count("\n")) == (1, 1)
        assert made["id"] in error
