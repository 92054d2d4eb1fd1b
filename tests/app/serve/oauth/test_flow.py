"""The way of a client from nothing to tokens and back, over several modules."""

from __future__ import annotations

from app.metrics import SIGN_INS
from tests.support.oauth_deployment import Deploy, Deployment
from tests.support.sign_in import REDIRECT, Http, pkce, problem, query


async def test_a_user_lets_a_client_in_and_it_acts_as_that_user(deployment: Deployment, http: Http) -> None:
    token, _ = await deployment.token(user="ann")
    client = await http.register()
    verifier, challenge = pkce()

    consent = await http.begin(client, challenge, resource="https://memory.example/mcp", scope="read write")
    first = await http.get(consent)
    assert "Tester" in first.text
    assert "app.example" in first.text
    proved = await http.submit(first, "token", token=token)
    second = await http.get(proved.headers["location"])
    assert "<bdi>ann</bdi>" in second.text
    back = (await http.submit(second, "allow")).headers["location"]
    assert back.startswith(f"{REDIRECT}?")
    assert query(back)["state"] == "xyz"
    assert query(back)["iss"] == "https://memory.example"
    answer = await http.redeem(client, query(back)["code"], verifier, resource="https://memory.example/mcp")

    assert answer.headers["cache-control"] == "no-store"
    tokens = answer.json()
    assert (tokens["token_type"], tokens["expires_in"], tokens["scope"]) == ("Bearer", 3600, "read write")
    assert await deployment.opens(tokens["access_token"])
    assert await deployment.opens(tokens["access_token"], "/messages/")
    scope = deployment.mcp.scopes[-1]["state"]["scope"]
    assert (scope.user, scope.permissions) == ("ann", {"read", "write"})
    outcomes = deployment.service.metrics.by_label(SIGN_INS)
    assert outcomes == {("registered",): 1, ("allowed",): 1, ("signed_in",): 1}


async def test_nothing_that_opens_anything_is_stored(deployment: Deployment, http: Http) -> None:
    token, _ = await deployment.token()
    client = await http.register(token_endpoint_auth_method="client_secret_post")
    code, verifier = await http.code(client, token)
    tokens = (await http.redeem(client, code, verifier, client_secret=client["client_secret"])).json()
    held = [token, code, client["client_secret"], client["registration_access_token"]]
    held += [tokens["access_token"], tokens["refresh_token"]]

    async with deployment.runtime.running.opened.db.as_service() as connection:
        for table in ("tokens", "oauth_clients", "oauth_requests", "oauth_grants", "oauth_tokens"):
            for row in await connection.fetch(f"select t::text from {table} t"):
                assert not [secret for secret in held if secret in row[0]], table


async def test_the_access_token_itself_is_no_proof_of_who_the_user_is(deployment: Deployment, http: Http) -> None:
    token, _ = await deployment.token()
    client = await http.register()
    tokens = await http.sign_in(client, token, scope="read")

    page = await http.get(await http.begin(client, pkce()[1]))
    refused = await http.submit(page, "token", token=tokens["access_token"])

    assert refused.status_code == 403, "or a client could give itself more than it was allowed"
    assert "unknown, expired or revoked" in problem(refused)


async def test_a_grant_ends_with_the_token_that_proved_the_user(deployment: Deployment, http: Http) -> None:
    token, token_id = await deployment.token()
    client = await http.register()
    tokens = await http.sign_in(client, token)

    assert await deployment.runtime.tokens.revoke(token_id)

    assert not await deployment.opens(tokens["access_token"])
    assert (await http.refresh(client, tokens["refresh_token"])).json()["error"] == "invalid_grant"


async def test_an_operator_sees_grants_and_revokes_them(deployment: Deployment, http: Http) -> None:
    token, token_id = await deployment.token(user="ann")
    tokens = await http.sign_in(await http.register(client_name="Claude"), token)
    [grant] = [one for one in await deployment.runtime.tokens.list() if one.id != token_id]

    assert (grant.user, grant.client, grant.scopes) == ("ann", "Claude", ("read", "write"))
    assert await deployment.runtime.tokens.revoke(grant.id)
    assert not await deployment.opens(tokens["access_token"])
    assert not await deployment.runtime.tokens.revoke(grant.id)


async def test_replicas_share_everything(deploy: Deploy) -> None:
    one, two = await deploy(), await deploy()
    token, _ = await one.token()
    verifier, challenge = pkce()
    async with one.browser() as here, two.browser() as there:
        client = await here.register()
        consent = await there.begin(client, challenge)
        page = await here.get(consent)
        there.client.cookies = here.client.cookies
        proved = await there.submit(page, "token", token=token)
        allowed = await here.submit(await there.get(proved.headers["location"]), "allow")
        code = query(allowed.headers["location"])["code"]
        tokens = (await there.redeem(client, code, verifier)).json()
        fresh = (await here.refresh(client, tokens["refresh_token"])).json()

    assert await one.opens(tokens["access_token"])
    assert await two.opens(fresh["access_token"])


async def test_a_token_opens_nothing_at_another_deployment_on_the_same_database(deploy: Deploy) -> None:
    here, there = await deploy(), await deploy(public_url="https://other.example", allowed_hosts=["memory.example"])
    token, _ = await here.token()
    async with here.browser() as http:
        client = await http.register()
        tokens = await http.sign_in(client, token)

        assert await here.opens(tokens["access_token"])
        assert not await there.opens(tokens["access_token"])
        async with there.browser() as elsewhere:
            assert (await elsewhere.refresh(client, tokens["refresh_token"])).json()["error"] == "invalid_grant"
