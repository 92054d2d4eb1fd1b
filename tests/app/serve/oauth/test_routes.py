"""The endpoints: discovery, errors, registrations, pages of other origins."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.support.oauth_deployment import Deploy, Deployment
from tests.support.sign_in import REDIRECT, Http, pkce, query

PAGE = {"Origin": "https://inspector.example"}  # what a browser says of a page of another origin


async def test_a_client_finds_everything_from_a_refusal(deployment: Deployment, http: Http) -> None:
    refused = await http.post("/mcp")
    assert refused.status_code == 401
    found = re.search(r'resource_metadata="([^"]+)"', refused.headers["www-authenticate"])
    assert found is not None
    where = found[1]
    assert 'scope="read write"' in refused.headers["www-authenticate"]
    assert "error=" not in refused.headers["www-authenticate"], "no token was shown"
    resource = (await http.get(where)).json()
    assert resource["resource"] == "https://memory.example/mcp"
    [issuer] = resource["authorization_servers"]
    server = (await http.get(f"{issuer}/.well-known/oauth-authorization-server")).json()

    assert server["issuer"] == issuer == "https://memory.example"
    assert server["code_challenge_methods_supported"] == ["S256"]
    assert server["authorization_response_iss_parameter_supported"] is True
    assert "none" in server["token_endpoint_auth_methods_supported"]
    assert "client_id_metadata_document_supported" not in server
    client = (await http.post(server["registration_endpoint"], json={"redirect_uris": [REDIRECT]})).json()
    assert client["client_secret"]


@pytest.mark.parametrize("path", ["", "/mcp", "/sse"])
async def test_metadata_is_at_every_address_clients_try(http: Http, path: str) -> None:
    resource = (await http.get(f"/.well-known/oauth-protected-resource{path}")).json()
    server = (await http.get(f"/.well-known/oauth-authorization-server{path}")).json()

    assert resource["resource"] == f"https://memory.example{path}"
    assert server["issuer"] == "https://memory.example"


async def test_a_wrong_token_is_told_apart_from_none_and_sse_has_its_own_metadata(http: Http) -> None:
    refused = await http.get("/sse", headers={"Authorization": "Bearer wrong"})

    assert refused.status_code == 401
    assert 'error="invalid_token"' in refused.headers["www-authenticate"]
    assert '/.well-known/oauth-protected-resource/sse"' in refused.headers["www-authenticate"]


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "DELETE"])
async def test_whatever_a_client_tries_first_it_learns_where_to_sign_in(http: Http, method: str) -> None:
    refused = await http.client.request(method, "/mcp")

    assert refused.status_code == 401
    assert "resource_metadata=" in refused.headers["www-authenticate"]


async def test_what_is_not_there_is_not_found_instead_of_forbidden(http: Http) -> None:
    answer = await http.get("/.well-known/openid-configuration")

    assert answer.status_code == 404, "a client would take 401 for an answer"


async def test_without_public_url_there_is_no_sign_in(deploy: Deploy) -> None:
    deployment = await deploy(public_url=None, allowed_hosts=["memory.example"])
    async with deployment.browser() as http:
        for path in ("/.well-known/oauth-protected-resource", "/authorize", "/consent", "/openid/callback"):
            assert (await http.get(path)).status_code == 401
        refused = await http.post("/mcp")
    assert refused.headers["www-authenticate"] == 'Bearer realm="claude-memory"'


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        pytest.param({"code_challenge": None}, "invalid_request", id="no PKCE"),
        pytest.param({"code_challenge_method": "plain"}, "invalid_request", id="plain PKCE"),
        pytest.param({"code_challenge": "short"}, "invalid_request", id="no S256 challenge"),
        pytest.param({"response_type": "token"}, "unsupported_response_type", id="implicit"),
        pytest.param({"resource": "https://other.example/mcp"}, "invalid_target", id="another server's resource"),
        pytest.param({"state": "a\x00b"}, "invalid_request", id="NUL in state"),
        pytest.param({"state": "s" * 5_000}, "invalid_request", id="endless state"),
    ],
)
async def test_what_is_wrong_goes_back_to_the_client(http: Http, changed: dict[str, Any], error: str) -> None:
    client = await http.register()

    answer = await http.authorize(client, **{"code_challenge": pkce()[1], **changed})

    assert answer.status_code == 302
    back = answer.headers["location"]
    assert back.startswith(f"{REDIRECT}?")
    assert query(back)["error"] == error
    assert query(back)["iss"] == "https://memory.example"


@pytest.mark.parametrize("client_id", ["", "unknown", "a\x00b", "x" * 500, "' or 1=1 --"])
async def test_an_unknown_client_sends_nobody_anywhere(http: Http, client_id: str) -> None:
    answer = await http.authorize({"client_id": client_id}, pkce()[1])

    assert answer.status_code == 400
    assert "location" not in answer.headers


async def test_a_form_may_ask_as_well(http: Http) -> None:
    client = await http.register()
    form = {"response_type": "code", "client_id": client["client_id"], "code_challenge": pkce()[1]}

    answer = await http.post("/authorize", data=form, headers={"origin": "https://app.example"})

    assert answer.status_code == 302


async def test_the_query_of_a_redirect_address_stays(deployment: Deployment, http: Http) -> None:
    token, _ = await deployment.token()
    redirect = "https://app.example/callback?tenant=&x=1"
    client = await http.register(redirect_uris=[redirect])

    back = await http.allow(await http.begin(client, pkce()[1], redirect_uri=redirect), token)

    assert back.startswith(f"{redirect}&code=")


async def test_a_client_reads_and_deletes_its_registration(http: Http) -> None:
    client = await http.register(client_name="Claude", client_uri="https://claude.ai")
    other = await http.register()
    uri = client["registration_client_uri"]
    assert uri == f"https://memory.example/register/{client['client_id']}"

    def bearer(one: dict[str, Any]) -> dict[str, str]:
        return {"Authorization": f"Bearer {one['registration_access_token']}"}

    shown = (await http.get(uri, headers=bearer(client))).json()
    assert shown == {name: value for name, value in client.items() if name != "client_secret"}
    for headers in ({}, bearer(other), {"Authorization": "Bearer x"}):
        assert (await http.get(uri, headers=headers)).status_code == 401
        assert (await http.client.delete(uri, headers=headers)).status_code == 401
    assert (await http.get("/register/a%00b", headers=bearer(client))).status_code == 401
    assert (await http.client.delete(uri, headers=bearer(client))).status_code == 204
    assert (await http.get(uri, headers=bearer(client))).status_code == 401


async def test_a_deleted_client_is_told_so_and_all_it_had_is_over(deployment: Deployment, http: Http) -> None:
    token, _ = await deployment.token()
    client = await http.register()
    tokens = await http.sign_in(client, token)
    assert await deployment.runtime.tokens.revoke(client["client_id"])

    refused = await http.refresh(client, tokens["refresh_token"])

    assert (refused.status_code, refused.json()["error"]) == (401, "invalid_client")
    assert not await deployment.opens(tokens["access_token"])


async def test_registrations_have_a_limit_of_their_own(deploy: Deploy) -> None:
    deployment = await deploy(oauth_registrations_per_minute=2)
    body = {"redirect_uris": [REDIRECT]}
    async with deployment.browser() as http:
        statuses = [(await http.post("/register", json=body)).status_code for _ in range(3)]
        other = await http.post("/register", json=body, headers={"X-Forwarded-For": "192.0.2.1"})
        refused = await http.post("/register", json=body)

        assert statuses == [201, 201, 429]
        assert other.status_code == 201, "each address has its own"
        assert int(refused.headers["retry-after"]) > 0
        assert (await http.get("/.well-known/oauth-authorization-server")).status_code == 200


async def test_the_limit_by_address_goes_before_the_body_and_the_body_has_its_own(deploy: Deploy) -> None:
    sent, form = 0, {"content-type": "application/x-www-form-urlencoded"}

    async def large() -> AsyncIterator[bytes]:
        nonlocal sent
        for _ in range(40):
            sent += 1
            yield b"x" * 65_536

    deployment = await deploy(oauth_registrations_per_minute=1)
    async with deployment.browser() as http:
        too_large = [
            (await http.post(path, content=large(), headers=form)).status_code
            for path in ("/register", "/token", "/revoke")
        ]
        sent = 0
        refused = await http.post("/register", content=large())

    assert too_large == [413, 413, 413]
    assert (refused.status_code, sent) == (429, 0)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/register"),
        ("DELETE", "/register/x"),
        ("POST", "/token"),
        ("POST", "/revoke"),
        ("GET", "/.well-known/oauth-protected-resource/mcp"),
    ],
)
async def test_a_browser_lets_pages_of_any_origin_call_what_clients_call(http: Http, method: str, path: str) -> None:
    headers = "authorization,content-type,mcp-protocol-version"
    asked = {"Access-Control-Request-Method": method, "Access-Control-Request-Headers": headers}

    answer = await http.client.options(path, headers={**PAGE, **asked})

    assert answer.status_code == 204
    assert answer.headers.get_list("access-control-allow-origin") == ["*"]
    assert method in answer.headers["access-control-allow-methods"]
    assert set(headers.split(",")) <= set(answer.headers["access-control-allow-headers"].split(", "))
    assert "access-control-allow-credentials" not in answer.headers


async def test_such_a_page_reads_answers_and_refusals(deploy: Deploy) -> None:
    deployment = await deploy(oauth_registrations_per_minute=1)
    body = {"redirect_uris": [REDIRECT]}
    async with deployment.browser() as http:
        answers = [
            await http.get("/.well-known/oauth-authorization-server", headers=PAGE),
            await http.get("/.well-known/openid-configuration", headers=PAGE),
            await http.post("/register", json=body, headers=PAGE),
            await http.post("/register", json=body, headers=PAGE),
            await http.post("/token", data={"client_id": "unknown"}, headers=PAGE),
            await http.get("/token", headers=PAGE),
            await http.post("/token", data={"code": "x" * 2_000_000}, headers=PAGE),
        ]
    assert [answer.status_code for answer in answers] == [200, 404, 201, 429, 401, 405, 413]
    for answer in answers:
        assert answer.headers.get_list("access-control-allow-origin") == ["*"]
        assert "access-control-allow-credentials" not in answer.headers
    assert "retry-after" in answers[3].headers
    assert "retry-after" in answers[3].headers["access-control-expose-headers"]


async def test_no_page_of_another_origin_reads_what_is_shown_to_the_user(deploy: Deploy) -> None:
    deployment = await deploy(enable_cors=True, allowed_origins=PAGE["Origin"])
    async with deployment.browser() as http:
        client = await http.register()
        begun = await http.authorize(client, pkce()[1])
        consent = begun.headers["location"]
        answers = [
            begun,
            await http.get("/authorize", headers=PAGE),
            await http.get(consent, headers=PAGE),
            await http.get(consent, headers={"Origin": "http://localhost:6274"}),
            await http.get("/openid/callback", headers=PAGE),
        ]
        preflight = {**PAGE, "Access-Control-Request-Method": "POST"}
        answers.append(await http.client.options("/authorize", headers=preflight))
        refused = await http.get(consent, headers={"Origin": "https://evil.example"})
    assert [answer.status_code for answer in answers] == [302, 400, 200, 200, 404, 405]
    assert not [answer for answer in [*answers, refused] if "access-control-allow-origin" in answer.headers]
    assert refused.status_code == 403
