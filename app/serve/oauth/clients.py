"""Decides what a client may register, which redirect addresses and scopes it may use, and authenticates it.

A redirect address is https, or http on loopback, where any port is accepted: a client on the user's machine listens on
any free port (RFC 8252). Addresses must otherwise match exactly. Unknown scopes in a request are ignored (RFC 6749,
3.3), so a client that always asks for another scope too still gets `read` and `write`; the answer says what it got.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
import re
from typing import Any, Protocol
from urllib.parse import unquote, urlencode, urlsplit, urlunsplit

from mcp.server.auth.middleware.client_auth import AuthenticationError, ClientAuthenticator
from mcp.server.auth.provider import RegistrationError
from mcp.shared.auth import InvalidRedirectUriError, OAuthClientInformationFull
from pydantic import AnyUrl, Field
from starlette.requests import Request
from starlette.types import Message

from app.access.redirects import is_redirect
from app.access.tokens import SCOPES, digest
from app.settings.forms import is_loopback
from app.store.oauth_clients import OAuthClient

DEFAULT_SCOPES = ("read", "write")  # a client gets `admin` only if it asks for it by name
NAME_LIMIT = 100
UNNAMED = "an application without a name"
_REDIRECTS_LIMIT = 10
_METADATA_LIMIT_BYTES = 16 * 2**10
_ADDRESSES = "redirect_uris takes https addresses, or http on loopback, in ASCII, without user and fragment"
_CLIENT_ID = re.compile(r"[A-Za-z0-9-]{1,64}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


class RegisteredClient(OAuthClientInformationFull):
    """A client in the SDK's form, with our rules for addresses and scopes."""

    secret_digest: bytes | None = Field(None, exclude=True)

    def validate_redirect_uri(self, redirect_uri: AnyUrl | None) -> AnyUrl:
        """Return the address to redirect the user to. Raises InvalidRedirectUriError."""
        registered = self.redirect_uris or []
        if redirect_uri is None:
            if len(registered) == 1:
                return registered[0]
            raise InvalidRedirectUriError("redirect_uri is missing, and the client did not register exactly one")
        if not is_redirect(str(redirect_uri)) or _comparable(redirect_uri) not in map(_comparable, registered):
            raise InvalidRedirectUriError("redirect_uri is not one that the client registered")
        return redirect_uri

    def validate_scope(self, requested_scope: str | None) -> list[str] | None:
        """Return the requested scopes that exist, None when none does."""
        return known_scopes(requested_scope) or None


class Clients(Protocol):
    """Finds clients; implemented by the provider."""

    async def get_client(self, client_id: str) -> RegisteredClient | None:
        """Return a live client."""


class SecretAuthenticator(ClientAuthenticator):
    """Compares the digest of a client's secret; the secret itself is not stored."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients

    async def authenticate_request(self, request: Request) -> RegisteredClient:
        """Return the client by the id and secret in the form. Raises AuthenticationError."""
        form = await request.form()
        client = await self._clients.get_client(str(form.get("client_id", "")))
        if client is None:
            raise AuthenticationError("no such client; register again")
        if client.secret_digest is not None:
            sent = digest(str(form.get("client_secret", "")))
            if not hmac.compare_digest(client.secret_digest, sent):
                raise AuthenticationError("wrong client secret")
        return client


async def with_credentials(request: Request) -> Request:
    """Return the request with the client's id and secret in the form, even if they came in Authorization.

    The SDK's handlers need both there: `client_secret` even for a client without one, and `client_id` even with Basic
    authentication.
    """
    form = {name: value for name, value in (await request.form()).items() if isinstance(value, str)}
    client_id, secret = _basic(request.headers.get("authorization", ""))
    if client_id and form.get("client_id", client_id) == client_id:
        form |= {"client_id": client_id, "client_secret": secret}
    form.setdefault("client_secret", "")
    body = urlencode(form).encode()
    headers = [header for header in request.scope["headers"] if header[0] not in (b"content-type", b"content-length")]
    headers.append((b"content-type", b"application/x-www-form-urlencoded"))

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    return Request({**request.scope, "headers": headers}, receive)


def _basic(authorization: str) -> tuple[str, str]:
    """Return (id, secret) of Basic authentication, which quotes each as in a form (RFC 6749, 2.3.1); empty if none."""
    scheme, _, value = authorization.partition(" ")
    if scheme.lower() != "basic":
        return "", ""
    try:
        client_id, _, secret = base64.b64decode(value, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return unquote(client_id), unquote(secret)


def known_scopes(asked: str | None) -> list[str]:
    """Return the requested scopes that exist."""
    return [scope for scope in SCOPES if scope in (asked or "").split()]


def is_client_id(value: str) -> bool:
    """Whether a text could be the id of a client."""
    return bool(_CLIENT_ID.fullmatch(value))


def check_addresses(body: bytes) -> None:
    """Refuse a registration whose addresses, as they were sent, are no redirect addresses. Raises RegistrationError.

    The SDK brings addresses into a browser's form: it resolves backslashes and drops tabs. A body that is not a
    registration at all is left to it.
    """
    try:
        sent = json.loads(body)
    except (ValueError, RecursionError):
        return
    addresses = sent.get("redirect_uris") if isinstance(sent, dict) else None
    for address in addresses if isinstance(addresses, list) else ():
        if isinstance(address, str) and not is_redirect(address):
            raise RegistrationError("invalid_redirect_uri", _ADDRESSES)


def check_metadata(client: OAuthClientInformationFull) -> dict[str, Any]:
    """Return the part of a registration to store. Raises RegistrationError."""
    redirects = [str(uri) for uri in client.redirect_uris or []]
    if not 0 < len(redirects) <= _REDIRECTS_LIMIT:
        raise RegistrationError("invalid_redirect_uri", f"redirect_uris takes 1 to {_REDIRECTS_LIMIT} addresses")
    for redirect in redirects:
        if not is_redirect(redirect):
            raise RegistrationError("invalid_redirect_uri", _ADDRESSES)
    if len(client.client_name or "") > NAME_LIMIT or _CONTROL.search(client.client_name or ""):
        raise RegistrationError(
            "invalid_client_metadata", f"client_name takes up to {NAME_LIMIT} characters, no control characters"
        )
    metadata = client.model_dump(mode="json", exclude_none=True, exclude={"client_id", "client_secret", "issuer"})
    text = json.dumps(metadata)
    if len(text) > _METADATA_LIMIT_BYTES or "\\u0000" in text:
        raise RegistrationError(
            "invalid_client_metadata", f"metadata takes up to {_METADATA_LIMIT_BYTES:,} bytes, no NUL"
        )
    return metadata


def stored_client(client: OAuthClient) -> RegisteredClient:
    """Return a client from the store in the SDK's form."""
    return RegisteredClient.model_validate(
        {**client.metadata, "client_id": client.id, "client_name": client.name, "secret_digest": client.secret_digest}
    )


def _comparable(uri: AnyUrl) -> str:
    """Return an address for comparison: whole, except for the port on loopback."""
    parts = urlsplit(str(uri))
    if parts.scheme == "http" and is_loopback(parts.hostname or ""):
        parts = parts._replace(netloc=parts.hostname or "")
    return urlunsplit(parts)
