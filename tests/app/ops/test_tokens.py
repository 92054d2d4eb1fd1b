"""Tokens and clients from the command line."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from app.store.database import Database
from app.store.oauth import OAuthStore
from app.store.oauth_clients import OAuthClients
from app.store.tokens import Tokens
from tests.support.oauth import RESOURCE, grant, key


async def test_a_client_typed_by_hand_is_made_listed_and_revoked(command, database: Database) -> None:
    made = await command("token", "create-client", "--name", "Claude")
    assert made.returncode == 0, made.stderr
    client_id, secret = (line.partition(": ")[2] for line in made.stdout.decode().splitlines())

    [listed] = json.loads((await command("token", "clients", "--json")).stdout)
    assert (listed["id"], listed["name"], listed["expires_unused_at"]) == (client_id, "Claude", None)
    assert listed["redirect_uris"] == [
        "https://claude.ai/api/mcp/auth_callback",
        "https://claude.com/api/mcp/auth_callback",
    ]
    assert (await OAuthClients(database).get(client_id)).secret_digest == key(secret)
    table = (await command("token", "clients")).stdout.decode()
    assert client_id in table
    assert secret not in table

    assert (await command("token", "revoke", client_id)).returncode == 0
    assert json.loads((await command("token", "clients", "--json")).stdout) == []
    assert (await command("token", "revoke", client_id)).returncode == 1


async def test_what_a_client_was_allowed_is_listed_with_its_name_and_revoked(command, database: Database) -> None:
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
async def test_a_client_that_users_could_not_come_back_to_is_refused(command, database: Database, wrong) -> None:
    done = await command("token", "create-client", *wrong)

    assert done.returncode == 2
    assert await OAuthClients(database).all() == []
