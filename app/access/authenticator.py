"""Identifies callers: by bearer token, or as the default user where no token is required.

A token is `cm_` and 43 characters: 32 random bytes. Only its SHA-256 is stored: a slow hash protects passwords people
invent, and 256 random bits cannot be guessed anyway. Tokens are looked up by digest, so no secret is ever compared
byte by byte; timing the look-up only says something about a hash that the attacker cannot choose.

| AUTH | no token | valid token | invalid token |
|---|---|---|---|
| auto (loopback only) | the default user | its user | 401 |
| required | 401 | its user | 401 |
| off | the default user | the default user: Authorization may be a proxy's | the default user |

With PUBLIC_URL set, clients get tokens of the same form by signing in (app/serve/oauth); one check accepts both kinds.
A token allows everything its scopes name. /health and /ready need no token. /metrics needs none at METRICS_PORT, and
none on loopback unless AUTH=required; elsewhere it needs a token with the scope `admin`, because it counts all users
together. So do the totals of /status and `memory_health`: without `admin`, users see only their own numbers there.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from pydantic import TypeAdapter, ValidationError

from app.access.tokens import Token, TokenStore, digest
from app.errors import NotAuthenticated, NotPermitted
from app.memory.types import Scope
from app.settings.fields import Settings
from app.settings.forms import ACCESS_TOKEN
from app.settings.values import Auth, PlainName

if TYPE_CHECKING:  # the command `token` needs no MCP
    from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser

REMEMBERED_S = 4.0  # a revoked token works at most this long; the contract says 5
REMEMBERED_LIMIT = 1_024
_TOKEN = re.compile(ACCESS_TOKEN)
_NAME: TypeAdapter[str] = TypeAdapter(PlainName)


@dataclass(frozen=True, slots=True)
class Identity:
    """A caller. `sdk_user` binds an SSE session to the credential that opened it; None without a token."""

    scope: Scope
    sdk_user: AuthenticatedUser | None = None

    @property
    def limited_as(self) -> str:
        """The key the rate limit counts by: the user, however many tokens and clients there are."""
        return f"user:{self.scope.user}"


class Authenticator:
    """Turns an Authorization header into an Identity.

    tokens: waits for the token store and returns it; called only when the request has a token.
    """

    def __init__(
        self,
        settings: Settings,
        tokens: Callable[[], Awaitable[TokenStore]],
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._mode = settings.auth
        self._tokens = tokens
        self._now = now
        self._agent = settings.default_agent_id
        self._default = Identity(Scope(user=settings.default_user_id, agent=settings.default_agent_id))
        self._remembered: OrderedDict[bytes, tuple[float, Identity]] = OrderedDict()
        self._looks: dict[bytes, asyncio.Future[Identity]] = {}  # one for all who show a token at the same time
        self._known: OrderedDict[bytes, None] = OrderedDict()  # those of tokens that were live at the last look

    def check_form(self, authorization: list[bytes]) -> str | None:
        """Return the presented token, not looked up yet; None where none is needed. Raises NotAuthenticated."""
        if self._mode is Auth.OFF:
            return None
        if not authorization:
            if self._mode is Auth.AUTO:
                return None
            raise NotAuthenticated("no token; send Authorization: Bearer TOKEN")
        if len(authorization) > 1:
            raise NotAuthenticated("more than one Authorization header; send one")
        scheme, _, value = authorization[0].decode("latin-1").partition(" ")
        value = value.strip()
        if scheme.lower() != "bearer" or not _TOKEN.fullmatch(value):
            raise NotAuthenticated("not a token of this server; send Authorization: Bearer cm_…")
        return value

    async def identify(self, authorization: list[bytes]) -> Identity:
        """Return the caller. Raises NotAuthenticated, and StoreUnavailable when tokens cannot be looked up."""
        value = self.check_form(authorization)
        if value is None:
            return self._default
        key = digest(value)
        until, identity = self._remembered.get(key, (0.0, self._default))
        if self._now() < until:
            return identity
        look = self._looks.get(key)
        if look is None:
            look = self._looks[key] = asyncio.ensure_future(self._look_up(key))
            look.add_done_callback(partial(self._end_look, key))
        return await asyncio.shield(look)  # others wait for it, too

    def _end_look(self, key: bytes, look: asyncio.Future[Identity]) -> None:
        del self._looks[key]
        if not look.cancelled():
            look.exception()  # one who left does not ask

    async def _look_up(self, key: bytes) -> Identity:
        now = self._now()
        self._remembered.pop(key, None)
        token = await (await self._tokens()).find(key, known=key in self._known)
        if token is None:
            self._known.pop(key, None)
            raise NotAuthenticated("the token is unknown, expired or revoked; create a new one")
        identity = self._identity(token)
        left_s = token.expires_at.timestamp() - time.time() if token.expires_at else REMEMBERED_S
        self._remembered[key] = (now + min(REMEMBERED_S, left_s), identity)
        self._known[key] = None
        for kept in (self._remembered, self._known):
            while len(kept) > REMEMBERED_LIMIT:
                kept.popitem(last=False)
        return identity

    def _identity(self, token: Token) -> Identity:
        from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
        from mcp.server.auth.provider import AccessToken

        access = AccessToken(
            token=f"id:{token.id}",  # the value itself never leaves this module
            client_id=f"token:{token.id}",
            scopes=list(token.scopes),
            subject=token.user,
        )
        scope = Scope(user=token.user, agent=self._agent, permissions=frozenset(token.scopes))
        return Identity(scope, AuthenticatedUser(access))


def noted_agent(settings: Settings, client: object) -> str:
    """Return the agent to record: DEFAULT_AGENT_ID if it is set, else the name a client gives itself."""
    if "default_agent_id" in settings.model_fields_set:
        return settings.default_agent_id
    try:
        return _NAME.validate_python(client)
    except ValidationError:  # it gave no name, or one that the setting would reject
        return settings.default_agent_id


def require(identity: Identity, permission: str) -> None:
    """Raise NotPermitted unless the caller has the permission."""
    if permission not in identity.scope.permissions:
        has = ", ".join(sorted(identity.scope.permissions))
        raise NotPermitted(f"this needs the scope {permission!r}; the token has {has}")
