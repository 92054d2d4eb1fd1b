"""A browser and a client for sign-ins, as plain HTTP: follows nothing by itself, so that tests see every answer."""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx

REDIRECT = "https://app.example/callback"
_PATIENCE_S = 30.0


def pkce() -> tuple[str, str]:
    """Return (verifier, challenge)."""
    verifier = secrets.token_urlsafe(48)
    return verifier, base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")


def query(url: str) -> dict[str, str]:
    """Return the query of an address; each name may come once."""
    found = parse_qs(urlsplit(url).query, keep_blank_values=True, strict_parsing=True)
    assert all(len(values) == 1 for values in found.values()), url
    return {name: values[0] for name, values in found.items()}


class Forms(HTMLParser):
    """The forms of a page, each with its fields."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.fields: list[dict[str, str]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attributes}
        if tag == "form":
            self.fields.append({})
        elif tag == "input":
            self.fields[-1][given["name"]] = given.get("value", "")


class Http:
    """Requests to a server, with the cookies of one browser."""

    def __init__(self, base_url: str, app: Any = None, **more: Any) -> None:
        """app: an ASGI application that is called in process."""
        transport = httpx.ASGITransport(app, raise_app_exceptions=False) if app is not None else None
        self.client = httpx.AsyncClient(base_url=base_url, transport=transport, timeout=_PATIENCE_S, **more)

    async def __aenter__(self) -> Http:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.client.aclose()

    async def get(self, url: str, **more: Any) -> httpx.Response:
        """Send a GET."""
        return await self.client.get(url, **more)

    async def post(self, url: str, **more: Any) -> httpx.Response:
        """Send a POST."""
        return await self.client.post(url, **more)

    async def register(self, **metadata: Any) -> dict[str, Any]:
        """Register a public client and return what it was told."""
        body = {
            "client_name": "Tester",
            "redirect_uris": [REDIRECT],
            "token_endpoint_auth_method": "none",
            "grant_types": ["authorization_code", "refresh_token"],
            "response_types": ["code"],
            **metadata,
        }
        answer = await self.post("/register", json=body)
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    async def authorize(self, client: dict[str, Any], code_challenge: str | None, **more: str | None) -> httpx.Response:
        """Ask to be let in; a parameter that is None is left out."""
        parameters = {
            "response_type": "code",
            "client_id": client["client_id"],
            "redirect_uri": REDIRECT,
            "code_challenge": code_challenge,
            "code_challenge_method": "S256",
            "state": "xyz",
            **more,
        }
        return await self.get("/authorize", params={name: value for name, value in parameters.items() if value})

    async def begin(self, client: dict[str, Any], challenge: str, **more: str | None) -> str:
        """Ask to be let in and return the address of the consent page."""
        answer = await self.authorize(client, challenge, **more)
        assert answer.status_code == 302, answer.text
        location = answer.headers["location"]
        assert urlsplit(location).path == "/consent", location
        return str(location)

    async def submit(self, page: httpx.Response, action: str, **more: str) -> httpx.Response:
        """Send the last form of a page."""
        origin = {"origin": str(self.client.base_url).rstrip("/")}
        fields = {**Forms(page.text).fields[-1], "action": action, **more}
        return await self.post("/consent", data=fields, headers=origin)

    async def allow(self, consent: str, token: str) -> str:
        """Prove who the user is with a token, allow, and return where the client is called back."""
        proved = await self.submit(await self.get(consent), "token", token=token)
        assert proved.status_code == 303, proved.text
        allowed = await self.submit(await self.get(proved.headers["location"]), "allow")
        assert allowed.status_code == 303, allowed.text
        return str(allowed.headers["location"])

    async def code(self, client: dict[str, Any], token: str, **more: str | None) -> tuple[str, str]:
        """Go all the way to a code; return it with the verifier."""
        verifier, challenge = pkce()
        back = await self.allow(await self.begin(client, challenge, **more), token)
        return query(back)["code"], verifier

    async def redeem(self, client: dict[str, Any], code: str, verifier: str, **more: str) -> httpx.Response:
        """Exchange a code."""
        form = {
            "grant_type": "authorization_code",
            "client_id": client["client_id"],
            "code": code,
            "code_verifier": verifier,
            "redirect_uri": REDIRECT,
            **more,
        }
        return await self.post("/token", data=form)

    async def refresh(self, client: dict[str, Any], refresh_token: str, **more: str) -> httpx.Response:
        """Exchange a refresh token."""
        form = {"grant_type": "refresh_token", "client_id": client["client_id"], "refresh_token": refresh_token, **more}
        return await self.post("/token", data=form)

    async def sign_in(self, client: dict[str, Any], token: str, **more: str | None) -> dict[str, Any]:
        """Go all the way to tokens."""
        answer = await self.redeem(client, *await self.code(client, token, **more))
        assert answer.status_code == 200, answer.text
        return dict(answer.json())


def problem(page: httpx.Response) -> str:
    """Return the line in which a page says what is wrong."""
    found = re.search(r'role="alert"><bdi>(.*?)</bdi>', page.text)
    assert found is not None, page.text
    return found[1]
