"""Proving who one is at an OpenID provider: the whole way, and every way in which its answer may not be believed."""

from __future__ import annotations

import base64
import time
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from app.errors import Unavailable
from app.serve.oauth import openid
from app.serve.oauth.openid import OpenIdProvider, SignInRefused
from app.settings.fields import Settings
from tests.standins.openid import CLIENT_ID, CLIENT_SECRET, ISSUER, StandInProvider
from tests.support.oauth_deployment import Deploy, Deployment
from tests.support.sign_in import Forms, Http, pkce, problem, query

SETTINGS: dict[str, Any] = {
    "openid_issuer": ISSUER,
    "openid_client_id": CLIENT_ID,
    "openid_client_secret": CLIENT_SECRET,
    "openid_allowed_users": ["@example.com"],
}


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> StandInProvider:
    provider = StandInProvider()
    monkeypatch.setattr(openid, "new_client", lambda: httpx.AsyncClient(transport=provider.transport))
    return provider


@pytest.fixture
async def deployment(deploy: Deploy, provider: StandInProvider) -> Deployment:
    return await deploy(**SETTINGS)


@pytest.fixture
async def http(deployment: Deployment) -> AsyncIterator[Http]:
    async with deployment.browser() as http:
        yield http


async def to_provider(http: Http, consent: str) -> str:
    """Press the button on the consent page; return where the browser is sent."""
    page = await http.get(consent)
    assert "Sign in with <bdi>accounts.example</bdi>" in page.text
    fields = {**Forms(page.text).fields[0], "action": "openid"}
    answer = await http.post("/consent", data=fields)
    assert answer.status_code == 303, answer.text
    assert answer.headers["location"].startswith(f"{ISSUER}/authorize?")
    return str(answer.headers["location"])


async def come_back(http: Http, provider: StandInProvider, **changed: str) -> httpx.Response:
    """Go to the provider and come back with its answer, changed."""
    client = await http.register()
    url = await to_provider(http, await http.begin(client, pkce()[1]))
    return await http.get("/openid/callback", params={**provider.log_in(url), **changed})


@pytest.mark.parametrize("methods", [["client_secret_basic"], ["client_secret_post"]])
async def test_the_provider_says_who_the_user_is(
    deployment: Deployment, http: Http, provider: StandInProvider, methods: list[str]
) -> None:
    provider.auth_methods = methods
    client = await http.register()
    verifier, challenge = pkce()
    url = await to_provider(http, await http.begin(client, challenge, scope="read write admin"))

    proved = await http.get("/openid/callback", params=provider.log_in(url))
    page = await http.get(proved.headers["location"])
    assert "<bdi>ann@example.com</bdi>" in page.text
    allowed = await http.submit(page, "allow")
    tokens = (await http.redeem(client, query(allowed.headers["location"])["code"], verifier)).json()

    assert tokens["scope"] == "read write", "the provider vouches for a name, not for an administrator"
    assert await deployment.opens(tokens["access_token"])
    assert deployment.mcp.scopes[-1]["state"]["scope"].user == "ann@example.com"


@pytest.mark.parametrize(
    ("claims", "says"),
    [
        pytest.param({"nonce": "other"}, "belongs to another sign-in", id="wrong nonce"),
        pytest.param({"nonce": None}, "belongs to another sign-in", id="no nonce"),
        pytest.param({"aud": "another client"}, "is not valid", id="wrong audience"),
        pytest.param({"aud": [CLIENT_ID, "other"], "azp": "other"}, "another client", id="wrong party"),
        pytest.param({"iss": "https://evil.example"}, "is not valid", id="wrong issuer"),
        pytest.param({"exp": 1}, "is not valid", id="expired"),
        pytest.param({"exp": None}, "is not valid", id="never expires"),
        pytest.param({"iat": time.time() + 3_600}, "is not valid", id="from the future"),
        pytest.param({"sub": None}, "is not valid", id="no subject"),
        pytest.param({"email_verified": False}, "has not verified", id="address not verified"),
        pytest.param({"email_verified": None}, "has not verified", id="address perhaps verified"),
        pytest.param({"email": None}, "did not send a valid claim 'email'", id="no address"),
        pytest.param({"email": "a\x00@example.com"}, "did not send a valid claim", id="NUL in the name"),
        pytest.param({"email": "\ud800@example.com"}, "did not send a valid claim", id="surrogate in the name"),
        pytest.param({"email": "a\x9b@example.com"}, "did not send a valid claim", id="C1 in the name"),
        pytest.param({"email": "\u202ea@example.com"}, "did not send a valid claim", id="turned name"),
        pytest.param({"email": ["ann@example.com"]}, "did not send a valid claim", id="list of names"),
        pytest.param({"email": "ann@evil.example"}, "not among those", id="another domain"),
        pytest.param({"email": "ann@notexample.com"}, "not among those", id="a domain that ends alike"),
    ],
)
async def test_what_does_not_hold_lets_nobody_in(
    deployment: Deployment, http: Http, provider: StandInProvider, claims: dict[str, Any], says: str
) -> None:
    provider.claims |= claims

    page = await come_back(http, provider)

    assert page.status_code == 403
    assert says in page.text.replace("&#x27;", "'")


DEEP = b"[" * 100_000
HUGE = b'{"id_token": ' + b"9" * 5_000 + b"}"
SURROGATE = b'{"id_token": "\\ud800.\\udfff.x", "keys": [{"kty": "\\ud800"}], "issuer": "\\ud800"}'
NO_KEYS = (
    b'{"keys": [1, {"kty": []}, {"kty": "RSA", "kid": []}, {"kty": "RSA", "n": 1}, {"kty": "RSA", "n": "\\ud800"}]}'
)
DEEP_TOKEN = b'{"id_token": "' + base64.urlsafe_b64encode(b'{"alg":' + DEEP[:30_000]).rstrip(b"=") + b'.e30.x"}'


@pytest.mark.parametrize("path", ["/.well-known/openid-configuration", "/token", "/keys"])
@pytest.mark.parametrize(
    "body",
    [
        pytest.param(DEEP, id="deep"),
        pytest.param(HUGE, id="huge number"),
        pytest.param(SURROGATE, id="surrogates"),
        pytest.param(NO_KEYS, id="keys that are none"),
        pytest.param(DEEP_TOKEN, id="deep token"),
        pytest.param(b'{"id_token": "a.b.c", "keys": {"a": 1}, "issuer": 1}', id="other types"),
        pytest.param(b'{"a": "' + b"x" * 300_000 + b'"}', id="endless"),
        pytest.param(b"\xff\xfe{", id="no text"),
        pytest.param(b"[]", id="no object"),
    ],
)
async def test_a_broken_answer_of_the_provider_is_one_plain_line(
    provider: StandInProvider, path: str, body: bytes
) -> None:
    """Whatever it sends, and from whichever of its addresses."""
    asked = OpenIdProvider(Settings(_env_file=None, public_url="https://memory.example", auth="required", **SETTINGS))
    verifier = "v" * 64
    back = provider.log_in(await asked.authorization_url("state", "nonce", verifier))
    asked = OpenIdProvider(Settings(_env_file=None, public_url="https://memory.example", auth="required", **SETTINGS))
    provider.broken[path] = body

    with pytest.raises((SignInRefused, Unavailable), match=r"^[ -~]{20,160}; (try again|start again|check \w+)$"):
        await asked.user(back["code"], "nonce", verifier, back["iss"])


@pytest.mark.parametrize("name", ["authorization_endpoint", "token_endpoint", "jwks_uri"])
@pytest.mark.parametrize(
    "address", ["javascript:alert(1)", "https://a@evil.example/", "http://accounts.example/", "https://a\nb/", None, 1]
)
async def test_the_provider_sends_users_and_us_to_sound_addresses_only(
    http: Http, provider: StandInProvider, name: str, address: object
) -> None:
    provider.configuration[name] = address
    page = await http.get(await http.begin(await http.register(), pkce()[1]))

    answer = await http.post("/consent", data={**Forms(page.text).fields[0], "action": "openid"})

    assert answer.status_code == 503
    assert name in problem(answer)


async def test_a_provider_that_always_names_itself_must_do_so(http: Http, provider: StandInProvider) -> None:
    provider.configuration["authorization_response_iss_parameter_supported"] = True
    url = await to_provider(http, await http.begin(await http.register(), pkce()[1]))
    back = provider.log_in(url)
    del back["iss"]

    assert "did not come from" in problem(await http.get("/openid/callback", params=back))


async def test_a_signature_by_another_key_lets_nobody_in(http: Http, provider: StandInProvider) -> None:
    provider.signed_with = (rsa.generate_private_key(public_exponent=65537, key_size=2048), "RS256")

    assert "is not valid" in problem(await come_back(http, provider))


@pytest.mark.parametrize("algorithm", ["none", "HS256"])
async def test_a_token_without_a_signature_by_a_key_pair_lets_nobody_in(
    http: Http, provider: StandInProvider, algorithm: str
) -> None:
    provider.signed_with = (None if algorithm == "none" else "s" * 32, algorithm)

    assert "is not valid" in problem(await come_back(http, provider))


async def test_a_key_that_is_new_is_asked_for_but_not_for_every_token(
    deployment: Deployment, http: Http, provider: StandInProvider
) -> None:
    assert (await come_back(http, provider)).status_code == 303
    provider.kid = "two"
    assert "the provider does not publish its key" in problem(await come_back(http, provider))
    assert provider.asked.count("/keys") == 1
    deployment.clock += 30

    assert (await come_back(http, provider)).status_code == 303
    assert provider.asked.count("/.well-known/openid-configuration") == 1


async def test_a_key_that_was_withdrawn_is_taken_only_as_long_as_keys_are_kept(
    deployment: Deployment, http: Http, provider: StandInProvider
) -> None:
    assert (await come_back(http, provider)).status_code == 303
    provider.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)  # published under the same name

    assert (await come_back(http, provider)).status_code == 303
    assert provider.asked.count("/keys") == 1
    deployment.clock += 3_600
    assert "is not valid" in problem(await come_back(http, provider))

    provider.signed_with = (provider.key, "RS256")
    assert (await come_back(http, provider)).status_code == 303


async def test_keys_that_cannot_be_asked_for_again_let_nobody_in(
    deployment: Deployment, http: Http, provider: StandInProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (await come_back(http, provider)).status_code == 303
    deployment.clock += 3_600
    monkeypatch.setattr(provider, "_keys", lambda _: httpx.Response(500, json={}))

    assert "gave an invalid answer (status 500)" in problem(await come_back(http, provider))


@pytest.mark.parametrize("changed", [{"state": "x"}, {"state": ""}])
async def test_an_answer_nobody_asked_for_is_refused(
    http: Http, provider: StandInProvider, changed: dict[str, Any]
) -> None:
    page = await come_back(http, provider, **changed)

    assert page.status_code == 403
    assert "/token" not in provider.asked


async def test_an_answer_in_another_browser_is_refused(
    deployment: Deployment, http: Http, provider: StandInProvider
) -> None:
    url = await to_provider(http, await http.begin(await http.register(), pkce()[1]))
    async with deployment.browser() as other:
        page = await other.get("/openid/callback", params=provider.log_in(url))

    assert page.status_code == 403
    assert "/token" not in provider.asked


async def test_an_answer_of_another_issuer_is_refused(http: Http, provider: StandInProvider) -> None:
    page = await come_back(http, provider, iss="https://evil.example")

    assert "did not come from accounts.example" in problem(page)
    assert "/token" not in provider.asked


async def test_a_code_of_the_provider_that_it_does_not_know_is_refused(http: Http, provider: StandInProvider) -> None:
    assert "refused (status 400)" in problem(await come_back(http, provider, code="made up"))


async def test_who_did_not_sign_in_there_may_try_again(http: Http, provider: StandInProvider) -> None:
    client = await http.register()
    url = await to_provider(http, await http.begin(client, pkce()[1]))
    state = query(url)["state"]

    page = await http.get("/openid/callback", params={"error": "access_denied", "state": state})

    assert problem(page) == "accounts.example did not sign you in."
    assert "Sign in with" in page.text


async def test_a_provider_that_is_down_is_named_and_the_token_still_works(
    deployment: Deployment, http: Http, provider: StandInProvider
) -> None:
    provider.down = True
    token, _ = await deployment.token()
    client = await http.register()
    consent = await http.begin(client, pkce()[1])
    page = await http.get(consent)

    answer = await http.post("/consent", data={**Forms(page.text).fields[0], "action": "openid"})

    assert (answer.status_code, problem(answer)) == (
        503,
        "accounts.example does not answer (ConnectError); try again",
    )
    await http.allow(consent, token)


async def test_a_provider_that_calls_itself_something_else_is_refused(http: Http, provider: StandInProvider) -> None:
    provider.issuer = "https://evil.example"
    page = await http.get(await http.begin(await http.register(), pkce()[1]))

    answer = await http.post("/consent", data={**Forms(page.text).fields[0], "action": "openid"})

    assert "check OPENID_ISSUER" in problem(answer)


async def test_an_issuer_with_a_slash_at_its_end_is_taken(http: Http, provider: StandInProvider) -> None:
    provider.issuer = f"{ISSUER}/"

    assert (await come_back(http, provider)).status_code == 303


async def test_without_a_provider_there_is_no_way_back_from_one(deploy: Deploy) -> None:
    deployment = await deploy()
    async with deployment.browser() as http:
        assert (await http.get("/openid/callback?code=x&state=y")).status_code == 404
        page = await http.get(await http.begin(await http.register(), pkce()[1]))
        assert "Sign in with" not in page.text
