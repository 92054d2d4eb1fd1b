"""Sign-ins in progress in PostgreSQL."""

from __future__ import annotations

from app.store.database import Database
from app.store.oauth import OAuthStore
from app.store.oauth_sign_ins import WRONG_PROOFS_LIMIT
from tests.support.oauth import ANN, BROWSER, add_client, begin, key


async def test_one_is_known_until_it_is_denied(sign_in_store: OAuthStore) -> None:
    await add_client(sign_in_store, "client")
    await begin(sign_in_store, "client")
    found = await sign_in_store.sign_ins.get(key("request"))
    assert found is not None
    assert (found.client_id, found.user, found.asked_scopes) == ("client", None, ("read",))

    await sign_in_store.sign_ins.deny(key("request"))

    assert await sign_in_store.sign_ins.get(key("request")) is None


async def test_guessing_ends_it(sign_in_store: OAuthStore) -> None:
    await add_client(sign_in_store, "client")
    await begin(sign_in_store, "client")
    for _ in range(WRONG_PROOFS_LIMIT):
        assert await sign_in_store.sign_ins.get(key("request")) is not None
        await sign_in_store.sign_ins.note_wrong_proof(key("request"))

    assert await sign_in_store.sign_ins.get(key("request")) is None


async def test_only_the_browser_that_proved_it_may_allow_it_and_only_once(sign_in_store: OAuthStore) -> None:
    await add_client(sign_in_store, "client")
    await begin(sign_in_store, "client")
    assert await sign_in_store.sign_ins.allow(key("request"), BROWSER, key("code")) is None, "it is not proved"
    await sign_in_store.sign_ins.prove(key("request"), ANN, BROWSER)

    assert await sign_in_store.sign_ins.allow(key("request"), key("another browser"), key("code")) is None
    allowed = await sign_in_store.sign_ins.allow(key("request"), BROWSER, key("code"))
    assert allowed is not None
    assert (allowed.user, allowed.scopes) == ("ann", ("read",))
    assert await sign_in_store.sign_ins.allow(key("request"), BROWSER, key("code")) is None


async def test_an_unfinished_one_is_over_in_time(database: Database, sign_in_store: OAuthStore) -> None:
    await add_client(sign_in_store, "client")
    await begin(sign_in_store, "client")
    async with database.as_service() as connection:
        await connection.execute("update oauth_requests set expires_at = now()")

    assert await sign_in_store.sign_ins.get(key("request")) is None
