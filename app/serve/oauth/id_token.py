"""Decides whether an ID token of the OpenID provider is valid for us (OpenID Connect Core, 3.1.3.7).

PyJWT verifies it against the provider's published keys; only signatures by key pairs are accepted, so neither `none`
nor a signature with the client secret passes. What the provider sends is foreign text: whatever is in it, the answer is
InvalidIdToken, never another error.
"""

from __future__ import annotations

import hmac
import time
from typing import Any

import jwt

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
_LEEWAY_S = 60  # between the provider's clock and ours
_ISSUED_WITHIN_S = 900  # a token is made while the user waits: for as long as a sign-in may take
_LIMIT_CHARACTERS = 65_536


class InvalidIdToken(Exception):
    """An ID token or a key is not acceptable; the message continues "the ID token of …"."""


def key_id(token: str) -> str | None:
    """Return the id of the key that a token says it is signed with. Raises InvalidIdToken."""
    if not token.isascii() or len(token) > _LIMIT_CHARACTERS:
        raise InvalidIdToken("is not valid: not a token")
    try:
        kid = jwt.get_unverified_header(token).get("kid")
    except (jwt.PyJWTError, ValueError, RecursionError) as error:
        raise InvalidIdToken(f"is not valid: {_reason(error)}") from None
    return None if kid is None else str(kid)


def usable_keys(published: dict[str, Any]) -> dict[str | None, jwt.PyJWK]:
    """Return the keys of a key set (RFC 7517) that may sign ID tokens, by their ids."""
    keys = published.get("keys")
    found: dict[str | None, jwt.PyJWK] = {}
    for data in keys if isinstance(keys, list) else ():
        if not isinstance(data, dict) or not all(
            isinstance(value, str) for value in map(data.get, ("kty", "kid")) if value
        ):
            continue
        if data.get("use", "sig") != "sig":
            continue
        try:
            key = jwt.PyJWK(data)
        except (jwt.PyJWTError, ValueError, TypeError, AttributeError, KeyError):
            continue  # of a kind that we do not know, or damaged: a token that needs it is refused
        if key.algorithm_name in ALGORITHMS:
            found[data.get("kid")] = key
    return found


def claims_of(token: str, key: jwt.PyJWK, *, client_id: str, issuer: str, nonce: str) -> dict[str, Any]:
    """Return a token's claims, after checking signature, issuer, audience, times and nonce. Raises InvalidIdToken."""
    try:
        claims: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=ALGORITHMS,
            audience=client_id,
            issuer=issuer,
            leeway=_LEEWAY_S,
            options={"require": ["exp", "iat", "aud", "iss", "sub"]},
        )
        issued_ago_s = time.time() - float(claims["iat"])
    except (jwt.PyJWTError, ValueError, TypeError, OverflowError, RecursionError) as error:
        raise InvalidIdToken(f"is not valid: {_reason(error)}") from None
    if issued_ago_s > _ISSUED_WITHIN_S + _LEEWAY_S:
        raise InvalidIdToken("is not valid: it was issued long ago")
    _check_party(claims, client_id)
    given = claims.get("nonce")
    if not (isinstance(given, str) and hmac.compare_digest(given.encode(errors="replace"), nonce.encode())):
        raise InvalidIdToken("belongs to another sign-in")
    return claims


def _check_party(claims: dict[str, Any], client_id: str) -> None:
    """Refuse a token made for another client; with several audiences only `azp` says for which one."""
    audiences = claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]]
    if "azp" not in claims and len(audiences) > 1:
        raise InvalidIdToken("has several audiences and does not say for which of them it was made (azp)")
    if claims.get("azp", client_id) != client_id:
        raise InvalidIdToken("was made for another client")


def _reason(error: BaseException) -> str:
    """Return what is wrong with a token; only PyJWT's own messages are safe to show."""
    return str(error) if isinstance(error, jwt.PyJWTError) else "it cannot be read"
