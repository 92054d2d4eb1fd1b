"""Scopes, codes and tokens, and every way in which another client could get them."""

from __future__ import annotations

import asyncio

import pytest

from app.metrics import SIGN_INS
from tests.support.oauth_deployment import Deploy, Deployment
from tests.support.sign_in import REDIRECT, Http, pkce, problem


async def test_a_client_gets_what_it_asked_for_and_the_user_may_give(deployment: Deployment, http: Http) -> None:
    reader, _ = await deployment.token("read")
    client = await http.register()

    assert (await http.sign_in(client, reader))["scope"] == "read"


async def test_admin_is_given_only_when_asked_for_by_name_and_proved(deployment: Deployment, http: Http) -> None:
    full, _ = await deployment.token("read", "write", "admin")
    plain, _ = await deployment.token("read", "write")
    client = await http.register()

    assert (await http.sign_in(client, full))["scope"] == "read write"
    assert (await http.sign_in(client, full, scope="read admin"))["scope"] == "read admin"
    assert (await http.sign_in(client, plain, scope="read admin"))["scope"] == "read"


async def test_scopes_of_other_servers_are_left_out(deployment: Deployment, http: Http) -> None:
    token, _ = await deployment.token()
    client = await http.register(scope="openid read offline_access")

    assert client["scope"] == "read"
    assert (await http.sign_in(client, token, scope="offline_access read"))["scope"] == "read"


async def test_who_asks_for_other_servers_scopes_alone_gets_the_usual_ones_and_is_told(
    deployment: Deployment, http: Http
) -> None:
    token, _ = await deployment.token("read", "write", "admin")

    assert (await http.sign_in(await http.register(), token, scope="claudeai"))["scope"] == "read write"


async def test_what_the_user_may_not_give_is_said_and_not_given(deployment: Deployment, http: Http) -> None:
    reader, _ = await deployment.token("read")
    page = await http.get(await http.begin(await http.register(), pkce()[1], scope="write"))

    refused = await http.submit(page, "token", token=reader)

    assert refused.status_code == 403
    assert "asks for write, but you can only give read" in problem(refused)


async def test_a_refresh_may_ask_for_less_and_later_for_all_again(deployment: Deployment, http: Http) -> None:
    token, _ = await deployment.token()
    client = await http.register()
    tokens = await http.sign_in(client, token)

    less = (await http.refresh(client, tokens["refresh_token"], scope="read")).json()
    all_again = (await http.refresh(client, less["refresh_token"])).json()
    more = await http.refresh(client, all_again["refresh_token"], scope="read admin")

    assert (less["scope"], all_again["scope"]) == ("read", "read write")
    assert (more.status_code, more.json()["error"]) == (400, "invalid_scope")


async def test_a_code_is_worth_nothing_to_another_client(deployment: Deployment, http: Http) -> None:
    token, _ = await deployment.token()
    owner, thief = await http.register(), await http.register()
    code, verifier = await http.code(owner, token)

    stolen = await http.redeem(thief, code, verifier)

    assert (stolen.status_code, stolen.json()["error"]) == (400, "invalid_grant")
    assert (await http.redeem(owner, code, verifier)).status_code == 200, "the owner is not harmed"


async def test_a_code_is_worth_nothing_without_its_verifier(deployment: Deployment, http: Http) -> None:
    token, _ = await deployment.token()
    client = await http.register()
    code, _ = await http.code(client, token)

    for verifier in (pkce()[0], "", pkce()[1]):
        answer = await http.redeem(client, code, verifier)
        assert answer.status_code == 400
        assert "access_token" not in answer.text


async def test_a_code_is_worth_nothing_at_another_redirect_address(deployment: Deployment, http: Http) -> None:
    token, _ = await deployment.token()
    client = await http.register(redirect_uris=[REDIRECT, f"{REDIRECT}/other"])
    code, verifier = await http.code(client, token)

    answer = await http.redeem(client, code, verifier, redirect_uri=f"{REDIRECT}/other")

    assert answer.status_code == 400


async def test_a_code_used_twice_ends_what_came_from_it(deployment: Deployment, http: Http) -> None:
    token, _ = await deployment.token()
    client = await http.register()
    code, verifier = await http.code(client, token)
    tokens = (await http.redeem(client, code, verifier)).json()
    assert await deployment.opens(tokens["access_token"])

    again = await http.redeem(client, code, verifier)

    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")
    assert not await deployment.opens(tokens["access_token"])
    assert (await http.refresh(client, tokens["refresh_token"])).json()["error"] == "invalid_grant"


async def test_of_two_calls_at_once_with_one_code_one_gets_tokens_at_most(deployment: Deployment, http: Http) -> None:
    token, _ = await deployment.token()
    client = await http.register()
    code, verifier = await http.code(client, token)

    answers = await asyncio.gather(*(http.redeem(client, code, verifier) for _ in range(6)))

    good = [answer for answer in answers if answer.status_code == 200]
    assert len(good) == 1
    assert not await deployment.opens(good[0].json()["access_token"]), "the code was used again"


async def test_a_code_is_over_soon(deployment: Deployment, http: Http) -> None:
    token, _ = await deployment.token()
    client = await http.register()
    code, verifier = await http.code(client, token)
    await deployment.execute("update oauth_grants set expires_at = now(), code_expires_at = now()")

    assert (await http.redeem(client, code, verifier)).json()["error"] == "invalid_grant"


async def test_a_code_is_not_taken_for_another_resource(deployment: Deployment, http: Http) -> None:
    token, _ = await deployment.token()
    client = await http.register()
    code, verifier = await http.code(client, token)

    answer = await http.redeem(client, code, verifier, resource="https://other.example/mcp")

    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_target")


async def test_an_expired_access_token_opens_nothing_until_it_is_refreshed(deployment: Deployment, http: Http) -> None:
    token, _ = await deployment.token()
    client = await http.register()
    tokens = await http.sign_in(client, token)
    await deployment.execute("update oauth_tokens set expires_at = now() where kind = 'access'")

    assert not await deployment.opens(tokens["access_token"])
    fresh = (await http.refresh(client, tokens["refresh_token"])).json()
    assert await deployment.opens(fresh["access_token"])


async def test_a_refresh_token_opens_nothing_itself(deployment: Deployment, http: Http) -> None:
    token, _ = await deployment.token()
    tokens = await http.sign_in(await http.register(), token)

    assert not await deployment.opens(tokens["refresh_token"])


async def test_a_refresh_token_used_again_after_a_moment_ends_the_grant(deployment: Deployment, http: Http) -> None:
    token, _ = await deployment.token()
    client = await http.register()
    first = await http.sign_in(client, token)
    second = (await http.refresh(client, first["refresh_token"])).json()
    await deployment.execute("update oauth_tokens set replaced_at = replaced_at - interval '31 s'")

    stolen = await http.refresh(client, first["refresh_token"])

    assert (stolen.status_code, stolen.json()["error"]) == (400, "invalid_grant")
    assert not await deployment.opens(second["access_token"])
    assert (await http.refresh(client, second["refresh_token"])).json()["error"] == "invalid_grant"
    assert deployment.service.metrics.by_label(SIGN_INS)[("refresh_reused",)] == 1


async def test_calls_at_once_with_one_refresh_token_get_one_successor(deploy: Deploy) -> None:
    one, two = await deploy(), await deploy()
    token, _ = await one.token()
    async with one.browser() as here, two.browser() as there:
        client = await here.register()
        first = await here.sign_in(client, token)

        answers = await asyncio.gather(*(http.refresh(client, first["refresh_token"]) for http in (here, there) * 4))

        assert [answer.status_code for answer in answers] == [200] * 8
        [(access, refresh)] = {(answer.json()["access_token"], answer.json()["refresh_token"]) for answer in answers}
        assert await one.opens(access)
        assert all(3_500 < answer.json()["expires_in"] <= 3_600 for answer in answers)
        assert (await there.refresh(client, refresh)).status_code == 200
        assert (await here.refresh(client, first["refresh_token"])).json()["error"] == "invalid_grant", "a thief's"
        assert not await one.opens(access)


async def test_a_repeat_gets_the_scopes_that_the_first_call_asked_for(deployment: Deployment, http: Http) -> None:
    token, _ = await deployment.token()
    client = await http.register()
    first = await http.sign_in(client, token)
    assert (await http.refresh(client, first["refresh_token"], scope="read")).json()["scope"] == "read"

    assert (await http.refresh(client, first["refresh_token"])).json()["scope"] == "read"


async def test_a_refresh_token_is_worth_nothing_to_another_client(deployment: Deployment, http: Http) -> None:
    token, _ = await deployment.token()
    owner, thief = await http.register(), await http.register()
    tokens = await http.sign_in(owner, token)

    assert (await http.refresh(thief, tokens["refresh_token"])).json()["error"] == "invalid_grant"
    assert (await http.refresh(owner, tokens["refresh_token"])).status_code == 200


@pytest.mark.parametrize("which", ["access_token", "refresh_token"])
async def test_a_client_revokes_what_it_was_given(deployment: Deployment, http: Http, which: str) -> None:
    token, _ = await deployment.token()
    client = await http.register()
    tokens = await http.sign_in(client, token)

    other = await http.register()
    foreign = await http.post("/revoke", data={"client_id": other["client_id"], "token": tokens[which]})
    assert foreign.status_code == 200
    assert await deployment.opens(tokens["access_token"]), "nobody revokes another client's"
    answer = await http.post("/revoke", data={"client_id": client["client_id"], "token": tokens[which]})

    assert answer.status_code == 200
    assert not await deployment.opens(tokens["access_token"])
    assert (await http.refresh(client, tokens["refresh_token"])).json()["error"] == "invalid_grant"
