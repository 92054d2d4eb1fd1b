"""An OpenID Connect provider: discovery, keys, authorization with PKCE, tokens signed with RS256.

It answers as httpx asks (`transport`), so no port is opened. What it says of the user, and how it signs, are its
attributes: a test changes them to what no honest provider would send.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import time
from typing import Any
from urllib.parse import parse_qs, unquote

import httpx
import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

ISSUER = "https://accounts.example"
CLIENT_ID, CLIENT_SECRET = "us", "shared secret"


class StandInProvider:
    """A provider with one client, us."""

    def __init__(self) -> None:
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.issuer = ISSUER
        self.auth_methods = ["client_secret_basic"]
        self.claims: dict[str, Any] = {"sub": "1", "email": "ann@example.com", "email_verified": True}
        self.signed_with: tuple[Any, str] = (self.key, "RS256")
        self.kid = "one"
        self.down = False
        self.configuration: dict[str, Any] = {}  # what else its metadata says, or says otherwise
        self.broken: dict[str, bytes] = {}  # what it answers at a path instead
        self.asked: list[str] = []
        self._codes: dict[str, dict[str, str]] = {}

    @property
    def transport(self) -> httpx.MockTransport:
        """What an httpx client asks in place of the network."""
        return httpx.MockTransport(self.answer)

    def log_in(self, url: str) -> dict[str, str]:
        """Do what a browser and its user do at the authorization endpoint; return what the callback gets."""
        asked = {name: values[0] for name, values in parse_qs(httpx.URL(url).query.decode()).items()}
        assert asked["client_id"] == CLIENT_ID
        assert asked["code_challenge_method"] == "S256"
        assert "openid" in asked["scope"].split()
        code = secrets.token_urlsafe(16)
        self._codes[code] = asked
        return {"code": code, "state": asked["state"], "iss": self.issuer}

    def answer(self, request: httpx.Request) -> httpx.Response:
        """Answer a request of ours."""
        self.asked.append(request.url.path)
        if self.down:
            raise httpx.ConnectError("down", request=request)
        if request.url.path in self.broken:
            return httpx.Response(200, content=self.broken[request.url.path])
        answers = {
            "/.well-known/openid-configuration": self._configuration,
            "/keys": self._keys,
            "/token": self._token,
        }
        return answers[request.url.path](request)

    def _configuration(self, _: httpx.Request) -> httpx.Response:
        return httpx.Response(
            200,
            json={
                "issuer": self.issuer,
                "authorization_endpoint": f"{ISSUER}/authorize",
                "token_endpoint": f"{ISSUER}/token",
                "jwks_uri": f"{ISSUER}/keys",
                "token_endpoint_auth_methods_supported": self.auth_methods,
                **self.configuration,
            },
        )

    def _keys(self, _: httpx.Request) -> httpx.Response:
        key = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self.key.public_key()))
        return httpx.Response(200, json={"keys": [{**key, "kid": self.kid, "use": "sig", "alg": "RS256"}]})

    def _token(self, request: httpx.Request) -> httpx.Response:
        form = {name: values[0] for name, values in parse_qs(request.content.decode()).items()}
        pair = base64.b64decode(request.headers.get("authorization", "Basic ").partition(" ")[2]).decode()
        secret = unquote(pair.partition(":")[2]) or form.get("client_secret")
        asked = self._codes.pop(form["code"], None)
        verifier = base64.urlsafe_b64encode(hashlib.sha256(form["code_verifier"].encode()).digest()).decode()
        if asked is None or secret != CLIENT_SECRET or verifier.rstrip("=") != asked["code_challenge"]:
            return httpx.Response(400, json={"error": "invalid_grant"})
        assert form["redirect_uri"] == asked["redirect_uri"]
        now = int(time.time())
        claims = {"iss": self.issuer, "aud": CLIENT_ID, "iat": now, "exp": now + 300, "nonce": asked["nonce"]}
        told = {name: value for name, value in {**claims, **self.claims}.items() if value is not None}
        key, algorithm = self.signed_with
        token = jwt.encode(told, key, algorithm=algorithm, headers={"kid": self.kid})
        return httpx.Response(200, json={"id_token": token, "access_token": "x", "token_type": "Bearer"})
