"""Builds the routes of the OAuth endpoints: the SDK's handlers, and what they leave to the server."""

from __future__ import annotations

import json
import time
from collections.abc import Awaitable, Callable

from mcp.server.auth.handlers.authorize import AuthorizationHandler
from mcp.server.auth.handlers.metadata import MetadataHandler, ProtectedResourceMetadataHandler
from mcp.server.auth.handlers.register import RegistrationHandler
from mcp.server.auth.handlers.revoke import RevocationHandler
from mcp.server.auth.handlers.token import TokenHandler
from mcp.server.auth.provider import RegistrationError
from mcp.server.auth.settings import ClientRegistrationOptions
from mcp.shared.auth import OAuthMetadata, ProtectedResourceMetadata
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from app import metrics
from app.access.redirects import is_redirect
from app.access.tokens import digest, new_token
from app.endpoints import MCP, SSE
from app.errors import RateLimited
from app.http.limits import RateLimit, SharedCounts, rate_limit
from app.http.proxies import FORWARDED_FOR, Proxies, counted_as
from app.measuring import Metrics
from app.runtime.runtime import Runtime
from app.serve.oauth import (
    AUTHORIZE,
    CONSENT,
    OPENID_CALLBACK,
    REGISTER,
    RESOURCE_METADATA,
    REVOKE,
    SERVER_METADATA,
    TOKEN,
)
from app.serve.oauth.clients import (
    DEFAULT_SCOPES,
    SecretAuthenticator,
    check_addresses,
    is_client_id,
    with_credentials,
)
from app.serve.oauth.consent import Consent, with_query
from app.serve.oauth.page import problem_page
from app.serve.oauth.provider import Provider
from app.settings.fields import Settings
from app.store.oauth import OAuthStore
from app.store.tokens import Tokens

Handler = Callable[[Request], Awaitable[Response]]

PAGES_PER_MINUTE = 60  # pages requested and forms sent from one address
_PATHS = ("", MCP, SSE)
_AUTH_METHODS = ["none", "client_secret_post", "client_secret_basic"]
_NO_STORE = {"cache-control": "no-store"}


def sign_in_routes(
    settings: Settings, runtime: Runtime, counted: Metrics, *, clock: Callable[[], float] = time.monotonic
) -> list[Route]:
    """Return the routes of a server with PUBLIC_URL set. clock: of the OpenID provider, in seconds."""

    async def store() -> OAuthStore:
        await runtime.wait_ready()
        return runtime.oauth

    async def tokens() -> Tokens:
        await runtime.wait_ready()
        return runtime.tokens

    openid = None
    if settings.openid_issuer is not None:
        from app.serve.oauth.openid import OpenIdProvider

        openid = OpenIdProvider(settings, clock=clock)
    provider = Provider(settings, store, counted)
    endpoints = _Endpoints(settings, provider, store, counted, lambda: runtime.rate_limits)
    consent = Consent(provider, store, tokens, openid)
    return [
        *_metadata_routes(provider.public_url, settings.mcp_server_name),
        Route(REGISTER, endpoints.register, methods=["POST"]),
        Route(REGISTER + "/{client_id}", endpoints.manage, methods=["GET", "DELETE"]),
        Route(TOKEN, endpoints.token, methods=["POST"]),
        Route(REVOKE, endpoints.revoke, methods=["POST"]),
        Route(AUTHORIZE, endpoints.authorize, methods=["GET", "POST"]),
        Route(CONSENT, endpoints.limited(consent.show), methods=["GET"]),
        Route(CONSENT, endpoints.limited(consent.decide), methods=["POST"]),
        Route(OPENID_CALLBACK, endpoints.limited(consent.openid_callback), methods=["GET"]),
    ]


def server_metadata(public_url: str) -> OAuthMetadata:
    """Return the authorization server's metadata (RFC 8414).

    It does not offer client id metadata documents: clients then would not register, and the server would have to fetch
    addresses that strangers choose.
    """
    return OAuthMetadata.model_validate(
        {
            "issuer": public_url,
            "authorization_endpoint": public_url + AUTHORIZE,
            "token_endpoint": public_url + TOKEN,
            "registration_endpoint": public_url + REGISTER,
            "revocation_endpoint": public_url + REVOKE,
            "scopes_supported": list(DEFAULT_SCOPES),
            "response_types_supported": ["code"],
            "response_modes_supported": ["query"],
            "grant_types_supported": ["authorization_code", "refresh_token"],
            "token_endpoint_auth_methods_supported": _AUTH_METHODS,
            "revocation_endpoint_auth_methods_supported": _AUTH_METHODS,
            "code_challenge_methods_supported": ["S256"],
            "authorization_response_iss_parameter_supported": True,
        }
    )


def _metadata_routes(public_url: str, name: str) -> list[Route]:
    server = MetadataHandler(server_metadata(public_url)).handle
    routes = []
    for path in _PATHS:
        resource = ProtectedResourceMetadata.model_validate(
            {
                "resource": public_url + path,
                "authorization_servers": [public_url],
                "scopes_supported": list(DEFAULT_SCOPES),
                "resource_name": name,
            }
        )
        about = ProtectedResourceMetadataHandler(resource).handle
        routes.append(Route(RESOURCE_METADATA + path, about, methods=["GET"]))
        routes.append(Route(SERVER_METADATA + path, server, methods=["GET"]))
    return routes


class _Endpoints:
    """The endpoints that clients call."""

    def __init__(
        self,
        settings: Settings,
        provider: Provider,
        store: Callable[[], Awaitable[OAuthStore]],
        counted: Metrics,
        shared_counts: Callable[[], SharedCounts | None],
    ) -> None:
        self._settings, self._metrics, self._provider, self._store = settings, counted, provider, store
        authenticator = SecretAuthenticator(provider)
        self._authorization = AuthorizationHandler(provider)
        self._registration = RegistrationHandler(
            provider, ClientRegistrationOptions(enabled=True, default_scopes=list(DEFAULT_SCOPES))
        )
        self._tokens = TokenHandler(provider, authenticator)
        self._revocation = RevocationHandler(provider, authenticator)

        counts = shared_counts if settings.database_url is not None else None
        self._registrations = rate_limit(settings.oauth_registrations_per_minute, counts)
        self._pages = rate_limit(PAGES_PER_MINUTE, counts)
        self._proxies = Proxies.of(settings.trusted_proxies)

    async def register(self, request: Request) -> Response:
        """Register a client, and give it a token to manage its registration (RFC 7592)."""
        await self._count_request(
            request, self._registrations, "register", self._settings.oauth_registrations_per_minute
        )
        try:
            check_addresses(await request.body())
        except RegistrationError as error:
            body = {"error": error.error, "error_description": error.error_description}
            return JSONResponse(body, 400, _NO_STORE)
        response = await self._registration.handle(request)
        if response.status_code != 201:
            response.headers.update(_NO_STORE)
            return response
        client = json.loads(bytes(response.body))
        token = new_token()
        await (await self._store()).clients.let_manage(client["client_id"], digest(token))
        return JSONResponse(self._managed(client, token), 201, _NO_STORE)

    async def manage(self, request: Request) -> Response:
        """Show a client its registration, or delete it with all its grants."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        store, client_id = await self._store(), request.path_params["client_id"]
        client = None
        if scheme.lower() == "bearer" and is_client_id(client_id):
            client = await store.clients.managed(client_id, digest(token))
        if client is None:
            challenge = {**_NO_STORE, "www-authenticate": 'Bearer error="invalid_token"'}
            return JSONResponse({"error": "invalid_token"}, 401, challenge)
        if request.method == "DELETE":
            await store.clients.remove(client_id)
            return Response(status_code=204, headers=_NO_STORE)
        return JSONResponse(self._managed({**client.metadata, "client_id": client.id}, token), headers=_NO_STORE)

    def _managed(self, client: dict[str, object], token: str) -> dict[str, object]:
        return {
            **client,
            "registration_access_token": token,
            "registration_client_uri": f"{self._provider.public_url}{REGISTER}/{client['client_id']}",
        }

    async def authorize(self, request: Request) -> Response:
        """Check a client's request and redirect the user: to the consent page, or back to the client with the error.

        Shows the error here when the client or its redirect address is unknown.
        """
        await self._count_request(request, self._pages, "sign-in", PAGES_PER_MINUTE)
        asked = request.query_params if request.method == "GET" else await request.form()
        if len(asked.multi_items()) != len(asked):
            return problem_page("The request names a parameter twice.", 400)
        if (redirect := asked.get("redirect_uri")) is not None and not is_redirect(str(redirect)):
            return problem_page("redirect_uri is not an address to which this server sends users.", 400)
        response = await self._authorization.handle(request)
        location = response.headers.get("location")
        if location is None:
            problem = json.loads(bytes(response.body)).get("error_description") or "The request is not valid."
            return problem_page(str(problem), response.status_code)
        if not location.startswith(f"{self._provider.public_url}{CONSENT}?"):
            response.headers["location"] = with_query(location, iss=self._provider.public_url)
        return response

    async def token(self, request: Request) -> Response:
        """Redeem a code or a refresh token."""
        request = await with_credentials(request)
        resource = (await request.form()).get("resource")
        if not self._provider.accepts_resource(None if resource is None else str(resource)):
            body = {"error": "invalid_target", "error_description": f"resource takes {self._provider.public_url}{MCP}"}
            return JSONResponse(body, 400, _NO_STORE)
        response: Response = await self._tokens.handle(request)
        return response

    async def revoke(self, request: Request) -> Response:
        """Revoke a token's grant, with all its tokens (RFC 7009)."""
        return await self._revocation.handle(await with_credentials(request))

    def limited(self, handler: Handler) -> Handler:
        """Return a page's handler behind the rate limit of pages."""

        async def handle(request: Request) -> Response:
            await self._count_request(request, self._pages, "sign-in", PAGES_PER_MINUTE)
            return await handler(request)

        return handle

    async def _count_request(self, request: Request, limit: RateLimit, what: str, per_minute: int) -> None:
        peer = request.client.host if request.client is not None else None
        client = self._proxies.client(peer, request.headers.getlist(FORWARDED_FOR))
        wait_s = await limit.take(f"{what}:{counted_as(client)}")
        if wait_s:
            self._metrics.count(metrics.RATE_LIMITED)
            raise RateLimited(per_minute, wait_s)
