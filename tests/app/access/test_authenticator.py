"""Who calls."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from mcp.server.auth.provider import AccessToken

from app.access import authenticator as auth
from app.access.authenticator import Authenticator, Identity, require
from app.access.tokens import Token, digest, new_token
from app.errors import NotAuthenticated, NotPermitted
from app.memory.types import Scope
from app.settings.fields import Settings


class Tokens:
    """A token store in memory, which counts how often it is asked."""

    def __init__(self) -> None:
        self.live: dict[bytes, Token] = {}
        self.asked = 0
        self.known: list[bool] = []

    async def find(self, wanted: bytes, *, known: bool = False) -> Token | None:
        self.asked += 1
        self.known.append(known)
        return self.live.get(wanted)

    async def create(self, made: bytes, user: str, scopes: Sequence[str], expires_at: datetime | None) -> Token:
        token = Token(
            id=f"id{len(self.live)}",
            user=user,
            scopes=tuple(scopes),
            created_at=datetime.now(UTC),
            expires_at=expires_at,
            last_used_at=None,
            revoked_at=None,
        )
        self.live[made] = token
        return token

    async def list(self) -> list[Token]:
        return list(self.live.values())

    async def revoke(self, token_id: str) -> bool:
        return False

    async def any_live(self) -> bool:
        return bool(self.live)


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def tokens() -> Tokens:
    return Tokens()


@pytest.fixture
def clock() -> Clock:
    return Clock()


def authenticator(tokens: Tokens, clock: Clock, **settings: Any) -> Authenticator:
    async def store() -> Tokens:
        return tokens

    return Authenticator(Settings(_env_file=None, **settings), store, clock)


def bearer(token: str) -> list[bytes]:
    return [f"Bearer {token}".encode()]


@pytest.mark.parametrize("mode", ["auto", "off"])
async def test_without_a_token_it_is_the_default_user(tokens: Tokens, clock: Clock, mode: str) -> None:
    identity = await authenticator(tokens, clock, auth=mode, default_user_id="me").identify([])

    assert identity.scope.user == "me"
    assert identity.scope.permissions == {"read", "write", "admin"}
    assert identity.sdk_user is None
    assert tokens.asked == 0, "the store may still be starting"


async def test_where_a_token_is_required_its_lack_is_refused(tokens: Tokens, clock: Clock) -> None:
    with pytest.raises(NotAuthenticated, match="Authorization: Bearer"):
        await authenticator(tokens, clock, auth="required").identify([])


@pytest.mark.parametrize("mode", ["auto", "required"])
async def test_a_token_opens_its_user_with_its_scopes(tokens: Tokens, clock: Clock, mode: str) -> None:
    value = new_token()
    await tokens.create(digest(value), "ann", ["read"], None)

    identity = await authenticator(tokens, clock, auth=mode).identify(bearer(value))

    assert identity.scope.user == "ann"
    assert identity.scope.permissions == {"read"}
    assert identity.sdk_user is not None, "an SSE session is bound to it"
    assert value not in repr(vars(identity.sdk_user)), "the value must not travel on"


@pytest.mark.parametrize("mode", ["auto", "required"])
@pytest.mark.parametrize(
    "header",
    [
        b"Bearer " + b"cm_" + b"x" * 43,
        b"Bearer x",
        b"Bearer",
        b"",
        b"Basic dTpw",
        b"Bearer \xff",
        b"Bearer a b",
        b"cm_x",
    ],
)
async def test_a_wrong_token_is_refused_also_where_none_is_needed(
    tokens: Tokens, clock: Clock, mode: str, header: bytes
) -> None:
    with pytest.raises(NotAuthenticated):
        await authenticator(tokens, clock, auth=mode).identify([header])


async def test_two_authorization_headers_are_refused(tokens: Tokens, clock: Clock) -> None:
    value = new_token()
    await tokens.create(digest(value), "ann", ["read"], None)

    with pytest.raises(NotAuthenticated, match="more than one"):
        await authenticator(tokens, clock).identify(bearer(value) * 2)


async def test_with_auth_off_the_header_belongs_to_a_proxy(tokens: Tokens, clock: Clock) -> None:
    identity = await authenticator(tokens, clock, auth="off").identify([b"Basic dTpw"])

    assert identity.scope.user == "default"


async def test_a_revoked_token_stops_within_five_seconds(tokens: Tokens, clock: Clock) -> None:
    value = new_token()
    await tokens.create(digest(value), "ann", ["read"], None)
    checking = authenticator(tokens, clock)
    await checking.identify(bearer(value))
    await checking.identify(bearer(value))
    assert tokens.asked == 1, "within seconds the answer is remembered"

    tokens.live.clear()
    clock.now += 5
    with pytest.raises(NotAuthenticated, match="revoked"):
        await checking.identify(bearer(value))


async def test_a_token_is_not_remembered_past_its_end(tokens: Tokens, clock: Clock) -> None:
    value = new_token()
    await tokens.create(digest(value), "ann", ["read"], datetime.now(UTC) + timedelta(seconds=1))
    checking = authenticator(tokens, clock)
    await checking.identify(bearer(value))

    tokens.live.clear()
    clock.now += 1.1
    with pytest.raises(NotAuthenticated):
        await checking.identify(bearer(value))


async def test_the_store_learns_whether_a_token_was_live_before(tokens: Tokens, clock: Clock) -> None:
    """So that looks at unknown ones, however many, keep none of these waiting."""
    value = new_token()
    await tokens.create(digest(value), "ann", ["read"], None)
    door = authenticator(tokens, clock, auth="required")

    for _ in range(2):
        await door.identify(bearer(value))
        clock.now += 60
    with pytest.raises(NotAuthenticated):
        await door.identify(bearer(new_token()))
    tokens.live.clear()
    for _ in range(2):
        with pytest.raises(NotAuthenticated):
            await door.identify(bearer(value))

    assert tokens.known == [False, True, False, True, False]


async def test_those_who_show_a_token_at_the_same_time_share_one_look(tokens: Tokens, clock: Clock) -> None:
    value = new_token()
    await tokens.create(digest(value), "alice", ("read",), None)
    header = [f"Bearer {value}".encode()]
    checked = authenticator(tokens, clock)
    leaves = asyncio.create_task(checked.identify(header))
    await asyncio.sleep(0)
    leaves.cancel()

    found = await asyncio.gather(*(checked.identify(header) for _ in range(50)))

    assert {one.scope.user for one in found} == {"alice"}
    assert tokens.asked == 1
    unknown = [f"Bearer {new_token()}".encode()]
    refused = await asyncio.gather(*(checked.identify(unknown) for _ in range(50)), return_exceptions=True)
    assert all(isinstance(one, NotAuthenticated) for one in refused)
    assert tokens.asked == 2


async def test_what_is_remembered_is_bounded(tokens: Tokens, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(auth, "REMEMBERED_LIMIT", 3)
    checking = authenticator(tokens, clock)
    for _ in range(10):
        value = new_token()
        await tokens.create(digest(value), "ann", ["read"], None)
        await checking.identify(bearer(value))

    assert len(checking._remembered) == 3


async def test_a_missing_scope_is_named(tokens: Tokens, clock: Clock) -> None:
    value = new_token()
    await tokens.create(digest(value), "ann", ["read"], None)
    identity = await authenticator(tokens, clock).identify(bearer(value))

    require(identity, "read")
    with pytest.raises(NotPermitted, match="'admin'"):
        require(identity, "admin")


def test_all_tokens_of_a_user_have_one_rate_limit_and_each_user_has_one() -> None:
    def identity(user: str, token: str) -> Identity:
        access = AccessToken(token="", client_id=f"token:{token}", scopes=[], subject=user)
        return Identity(Scope(user=user), AuthenticatedUser(access))

    callers = {identity("ann", str(number)).limited_as for number in range(50)}
    callers.add(Identity(Scope(user="ann")).limited_as)
    assert len(callers) == 1
    assert identity("bob", "1").limited_as not in callers


@pytest.mark.parametrize(
    ("set_", "client", "noted"),
    [
        pytest.param({}, "cursor", "cursor", id="the client's own name"),
        pytest.param({"default_agent_id": "scribe"}, "cursor", "scribe", id="what somebody set goes first"),
        pytest.param({"default_agent_id": "claude"}, "cursor", "claude", id="also when it is what the default is"),
        pytest.param({}, None, "claude", id="no name"),
        pytest.param({}, "a\nb", "claude", id="no name a setting would take"),
    ],
)
def test_the_agent_is_what_was_set_or_what_the_client_calls_itself(
    set_: dict[str, Any], client: Any, noted: str
) -> None:
    assert auth.noted_agent(Settings(_env_file=None, **set_), client) == noted
