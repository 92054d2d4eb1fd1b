"""Implements the SDK's OAuth provider: clients, codes and tokens, in this deployment's store."""

from __future__ import annotations

import logging
import re
import secrets
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

from mcp.server.auth.provider import (
    AccessToken,
    AuthorizationCode,
    AuthorizationParams,
    AuthorizeError,
    OAuthAuthorizationServerProvider,
    RefreshToken,
    TokenError,
)
from mcp.shared.auth import OAuthClientInformationFull, OAuthToken
from pydantic import AnyUrl

from app import metrics
from app.access.tokens import digest, new_token, successors
from app.endpoints import MCP, SSE
from app.measuring import Metrics
from app.serve.oauth import CONSENT
from app.serve.oauth.clients import (
    DEFAULT_SCOPES,
    UNNAMED,
    RegisteredClient,
    check_metadata,
    is_client_id,
    known_scopes,
    stored_client,
)
from app.settings.fields import Settings
from app.store.oauth import OAuthStore
from app.store.oauth_clients import OAuthClient
from app.store.oauth_grants import Outcome, Successors
from app.store.oauth_sign_ins import SignIn

logger = logging.getLogger(__name__)

_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")  # a SHA-256 in URL-safe base64 (RFC 7636)
_STATE = re.compile(r"[^\x00-\x1f\x7f]{0,4096}")


class GrantedCode(AuthorizationCode):
    """An authorization code, and its grant."""

    grant_id: str


class GrantedRefresh(RefreshToken):
    """A refresh token, and its grant."""

    grant_id: str


class GrantedToken(AccessToken):
    """A token of either kind that a client wants revoked, and its grant."""

    grant_id: str


class Provider(OAuthAuthorizationServerProvider[GrantedCode, GrantedRefresh, GrantedToken]):
    """The authorization server of one deployment.

    store: waits until the store is open and returns it.
    """

    def __init__(self, settings: Settings, store: Callable[[], Awaitable[OAuthStore]], counts: Metrics) -> None:
        assert settings.public_url is not None
        self.public_url = settings.public_url
        self._settings, self._store, self._metrics = settings, store, counts
        self._resources = {self.public_url, f"{self.public_url}{MCP}", f"{self.public_url}{SSE}"}

    def accepts_resource(self, resource: str | None) -> bool:
        """Whether a resource indicator (RFC 8707) is this server, under any of its addresses."""
        return resource is None or resource.lower().rstrip("/") in self._resources

    def count(self, outcome: str) -> None:
        """Count the outcome of a step of a sign-in."""
        self._metrics.count(metrics.SIGN_INS, labels=(outcome,))

    async def get_client(self, client_id: str) -> RegisteredClient | None:
        """Return a live client."""
        client = await (await self._store()).clients.get(client_id) if is_client_id(client_id) else None
        return None if client is None else stored_client(client)

    async def register_client(self, client_info: OAuthClientInformationFull) -> None:
        """Store a client that registers itself, and set its scopes for the answer. Raises RegistrationError."""
        client_info.scope = " ".join(known_scopes(client_info.scope) or DEFAULT_SCOPES)
        secret = client_info.client_secret
        client = OAuthClient(
            id=client_info.client_id,
            name=(client_info.client_name or "").strip() or UNNAMED,
            metadata=check_metadata(client_info),
            secret_digest=None if secret is None else digest(secret),
        )
        unused_for = timedelta(hours=self._settings.oauth_unused_client_hours)
        await (await self._store()).clients.add(client, unused_for)
        self.count("registered")

    async def authorize(self, client: OAuthClientInformationFull, params: AuthorizationParams) -> str:
        """Store the client's request and return the address of the consent page. Raises AuthorizeError."""
        if not _CHALLENGE.fullmatch(params.code_challenge):
            raise AuthorizeError("invalid_request", "code_challenge takes the S256 form, 43 characters")
        if not _STATE.fullmatch(params.state or ""):
            raise AuthorizeError("invalid_request", "state takes up to 4,096 characters, no control characters")
        if not self.accepts_resource(params.resource):
            raise AuthorizeError("invalid_target", f"resource takes {self.public_url}{MCP}")
        handle = new_token()
        sign_in = SignIn(
            client_id=client.client_id,
            redirect_uri=str(params.redirect_uri),
            redirect_given=params.redirect_uri_provided_explicitly,
            state=params.state,
            asked_scopes=tuple(params.scopes or DEFAULT_SCOPES),
            code_challenge=params.code_challenge,
        )
        await (await self._store()).sign_ins.begin(digest(handle), sign_in)
        return f"{self.public_url}{CONSENT}?request={quote(handle)}"

    async def load_authorization_code(
        self, client: OAuthClientInformationFull, authorization_code: str
    ) -> GrantedCode | None:
        """Return a code of this client. A code that was used before revokes its grant."""
        code = await (await self._store()).grants.code(digest(authorization_code))
        if code is None:
            return None
        if code.used:
            await self._revoke_replayed(code.grant_id, code.client_id)
            return None
        if code.client_id != client.client_id:
            logger.warning("sign-in: client %s sent a code of client %s", client.client_id, code.client_id)
            return None
        return GrantedCode(
            code=authorization_code,
            grant_id=code.grant_id,
            scopes=list(code.scopes),
            expires_at=code.expires_at.timestamp(),
            client_id=code.client_id,
            code_challenge=code.code_challenge,
            redirect_uri=AnyUrl(code.redirect_uri),
            redirect_uri_provided_explicitly=code.redirect_given,
            subject=code.user,
        )

    async def exchange_authorization_code(
        self, client: OAuthClientInformationFull, authorization_code: GrantedCode
    ) -> OAuthToken:
        """Redeem a code. Raises TokenError when another call was first, or the code has just expired."""
        access, refresh = new_token(), new_token()
        if not await (await self._store()).grants.redeem(authorization_code.grant_id, digest(access), digest(refresh)):
            await self._revoke_replayed(authorization_code.grant_id, client.client_id)
            raise TokenError("invalid_grant", "authorization code does not exist")
        self.count("signed_in")
        return self._tokens(client, access, refresh, authorization_code.scopes)

    async def _revoke_replayed(self, grant_id: str, client_id: str) -> None:
        await (await self._store()).grants.revoke(grant_id)
        logger.warning("sign-in: a code of client %s was used twice; grant %s is revoked", client_id, grant_id)
        self.count("code_replayed")

    async def load_refresh_token(self, client: OAuthClientInformationFull, refresh_token: str) -> GrantedRefresh | None:
        """Return a refresh token of this client."""
        stored = await (await self._store()).grants.refresh_token(digest(refresh_token))
        if stored is None or stored.client_id != client.client_id:
            return None
        return GrantedRefresh(
            token=refresh_token,
            grant_id=stored.grant_id,
            client_id=stored.client_id,
            scopes=list(stored.scopes),
            expires_at=int(stored.expires_at.timestamp()),
            subject=stored.user,
        )

    async def exchange_refresh_token(
        self, client: OAuthClientInformationFull, refresh_token: GrantedRefresh, scopes: list[str]
    ) -> OAuthToken:
        """Replace a refresh token. Raises TokenError; a token that was replaced before also revokes its grant.

        A client that lost the answer, or asked twice at once, gets the same tokens again for a moment.
        """
        grants, salt = (await self._store()).grants, secrets.token_bytes(32)
        access, refresh = successors(refresh_token.token, salt)
        new = Successors(salt=salt, access=digest(access), refresh=digest(refresh))
        rotation = await grants.rotate(digest(refresh_token.token), scopes, new)
        if rotation.outcome is Outcome.DONE:
            return self._tokens(client, access, refresh, scopes)
        if rotation.outcome is Outcome.REPEATED:
            access, refresh = successors(refresh_token.token, rotation.repeated_salt)
            if (issued := await grants.token(digest(access))) is not None:
                return self._tokens(client, access, refresh, list(issued.scopes), issued.expires_at)
        if rotation.outcome is Outcome.REUSED:
            logger.warning(
                "sign-in: a refresh token of client %s was used again; grant %s is revoked",
                client.client_id,
                refresh_token.grant_id,
            )
            self.count("refresh_reused")
        raise TokenError("invalid_grant", "refresh token does not exist")

    def _tokens(
        self,
        client: OAuthClientInformationFull,
        access: str,
        refresh: str,
        scopes: list[str],
        expires_at: datetime | None = None,
    ) -> OAuthToken:
        """expires_at: of an access token that was issued before."""
        lifetime_s = self._settings.oauth_access_token_minutes * 60
        if expires_at is not None:
            lifetime_s = max(1, min(lifetime_s, int((expires_at - datetime.now(UTC)).total_seconds())))
        return OAuthToken(
            access_token=access,
            expires_in=lifetime_s,
            scope=" ".join(scopes),
            refresh_token=refresh if "refresh_token" in client.grant_types else None,
        )

    async def load_access_token(self, token: str) -> GrantedToken | None:
        """Return a token of either kind, for /revoke; MCP requests are checked by `app.access.authenticator`."""
        stored = await (await self._store()).grants.token(digest(token))
        if stored is None:
            return None
        return GrantedToken(
            token=token,
            grant_id=stored.grant_id,
            client_id=stored.client_id,
            scopes=list(stored.scopes),
            expires_at=int(stored.expires_at.timestamp()),
            subject=stored.user,
        )

    async def revoke_token(self, token: GrantedToken | GrantedRefresh) -> None:
        """Revoke the grant of a token, with all its tokens."""
        if await (await self._store()).grants.revoke(token.grant_id):
            self.count("revoked")
