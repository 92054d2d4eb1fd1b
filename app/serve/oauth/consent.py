"""Handles the user's side of a sign-in: users prove who they are, then allow or deny.

A user proves it with an access token from `token create`, or at the configured OpenID provider. From then on the
sign-in belongs to that browser, identified by a cookie. The values that a form or the provider must send back are
derived from the cookie, so no other site can send them and none is stored.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode, urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.access.tokens import digest, new_token
from app.errors import MemoryServerError
from app.serve.oauth import CONSENT
from app.serve.oauth.clients import UNNAMED
from app.serve.oauth.page import ConsentRequest, consent_page, problem_page, proof_page, visible
from app.serve.oauth.provider import Provider
from app.settings.forms import ACCESS_TOKEN
from app.store.oauth import OAuthStore
from app.store.oauth_sign_ins import REQUEST_LIFETIME, Proof, SignIn
from app.store.tokens import Tokens

if TYPE_CHECKING:  # its libraries are imported only when a provider is set
    from app.serve.oauth.openid import OpenIdProvider

OPENID_SCOPES = ("read", "write")
OVER = "It has expired, is unknown, or was refused too often."
OTHER_BROWSER = "It began in another browser, or cookies are switched off."
_SECRET = re.compile(ACCESS_TOKEN)  # handles and cookies have the form of access tokens


class Consent:
    """The consent page, and the callback of the OpenID provider."""

    def __init__(
        self,
        provider: Provider,
        store: Callable[[], Awaitable[OAuthStore]],
        tokens: Callable[[], Awaitable[Tokens]],
        openid: OpenIdProvider | None,
    ) -> None:
        self._provider, self._store, self._tokens, self._openid = provider, store, tokens, openid
        self._secure = provider.public_url.startswith("https:")
        # Browsers accept a name with __Host- only over TLS, and never from a neighbouring domain.
        self._cookie = "__Host-claude-memory-sign-in" if self._secure else "claude-memory-sign-in"

    async def show(self, request: Request) -> Response:
        """Show who asks for what; ask who the user is or, once that is proved, whether they allow it."""
        handle = request.query_params.get("request", "")
        sign_in = await self._sign_in(handle)
        if sign_in is None:
            return problem_page(OVER, 400)
        browser = self._browser(request) or new_token()
        if sign_in.user is None:
            response = proof_page(await self._asking(sign_in, handle, browser), self._openid_name)
        elif sign_in.browser_digest != digest(browser):
            return problem_page(OTHER_BROWSER, 403)
        else:
            response = consent_page(await self._asking(sign_in, handle, browser), sign_in.user)
        response.set_cookie(
            self._cookie,
            browser,
            max_age=int(REQUEST_LIFETIME.total_seconds()),
            secure=self._secure,
            httponly=True,
            samesite="lax",  # with `strict`, browsers would not send it when the OpenID provider redirects here
        )
        return response

    async def decide(self, request: Request) -> Response:
        """Handle one of the page's forms."""
        form = {name: value for name, value in (await request.form()).items() if isinstance(value, str)}
        handle, browser = form.get("request", ""), self._browser(request)
        sent = form.get("form_token", "").encode()
        if browser is None or not hmac.compare_digest(sent, _derived(browser, "form", handle).encode()):
            return problem_page(OTHER_BROWSER, 403)
        sign_in = await self._sign_in(handle)
        if sign_in is None:
            return problem_page(OVER, 400)
        action = form.get("action")
        if action == "deny":
            await (await self._store()).sign_ins.deny(digest(handle))
            self._provider.count("denied")
            return self._back(sign_in, error="access_denied")
        if action == "allow":
            return await self._allow(sign_in, handle, browser)
        if action == "openid" and self._openid is not None:
            return await self._to_openid(self._openid, sign_in, handle, browser)
        return await self._by_token(sign_in, handle, browser, form.get("token", "").strip())

    async def openid_callback(self, request: Request) -> Response:
        """Handle the user's return from the OpenID provider."""
        handle, _, sent = request.query_params.get("state", "").rpartition(".")
        browser = self._browser(request)
        if self._openid is None:
            return problem_page("This server has no OpenID provider.", 404)
        if browser is None or not hmac.compare_digest(sent.encode(), _derived(browser, "state", handle).encode()):
            return problem_page(OTHER_BROWSER, 403)
        sign_in = await self._sign_in(handle)
        if sign_in is None:
            return problem_page(OVER, 400)
        code = request.query_params.get("code")
        if not code:
            return await self._ask_again(sign_in, handle, browser, f"{self._openid.name} did not sign you in.")
        try:
            user = await self._openid.user(
                code,
                nonce=_derived(browser, "nonce", handle),
                verifier=_derived(browser, "verifier", handle),
                iss=request.query_params.get("iss"),
            )
        except MemoryServerError as error:
            await (await self._store()).sign_ins.note_wrong_proof(digest(handle))
            self._provider.count("wrong_proof")
            return await self._ask_again(sign_in, handle, browser, str(error), error.status)
        return await self._proved(sign_in, handle, browser, Proof(user=user, scopes=OPENID_SCOPES, token_id=None))

    @property
    def _openid_name(self) -> str | None:
        return None if self._openid is None else self._openid.name

    def _browser(self, request: Request) -> str | None:
        value = request.cookies.get(self._cookie, "")
        return value if _SECRET.fullmatch(value) else None

    async def _sign_in(self, handle: str) -> SignIn | None:
        return await (await self._store()).sign_ins.get(digest(handle)) if _SECRET.fullmatch(handle) else None

    async def _asking(self, sign_in: SignIn, handle: str, browser: str) -> ConsentRequest:
        client = await self._provider.get_client(sign_in.client_id)
        return ConsentRequest(
            client=visible((client and client.client_name) or "") or UNNAMED,
            redirect_uri=sign_in.redirect_uri,
            scopes=sign_in.scopes or sign_in.asked_scopes,
            server=urlsplit(self._provider.public_url).netloc,
            handle=handle,
            form_token=_derived(browser, "form", handle),
        )

    async def _ask_again(self, sign_in: SignIn, handle: str, browser: str, problem: str, status: int = 403) -> Response:
        return proof_page(await self._asking(sign_in, handle, browser), self._openid_name, problem, status)

    async def _by_token(self, sign_in: SignIn, handle: str, browser: str, secret: str) -> Response:
        token = await (await self._tokens()).find_made_by_hand(digest(secret)) if _SECRET.fullmatch(secret) else None
        if token is None:
            await (await self._store()).sign_ins.note_wrong_proof(digest(handle))
            self._provider.count("wrong_proof")
            return await self._ask_again(
                sign_in, handle, browser, "This access token is unknown, expired or revoked. Nothing was allowed."
            )
        proof = Proof(user=token.user, scopes=token.scopes, token_id=token.id)
        return await self._proved(sign_in, handle, browser, proof)

    async def _proved(self, sign_in: SignIn, handle: str, browser: str, proof: Proof) -> Response:
        """Bind the sign-in to the user and the browser, with the requested scopes that the user may give."""
        scopes = tuple(scope for scope in sign_in.asked_scopes if scope in proof.scopes)
        if not scopes:
            asked, has = " ".join(sign_in.asked_scopes), " ".join(proof.scopes)
            problem = f"The application asks for {asked}, but you can only give {has}."
            return await self._ask_again(sign_in, handle, browser, problem)
        bound = Proof(user=proof.user, scopes=scopes, token_id=proof.token_id)
        await (await self._store()).sign_ins.prove(digest(handle), bound, digest(browser))
        return _see_other(f"{self._provider.public_url}{CONSENT}?request={quote(handle)}")

    async def _allow(self, sign_in: SignIn, handle: str, browser: str) -> Response:
        code = new_token()
        if await (await self._store()).sign_ins.allow(digest(handle), digest(browser), digest(code)) is None:
            return problem_page(OTHER_BROWSER, 403)
        self._provider.count("allowed")
        return self._back(sign_in, code=code)

    async def _to_openid(self, openid: OpenIdProvider, sign_in: SignIn, handle: str, browser: str) -> Response:
        try:
            url = await openid.authorization_url(
                state=f"{handle}.{_derived(browser, 'state', handle)}",
                nonce=_derived(browser, "nonce", handle),
                verifier=_derived(browser, "verifier", handle),
            )
        except MemoryServerError as error:
            return await self._ask_again(sign_in, handle, browser, str(error), error.status)
        return _see_other(url)

    def _back(self, sign_in: SignIn, **answer: str) -> Response:
        """Redirect the user to the client, with the client's state and our issuer (RFC 9207)."""
        if sign_in.state is not None:
            answer["state"] = sign_in.state
        return _see_other(with_query(sign_in.redirect_uri, **answer, iss=self._provider.public_url))


def with_query(uri: str, **more: str) -> str:
    """Return an address with parameters added to its query."""
    return f"{uri}{'&' if '?' in uri else '?'}{urlencode(more)}"


def _derived(browser: str, purpose: str, handle: str) -> str:
    """Return 64 characters that only the holder of the browser's cookie can know, for one purpose and one sign-in."""
    return hmac.new(browser.encode(), f"{purpose}:{handle}".encode(), hashlib.sha256).hexdigest()


def _see_other(url: str) -> Response:
    return RedirectResponse(url, 303, {"cache-control": "no-store", "referrer-policy": "no-referrer"})
