"""Grants in PostgreSQL, beyond what the flow (tests/app/serve/oauth) shows."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from app.store.database import Database
from app.store.oauth import OAuthStore
from app.store.oauth_grants import Outcome
from app.store.tokens import Tokens
from tests.support.oauth import add_client, grant, key, successors_of

Use = Callable[[str, str], Awaitable[Outcome]]


async def execute(database: Database, statement: str) -> None:
    async with database.as_service() as connection:
        await connection.execute(statement)


async def test_an_access_token_is_no_refresh_token(sign_in_store: OAuthStore) -> None:
    await add_client(sign_in_store, "client")
    await grant(sign_in_store, "client")

    assert await sign_in_store.grants.refresh_token(key("access one")) is None
    rotation = await sign_in_store.grants.rotate(key("access one"), ["read"], successors_of("two"))
    assert rotation.outcome is Outcome.UNKNOWN


async def test_using_a_grant_keeps_it_alive(database: Database, sign_in_store: OAuthStore) -> None:
    await add_client(sign_in_store, "client")
    grant_id = await grant(sign_in_store, "client")
    await execute(database, "update oauth_grants set expires_at = now() + interval '1 hour'")

    await sign_in_store.grants.rotate(key("refresh one"), ["read"], successors_of("two"))

    [found] = await Tokens(database).list()
    assert found.id == grant_id
    assert found.expires_at is not None
    assert (found.expires_at - found.created_at).days >= 29


async def test_a_code_is_redeemed_once(sign_in_store: OAuthStore) -> None:
    await add_client(sign_in_store, "client")
    grant_id = await grant(sign_in_store, "client")

    code = await sign_in_store.grants.code(key("code one"))
    assert code is not None
    assert code.used
    assert not await sign_in_store.grants.redeem(grant_id, key("a2"), key("r2"))


async def test_revoking_a_grant_ends_its_code_and_its_tokens(sign_in_store: OAuthStore) -> None:
    await add_client(sign_in_store, "client")
    grant_id = await grant(sign_in_store, "client")

    assert await sign_in_store.grants.revoke(grant_id)

    assert not await sign_in_store.grants.revoke(grant_id)
    assert await sign_in_store.grants.code(key("code one")) is None
    assert await sign_in_store.grants.token(key("access one")) is None
    assert await sign_in_store.grants.refresh_token(key("refresh one")) is None


@pytest.fixture
async def use(database: Database, sign_in_store: OAuthStore) -> Use:
    """Return a function that uses a refresh token of a new grant, to be replaced with others of the second name."""
    await add_client(sign_in_store, "client")
    await grant(sign_in_store, "client")

    async def use(name: str, new: str) -> Outcome:
        rotation = await sign_in_store.grants.rotate(key(f"refresh {name}"), ["read"], successors_of(new))
        if rotation.outcome is Outcome.REPEATED:
            assert rotation.repeated_salt == key("salt two")
        return rotation.outcome

    return use


async def test_a_refresh_token_has_one_successor(use: Use, sign_in_store: OAuthStore) -> None:
    assert await use("one", "two") is Outcome.DONE
    assert await use("one", "three") is Outcome.REPEATED

    assert await sign_in_store.grants.refresh_token(key("refresh three")) is None
    assert await sign_in_store.grants.token(key("access three")) is None
    assert await use("two", "four") is Outcome.DONE


async def test_a_token_whose_successor_was_used_ends_the_grant_even_at_once(use: Use) -> None:
    await use("one", "two")
    await use("two", "three")

    assert await use("one", "four") is Outcome.REUSED
    assert await use("three", "five") is Outcome.UNKNOWN


@pytest.mark.parametrize("moved", ["- interval '31 s'", "+ interval '31 s'"])
async def test_the_grace_ends_however_the_clock_is_changed(database: Database, use: Use, moved: str) -> None:
    await use("one", "two")
    await execute(database, f"update oauth_tokens set replaced_at = replaced_at {moved}")

    assert await use("one", "three") is Outcome.REUSED
    assert await use("two", "four") is Outcome.UNKNOWN


async def test_two_chains_from_one_token_end_both(database: Database, use: Use) -> None:
    """An earlier version gave each repeat a successor of its own."""
    await use("one", "two")
    await execute(
        database,
        "insert into oauth_tokens (digest, grant_id, kind, scopes, expires_at)"
        " select sha256('refresh rival'), grant_id, kind, scopes, expires_at from oauth_tokens"
        " where digest = sha256('refresh two')",
    )

    assert await use("two", "three") is Outcome.REUSED
    assert await use("rival", "four") is Outcome.UNKNOWN


async def test_a_crash_before_the_commit_leaves_the_token_unused(
    use: Use, sign_in_store: OAuthStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def crash(*_: object) -> None:
        raise asyncio.CancelledError

    with monkeypatch.context() as crashing, pytest.raises(asyncio.CancelledError):
        crashing.setattr(sign_in_store.grants, "_issue", crash)
        await use("one", "lost")

    assert await use("one", "two") is Outcome.DONE
    assert await sign_in_store.grants.refresh_token(key("refresh lost")) is None
