"""Identifies users through an external OpenID Connect provider: authorization code with PKCE, state and nonce.

`id_token` decides whether the token that it gives is valid.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import httpx
import jwt
from pydantic import TypeAdapter, ValidationError

from app.access.redirects import is_address
from app.errors import MemoryServerError, Unavailable
from app.serve.oauth import OPENID_CALLBACK
from app.serve.oauth.id_token import InvalidIdToken, claims_of, key_id, usable_keys
from app.settings.fields import Settings
from app.settings.values import PlainName

_TIMEOUT_S = 10.0  # for a whole answer
_ANSWER_LIMIT_BYTES = 262_144  # Microsoft's keys, the longest that we know of, take 20 kB
_PUBLISHED_KEPT_S = 3_600.0  # for its metadata and keys: we accept a withdrawn key at most this long
_KEYS_ASKED_EVERY_S = 30.0  # a token with an unknown key makes us fetch the keys again, at most this often
_USER: TypeAdapter[str] = TypeAdapter(PlainName)


class SignInRefused(MemoryServerError):
    """The provider refused the user, or its answer is not acceptable."""

    code = "sign_in_refused"
    status = 403


def new_client() -> httpx.AsyncClient:
    """Return an HTTP client for requests to the provider; it follows no redirects and takes nothing compressed."""
    return httpx.AsyncClient(timeout=_TIMEOUT_S, headers={"accept-encoding": "identity"})


@dataclass(frozen=True, slots=True)
class _Metadata:
    """The provider's published metadata."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    secret_in_form: bool
    names_itself: bool  # it sends `iss` with every answer (RFC 9207)


class OpenIdProvider:
    """The provider that the settings name."""

    def __init__(self, settings: Settings, *, clock: Callable[[], float] = time.monotonic) -> None:
        """clock: returns the time in seconds that the age of metadata and keys is measured with."""
        assert settings.openid_issuer is not None
        assert settings.openid_client_id is not None
        self._issuer = settings.openid_issuer
        self._client_id = settings.openid_client_id
        self._secret = settings.openid_client_secret
        self._claim = settings.openid_user_claim
        self._allowed = frozenset(settings.openid_allowed_users)
        self._redirect_uri = f"{settings.public_url}{OPENID_CALLBACK}"
        self._metadata: _Metadata | None = None
        self._metadata_until = -math.inf
        self._keys: dict[str | None, jwt.PyJWK] = {}
        self._keys_asked_at = -math.inf
        self._clock = clock

    @property
    def name(self) -> str:
        """The provider's host, as the button shows it."""
        return urlsplit(self._issuer).hostname or self._issuer

    async def authorization_url(self, state: str, nonce: str, verifier: str) -> str:
        """Return the address to redirect the user's browser to. Raises Unavailable."""
        endpoint = (await self._discover()).authorization_endpoint
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
        query = urlencode(
            {
                "response_type": "code",
                "client_id": self._client_id,
                "redirect_uri": self._redirect_uri,
                "scope": "openid email profile",
                "state": state,
                "nonce": nonce,
                "code_challenge": challenge,
                "code_challenge_method": "S256",
            }
        )
        return f"{endpoint}{'&' if '?' in endpoint else '?'}{query}"

    async def user(self, code: str, nonce: str, verifier: str, iss: str | None) -> str:
        """Redeem the provider's code and return the user's name. Raises SignInRefused and Unavailable."""
        metadata = await self._discover()
        if iss != metadata.issuer and (iss is not None or metadata.names_itself):  # another provider's answer
            raise SignInRefused(f"the answer did not come from {self.name}; start again")
        token = await self._redeem(metadata, code, verifier)
        try:
            key = await self._key(metadata, key_id(token))
            claims = claims_of(token, key, client_id=self._client_id, issuer=metadata.issuer, nonce=nonce)
        except InvalidIdToken as error:
            raise SignInRefused(f"the ID token of {self.name} {error}; start again") from None
        return self._allowed_user(claims)

    def _allowed_user(self, claims: dict[str, Any]) -> str:
        try:
            user = _USER.validate_python(claims.get(self._claim))
        except ValidationError:
            user = ""
        if not user.isprintable() or not user:
            raise SignInRefused(f"{self.name} did not send a valid claim {self._claim!r}, which names the user here")
        if self._claim == "email" and claims.get("email_verified") is not True:
            raise SignInRefused(f"{self.name} has not verified this user's e-mail address")
        domain = f"@{user.rpartition('@')[2]}"
        if not self._allowed & {user, domain, "*"}:
            raise SignInRefused("this user is not among those who may sign in (OPENID_ALLOWED_USERS)")
        return user

    async def _redeem(self, metadata: _Metadata, code: str, verifier: str) -> str:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._redirect_uri,
            "client_id": self._client_id,
            "code_verifier": verifier,
        }
        credentials: httpx.BasicAuth | None = None
        if self._secret is not None:
            secret = self._secret.get_secret_value()
            if metadata.secret_in_form:
                form["client_secret"] = secret
            else:
                credentials = httpx.BasicAuth(quote(self._client_id, safe=""), quote(secret, safe=""))
        answer = await self._ask("POST", metadata.token_endpoint, data=form, auth=credentials)
        if not isinstance(answer.get("id_token"), str):
            raise SignInRefused(f"{self.name} gave no ID token; start again")
        return str(answer["id_token"])

    async def _key(self, metadata: _Metadata, kid: str | None) -> jwt.PyJWK:
        age_s = self._clock() - self._keys_asked_at
        if age_s >= (_PUBLISHED_KEPT_S if kid in self._keys else _KEYS_ASKED_EVERY_S):
            self._keys = usable_keys(await self._ask("GET", metadata.jwks_uri))
            self._keys_asked_at = self._clock()
        if kid is None and len(self._keys) == 1:
            return next(iter(self._keys.values()))
        if kid not in self._keys:
            raise InvalidIdToken("is not valid: the provider does not publish its key")
        return self._keys[kid]

    async def _discover(self) -> _Metadata:
        if self._metadata is not None and self._clock() < self._metadata_until:
            return self._metadata
        document = await self._ask("GET", f"{self._issuer}/.well-known/openid-configuration")
        # The issuer must match exactly (OpenID Connect Discovery, 4.3); settings drop a slash at its end.
        issuer = document.get("issuer")
        if not isinstance(issuer, str) or issuer.removesuffix("/") != self._issuer:
            raise Unavailable(f"the metadata of {self.name} does not name {self._issuer}; check OPENID_ISSUER")
        authorization, token, keys = (
            self._endpoint(document, name) for name in ("authorization_endpoint", "token_endpoint", "jwks_uri")
        )
        methods = document.get("token_endpoint_auth_methods_supported")
        self._metadata = _Metadata(
            issuer=issuer,
            authorization_endpoint=authorization,
            token_endpoint=token,
            jwks_uri=keys,
            secret_in_form=isinstance(methods, list) and bool(methods) and "client_secret_basic" not in methods,
            names_itself=document.get("authorization_response_iss_parameter_supported") is True,
        )
        self._metadata_until = self._clock() + _PUBLISHED_KEPT_S
        return self._metadata

    def _endpoint(self, document: dict[str, Any], name: str) -> str:
        """Return an address from the provider's metadata: one of the same scheme as the issuer's, without user."""
        value = document.get(name)
        scheme = self._issuer.partition("://")[0]
        if not isinstance(value, str) or not is_address(value) or value.partition("://")[0] not in (scheme, "https"):
            raise Unavailable(f"the metadata of {self.name} has no valid {name}; check OPENID_ISSUER")
        return value

    async def _ask(self, method: str, url: str, **more: Any) -> dict[str, Any]:
        """Return the JSON object that the provider answers. Errors never repeat its answer."""
        try:
            async with (
                asyncio.timeout(_TIMEOUT_S),
                new_client() as client,
                client.stream(method, url, **more) as response,
            ):
                body = await self._read(response)
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
            raise Unavailable(f"{self.name} does not answer ({type(error).__name__}); try again") from None
        if response.status_code in (400, 401, 403):
            raise SignInRefused(f"{self.name} refused (status {response.status_code}); start again")
        try:
            answer = json.loads(body)
        except (ValueError, RecursionError):
            answer = None
        if response.status_code != 200 or not isinstance(answer, dict):
            raise Unavailable(f"{self.name} gave an invalid answer (status {response.status_code}); try again")
        return answer

    async def _read(self, response: httpx.Response) -> bytes:
        """Return a body of bounded size; a compressed one, which nobody asked for, could grow without bound."""
        body = bytearray()
        if response.headers.get("content-encoding", "identity") != "identity":
            raise Unavailable(f"{self.name} compresses its answer, which it was asked not to do; try again")
        async for chunk in response.aiter_bytes():
            body += chunk
            if len(body) > _ANSWER_LIMIT_BYTES:
                raise Unavailable(f"{self.name} answers with more than {_ANSWER_LIMIT_BYTES:,} bytes; try again")
        return bytes(body)
