"""ID tokens: what makes one not valid for us. The way to one is in test_openid.py."""

from __future__ import annotations

import json
import time
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from app.serve.oauth.id_token import InvalidIdToken, claims_of, key_id, usable_keys

CLIENT_ID = "us"
ISSUER = "https://accounts.example"
NONCE = "n" * 64
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PUBLISHED = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(KEY.public_key()))


def claims(**changed: Any) -> dict[str, Any]:
    """Return the claims of a token for us; those that are None are left out."""
    now = int(time.time())
    right = {"iss": ISSUER, "aud": CLIENT_ID, "sub": "1", "iat": now, "exp": now + 300, "nonce": NONCE}
    return {name: value for name, value in {**right, **changed}.items() if value is not None}


def signed(payload: dict[str, Any]) -> str:
    """Return a token of the provider; JSON in it may be what PyJWT does not write."""
    return jwt.api_jws.encode(json.dumps(payload).encode(), KEY, algorithm="RS256", headers={"kid": "one"})


def verified(token: str) -> dict[str, Any]:
    """Return the claims of a token that one key may have signed."""
    return claims_of(token, jwt.PyJWK(PUBLISHED), client_id=CLIENT_ID, issuer=ISSUER, nonce=NONCE)


@pytest.mark.parametrize(
    "changed", [{}, {"azp": CLIENT_ID}, {"aud": [CLIENT_ID]}, {"aud": ["other", CLIENT_ID], "azp": CLIENT_ID}]
)
def test_a_token_for_us_is_valid(changed: dict[str, Any]) -> None:
    assert verified(signed(claims(**changed)))["sub"] == "1"


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        pytest.param({"aud": [CLIENT_ID, "other"]}, "does not say for which", id="two audiences, no party"),
        pytest.param({"aud": [CLIENT_ID], "azp": "other"}, "another client", id="one audience, wrong party"),
        pytest.param({"azp": [CLIENT_ID]}, "another client", id="a list of parties"),
        pytest.param({"azp": ""}, "another client", id="an empty party"),
        pytest.param({"aud": []}, "is not valid", id="no audience"),
        pytest.param({"aud": [CLIENT_ID, 1], "azp": CLIENT_ID}, "is not valid", id="an audience that is none"),
        pytest.param({"aud": {CLIENT_ID: 1}}, "is not valid", id="an object of audiences"),
        pytest.param({"nonce": ["x"]}, "belongs to another sign-in", id="a list of nonces"),
        pytest.param({"nonce": "\ud800"}, "belongs to another sign-in", id="a surrogate as nonce"),
        pytest.param({"iat": time.time() - 86_400}, "is not valid", id="made yesterday"),
        pytest.param({"iat": -1e300}, "is not valid", id="made long ago"),
        pytest.param({"exp": float("inf")}, "is not valid", id="infinite end"),
        pytest.param({"exp": float("nan")}, "is not valid", id="an end that is none"),
        pytest.param({"iat": float("inf")}, "is not valid", id="infinitely late"),
        pytest.param({"nbf": float("inf")}, "is not valid", id="never valid"),
        pytest.param({"exp": {}}, "is not valid", id="an end of another type"),
    ],
)
def test_a_token_that_does_not_hold_is_not_valid(changed: dict[str, Any], says: str) -> None:
    with pytest.raises(InvalidIdToken, match=says):
        verified(signed(claims(**changed)))


@pytest.mark.parametrize(("key", "algorithm"), [(None, "none"), ("s" * 64, "HS256"), (PUBLISHED["n"], "HS512")])
def test_only_the_providers_key_pair_signs(key: str | None, algorithm: str) -> None:
    with pytest.raises(InvalidIdToken, match="is not valid"):
        verified(jwt.encode(claims(), key or "", algorithm=algorithm))


@pytest.mark.parametrize("token", ["", "a.b.c", "\ud800.x.y", "..", "x" * 100_000, "eyJraWQiOltdfQ.e30.x"])
def test_a_text_that_is_no_token_names_no_key(token: str) -> None:
    with pytest.raises(InvalidIdToken, match="is not valid"):
        key_id(token)


def test_a_key_for_something_else_or_of_two_sides_signs_nothing() -> None:
    secret = json.loads(jwt.algorithms.HMACAlgorithm.to_jwk("s" * 64))
    published = [{**secret, "kid": "a"}, {**PUBLISHED, "use": "enc"}, {**PUBLISHED, "kid": "b", "alg": "HS256"}]

    assert usable_keys({"keys": published}) == {}
    assert set(usable_keys({"keys": [*published, {**PUBLISHED, "kid": "c", "use": "sig"}]})) == {"c"}
