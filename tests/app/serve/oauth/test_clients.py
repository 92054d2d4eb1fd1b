"""Registered clients: where users may be sent back to, secrets, what is refused."""

from __future__ import annotations

import asyncio
import base64
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from tests.support.oauth_deployment import Deployment
from tests.support.sign_in import REDIRECT, Http, pkce, query


@pytest.mark.parametrize(
    "redirect",
    [
        "https://evil.example/callback",
        "https://app.example/callback/",
        "https://app.example/callback/../evil",
        "https://app.example/callback?next=https://evil.example",
        "https://app.example/callback#x",
        "https://app.example:444/callback",
        "http://app.example/callback",
        "https://app.example@evil.example/callback",
        "https://app.example.evil.example/callback",
        "//evil.example/callback",
        "javascript:alert(1)",
        "not an address",
    ],
)
@pytest.mark.parametrize("wrong", [{}, {"response_type": "token"}, {"scope": "nothing"}, {"code_challenge": None}])
async def test_nobody_is_sent_to_an_address_that_was_not_registered(
    http: Http, redirect: str, wrong: dict[str, Any]
) -> None:
    asked = {"code_challenge": pkce()[1], "redirect_uri": redirect, **wrong}

    answer = await http.authorize(await http.register(), **asked)

    assert answer.status_code == 400
    assert "location" not in answer.headers
    assert answer.headers["content-type"].startswith("text/html")
    assert "evil" not in answer.text or "<bdi>" in answer.text


@pytest.mark.parametrize("name", ["client_id", "redirect_uri", "code_challenge", "state"])
async def test_a_request_that_names_a_parameter_twice_is_refused(http: Http, name: str) -> None:
    consent = await http.authorize(await http.register(), pkce()[1])
    asked = httpx.QueryParams(consent.request.url.query)

    answer = await http.get("/authorize", params=asked.add(name, asked[name]))

    assert (consent.status_code, answer.status_code) == (302, 400)
    assert "location" not in answer.headers


@pytest.mark.parametrize(
    "body",
    [
        "[" * 60_000,
        '{"redirect_uris":' + "[" * 60_000,
        f'{{"redirect_uris": ["{REDIRECT}"], "client_name": "\\ud800"}}',
        f'{{"redirect_uris": ["{REDIRECT}"], "jwks": {{"n": {"9" * 5_000}}}}}',
        f'{{"redirect_uris": ["{REDIRECT}"], "jwks": {"[" * 300}{"]" * 300}}}',
        f'{{"redirect_uris": [{"9" * 5_000}]}}',
        '{"redirect_uris": {"a": 1}}',
        "[]",
    ],
    ids=lambda body: body[:60],
)
async def test_a_registration_that_is_no_sound_json_is_refused(http: Http, body: str) -> None:
    answer = await http.post("/register", content=body)

    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_client_metadata")


async def test_a_program_on_the_users_machine_may_listen_at_any_port(http: Http) -> None:
    client = await http.register(redirect_uris=["http://127.0.0.1:1/cb", "http://localhost/x", "http://[::1]:2/y"])
    _, challenge = pkce()

    for redirect in ("http://127.0.0.1:53123/cb", "http://localhost:9/x", "http://[::1]/y", "http://127.0.0.1/cb"):
        await http.begin(client, challenge, redirect_uri=redirect)
    for redirect in (
        "http://127.0.0.1:53123/other",
        "http://127.0.0.2/cb",
        "http://localhost:53123/cb",
        "http://good.example@127.0.0.1/cb",
        "http://127.0.0.1\\cb",
        "http://127.0.0.1/cb#",
        "http://127.1/cb",
    ):
        assert (await http.authorize(client, challenge, redirect_uri=redirect)).status_code == 400


async def test_the_one_registered_address_need_not_be_named(deployment: Deployment, http: Http) -> None:
    token, _ = await deployment.token()
    client = await http.register()
    verifier, challenge = pkce()

    back = await http.allow(await http.begin(client, challenge, redirect_uri=None), token)
    form = {"grant_type": "authorization_code", "client_id": client["client_id"], "code_verifier": verifier}
    answer = await http.post("/token", data={**form, "code": query(back)["code"]})

    assert answer.status_code == 200


@pytest.mark.parametrize("how", ["client_secret_post", "client_secret_basic"])
async def test_a_client_with_a_secret_must_show_it(deployment: Deployment, http: Http, how: str) -> None:
    token, _ = await deployment.token()
    client = await http.register(token_endpoint_auth_method=how)
    code, verifier = await http.code(client, token)
    form = {"grant_type": "authorization_code", "code": code, "code_verifier": verifier, "redirect_uri": REDIRECT}

    def basic(secret: str) -> dict[str, str]:
        pair = f"{quote(client['client_id'])}:{quote(secret)}"
        return {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode()}

    for wrong in ({}, {"client_secret": "wrong"}):
        refused = await http.post("/token", data={**form, "client_id": client["client_id"], **wrong})
        assert (refused.status_code, refused.json()["error"]) == (401, "invalid_client")
    for headers in (basic("wrong"), {"Authorization": "Basic ///"}):
        assert (await http.post("/token", data=form, headers=headers)).status_code == 401
    if how == "client_secret_basic":
        good = await http.post("/token", data=form, headers=basic(client["client_secret"]))
    else:
        secret = {"client_id": client["client_id"], "client_secret": client["client_secret"]}
        good = await http.post("/token", data={**form, **secret})
    assert good.status_code == 200, good.text


@pytest.mark.parametrize(
    ("metadata", "error"),
    [
        pytest.param({"redirect_uris": []}, "invalid_client_metadata", id="no address"),
        pytest.param({"redirect_uris": ["http://app.example/cb"]}, "invalid_redirect_uri", id="no TLS"),
        pytest.param({"redirect_uris": ["javascript:alert(1)"]}, "invalid_redirect_uri", id="script"),
        pytest.param({"redirect_uris": ["cursor://x/callback"]}, "invalid_redirect_uri", id="a scheme of its own"),
        pytest.param({"redirect_uris": ["https://a@b.example/"]}, "invalid_redirect_uri", id="user in address"),
        pytest.param({"redirect_uris": ["https://b.example\\@c.example"]}, "invalid_redirect_uri", id="backslash"),
        pytest.param({"redirect_uris": [REDIRECT, "https://b.example/\t"]}, "invalid_redirect_uri", id="tab"),
        pytest.param({"redirect_uris": ["https://b.example/\u0430"]}, "invalid_redirect_uri", id="letters"),
        pytest.param({"redirect_uris": ["https://b.example/#x"]}, "invalid_redirect_uri", id="fragment"),
        pytest.param({"redirect_uris": [REDIRECT] * 11}, "invalid_redirect_uri", id="many addresses"),
        pytest.param({"client_name": "x" * 101}, "invalid_client_metadata", id="endless name"),
        pytest.param({"client_name": "a\x00b"}, "invalid_client_metadata", id="NUL in name"),
        pytest.param({"software_id": "a\x00b"}, "invalid_client_metadata", id="NUL elsewhere"),
        pytest.param({"jwks": {"keys": ["x" * 17_000]}}, "invalid_client_metadata", id="much"),
        pytest.param({"grant_types": ["password"]}, "invalid_client_metadata", id="another grant"),
        pytest.param({"token_endpoint_auth_method": "private_key_jwt"}, "invalid_client_metadata", id="no secret"),
    ],
)
async def test_a_wrong_registration_is_refused_with_the_reason(
    http: Http, metadata: dict[str, Any], error: str
) -> None:
    answer = await http.post("/register", json={"redirect_uris": [REDIRECT], **metadata})

    assert (answer.status_code, answer.json()["error"]) == (400, error)
    assert answer.json()["error_description"]
    assert answer.headers["cache-control"] == "no-store"


async def test_two_registrations_at_once_both_work(deployment: Deployment, http: Http) -> None:
    token, _ = await deployment.token()

    clients = await asyncio.gather(http.register(), http.register())

    assert clients[0]["client_id"] != clients[1]["client_id"]
    for client in clients:
        assert await deployment.opens((await http.sign_in(client, token))["access_token"])


async def test_a_client_that_was_never_allowed_expires(deployment: Deployment, http: Http) -> None:
    token, _ = await deployment.token()
    used, unused = await http.register(), await http.register()
    await http.sign_in(used, token)
    await deployment.execute("update oauth_clients set expires_at = now()")

    assert (await http.redeem(unused, "x", "y")).json()["error"] == "invalid_client"
    assert (await http.authorize(unused, pkce()[1])).status_code == 400
    await http.begin(used, pkce()[1])
