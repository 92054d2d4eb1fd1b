"""Clients, sign-ins and grants in the store, as the flow makes them."""

from __future__ import annotations

from datetime import timedelta
from hashlib import sha256

from app.store.oauth import OAuthStore
from app.store.oauth_clients import OAuthClient
from app.store.oauth_grants import Successors
from app.store.oauth_sign_ins import Proof, SignIn

RESOURCE = "https://memory.example"
BROWSER = sha256(b"browser").digest()
ANN = Proof(user="ann", scopes=("read",), token_id=None)


def key(text: str) -> bytes:
    """Return the digest of what would be a secret."""
    return sha256(text.encode()).digest()


def successors_of(name: str) -> Successors:
    """Return what a refresh token is replaced with: `access NAME` and `refresh NAME`."""
    return Successors(salt=key(f"salt {name}"), access=key(f"access {name}"), refresh=key(f"refresh {name}"))


def a_client(client_id: str) -> OAuthClient:
    """Return a client with that id and name."""
    return OAuthClient(id=client_id, name=client_id, metadata={"redirect_uris": []})


async def add_client(store: OAuthStore, client_id: str, unused_for: timedelta = timedelta(hours=24)) -> None:
    """Store a client as if it had registered itself."""
    await store.clients.add(a_client(client_id), unused_for)


async def begin(store: OAuthStore, client_id: str, request: str = "request") -> None:
    """Begin a sign-in."""
    sign_in = SignIn(
        client_id=client_id,
        redirect_uri="https://app.example",
        redirect_given=True,
        state=None,
        asked_scopes=("read",),
        code_challenge="x",
    )
    await store.sign_ins.begin(key(request), sign_in)


async def grant(store: OAuthStore, client_id: str, name: str = "one") -> str:
    """Give a client a grant whose code is redeemed; return its id."""
    await begin(store, client_id, name)
    await store.sign_ins.prove(key(name), ANN, BROWSER)
    await store.sign_ins.allow(key(name), BROWSER, key(f"code {name}"))
    code = await store.grants.code(key(f"code {name}"))
    assert code is not None
    assert await store.grants.redeem(code.grant_id, key(f"access {name}"), key(f"refresh {name}"))
    return code.grant_id
