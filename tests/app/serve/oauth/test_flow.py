"""The way of a client from nothing to tokens and back, and every way in which somebody else could go it."""

from __future__ import annotations

import asyncio
import base64
import re
from urllib.parse import quote

import pytest

from app.metrics import SIGN_INS
from tests.support.sign_in import REDIRECT, pkce, problem, query

PAGE = {"Origin": "https://inspector.example"}  # what a browser says of a page of another origin


async def test_a_client_finds_everything_from_a_refusal(deployment, http):
    refused = await http.post("/mcp")
    assert refused.status_code == 401
    where = re.search(r'resource_metadata="([^"]+)"', refused.headers["www-authenticate"])[1]
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
async def test_metadata_is_at_every_address_clients_try(http, path):
    resource = (await http.get(f"/.well-known/oauth-protected-resource{path}")).json()
    server = (await http.get(f"/.well-known/oauth-authorization-server{path}")).json()

    assert resource["resource"] == f"https://memory.example{path}"
    assert server["issuer"] == "https://memory.example"


async def test_a_wrong_token_is_told_apart_from_none_and_sse_has_its_own_metadata(http):
    refused = await http.get("/sse", headers={"Authorization": "Bearer wrong"})

    assert refused.status_code == 401
    assert 'error="invalid_token"' in refused.headers["www-authenticate"]
    assert '/.well-known/oauth-protected-resource/sse"' in refused.headers["www-authenticate"]


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "DELETE"])
async def test_whatever_a_client_tries_first_it_learns_where_to_sign_in(http, method):
    refused = await http.client.request(method, "/mcp")

    assert refused.status_code == 401
    assert "resource_metadata=" in refused.headers["www-authenticate"]


async def test_what_is_not_there_is_not_found_instead_of_forbidden(http):
    answer = await http.get("/.well-known/openid-configuration")

    assert answer.status_code == 404, "a client would take 401 for an answer"


async def test_a_user_lets_a_client_in_and_it_acts_as_that_user(deployment, http):
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


async def test_nothing_that_opens_anything_is_stored(deployment, http):
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


async def test_the_access_token_itself_is_no_proof_of_who_the_user_is(deployment, http):
    token, _ = await deployment.token()
    client = await http.register()
    tokens = await http.sign_in(client, token, scope="read")

    page = await http.get(await http.begin(client, pkce()[1]))
    refused = await http.submit(page, "token", token=tokens["access_token"])

    assert refused.status_code == 403, "or a client could give itself more than it was allowed"
    assert "unknown, expired or revoked" in problem(refused)


class TestScopes:
    async def test_a_client_gets_what_it_asked_for_and_the_user_may_give(self, deployment, http):
        reader, _ = await deployment.token("read")
        client = await http.register()

        assert (await http.sign_in(client, reader))["scope"] == "read"

    async def test_admin_is_given_only_when_asked_for_by_name_and_proved(self, deployment, http):
        full, _ = await deployment.token("read", "write", "admin")
        plain, _ = await deployment.token("read", "write")
        client = await http.register()

        assert (await http.sign_in(client, full))["scope"] == "read write"
        assert (await http.sign_in(client, full, scope="read admin"))["scope"] == "read admin"
        assert (await http.sign_in(client, plain, scope="read admin"))["scope"] == "read"

    async def test_scopes_of_other_servers_are_left_out(self, deployment, http):
        token, _ = await deployment.token()
        client = await http.register(scope="openid read offline_access")

        assert client["scope"] == "read"
        assert (await http.sign_in(client, token, scope="offline_access read"))["scope"] == "read"

    async def test_who_asks_for_other_servers_scopes_alone_gets_the_usual_ones_and_is_told(self, deployment, http):
        token, _ = await deployment.token("read", "write", "admin")

        assert (await http.sign_in(await http.register(), token, scope="claudeai"))["scope"] == "read write"

    async def test_what_the_user_may_not_give_is_said_and_not_given(self, deployment, http):
        reader, _ = await deployment.token("read")
        page = await http.get(await http.begin(await http.register(), pkce()[1], scope="write"))

        refused = await http.submit(page, "token", token=reader)

        assert refused.status_code == 403
        assert "asks for write, and you may give read only" in problem(refused)

    async def test_a_refresh_may_ask_for_less_and_later_for_all_again(self, deployment, http):
        token, _ = await deployment.token()
        client = await http.register()
        tokens = await http.sign_in(client, token)

        less = (await http.refresh(client, tokens["refresh_token"], scope="read")).json()
        all_again = (await http.refresh(client, less["refresh_token"])).json()
        more = await http.refresh(client, all_again["refresh_token"], scope="read admin")

        assert (less["scope"], all_again["scope"]) == ("read", "read write")
        assert (more.status_code, more.json()["error"]) == (400, "invalid_scope")


class TestAuthorize:
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
    async def test_what_is_wrong_goes_back_to_the_client(self, http, changed, error):
        client = await http.register()

        answer = await http.authorize(client, **{"code_challenge": pkce()[1], **changed})

        assert answer.status_code == 302
        back = answer.headers["location"]
        assert back.startswith(f"{REDIRECT}?")
        assert query(back)["error"] == error
        assert query(back)["iss"] == "https://memory.example"

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
    async def test_nobody_is_sent_to_an_address_that_was_not_registered(self, http, redirect, wrong):
        asked = {"code_challenge": pkce()[1], "redirect_uri": redirect, **wrong}

        answer = await http.authorize(await http.register(), **asked)

        assert answer.status_code == 400
        assert "location" not in answer.headers
        assert answer.headers["content-type"].startswith("text/html")
        assert "evil" not in answer.text or "<bdi>" in answer.text

    @pytest.mark.parametrize("client_id", ["", "unknown", "a\x00b", "x" * 500, "' or 1=1 --"])
    async def test_an_unknown_client_sends_nobody_anywhere(self, http, client_id):
        answer = await http.authorize({"client_id": client_id}, pkce()[1])

        assert answer.status_code == 400
        assert "location" not in answer.headers

    async def test_a_program_on_the_users_machine_may_listen_at_any_port(self, http):
        client = await http.register(redirect_uris=["http://127.0.0.1:1/cb", "http://localhost/x", "http://[::1]:2/y"])
        _, challenge = pkce()

        for redirect in ("http://127.0.0.1:53123/cb", "http://localhost:9/x", "http://[::1]/y", "http://127.0.0.1/cb"):
            await http.begin(client, challenge, redirect_uri=redirect)
        for redirect in ("http://127.0.0.1:53123/other", "http://127.0.0.2/cb", "http://localhost:53123/cb"):
            assert (await http.authorize(client, challenge, redirect_uri=redirect)).status_code == 400

    async def test_the_one_registered_address_need_not_be_named(self, deployment, http):
        token, _ = await deployment.token()
        client = await http.register()
        verifier, challenge = pkce()

        back = await http.allow(await http.begin(client, challenge, redirect_uri=None), token)
        form = {"grant_type": "authorization_code", "client_id": client["client_id"], "code_verifier": verifier}
        answer = await http.post("/token", data={**form, "code": query(back)["code"]})

        assert answer.status_code == 200

    async def test_a_form_may_ask_as_well(self, http):
        client = await http.register()
        form = {"response_type": "code", "client_id": client["client_id"], "code_challenge": pkce()[1]}

        answer = await http.post("/authorize", data=form, headers={"origin": "https://app.example"})

        assert answer.status_code == 302

    async def test_the_query_of_a_redirect_address_stays(self, deployment, http):
        token, _ = await deployment.token()
        redirect = "https://app.example/callback?tenant=&x=1"
        client = await http.register(redirect_uris=[redirect])

        back = await http.allow(await http.begin(client, pkce()[1], redirect_uri=redirect), token)

        assert back.startswith(f"{redirect}&code=")


class TestCodes:
    async def test_a_code_is_worth_nothing_to_another_client(self, deployment, http):
        token, _ = await deployment.token()
        owner, thief = await http.register(), await http.register()
        code, verifier = await http.code(owner, token)

        stolen = await http.redeem(thief, code, verifier)

        assert (stolen.status_code, stolen.json()["error"]) == (400, "invalid_grant")
        assert (await http.redeem(owner, code, verifier)).status_code == 200, "the owner is not harmed"

    async def test_a_code_is_worth_nothing_without_its_verifier(self, deployment, http):
        token, _ = await deployment.token()
        client = await http.register()
        code, _ = await http.code(client, token)

        for verifier in (pkce()[0], "", pkce()[1]):
            answer = await http.redeem(client, code, verifier)
            assert answer.status_code == 400
            assert "access_token" not in answer.text

    async def test_a_code_is_worth_nothing_at_another_redirect_address(self, deployment, http):
        token, _ = await deployment.token()
        client = await http.register(redirect_uris=[REDIRECT, f"{REDIRECT}/other"])
        code, verifier = await http.code(client, token)

        answer = await http.redeem(client, code, verifier, redirect_uri=f"{REDIRECT}/other")

        assert answer.status_code == 400

    async def test_a_code_used_twice_ends_what_came_from_it(self, deployment, http):
        token, _ = await deployment.token()
        client = await http.register()
        code, verifier = await http.code(client, token)
        tokens = (await http.redeem(client, code, verifier)).json()
        assert await deployment.opens(tokens["access_token"])

        again = await http.redeem(client, code, verifier)

        assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")
        assert not await deployment.opens(tokens["access_token"])
        assert (await http.refresh(client, tokens["refresh_token"])).json()["error"] == "invalid_grant"

    async def test_of_two_calls_at_once_with_one_code_one_gets_tokens_at_most(self, deployment, http):
        token, _ = await deployment.token()
        client = await http.register()
        code, verifier = await http.code(client, token)

        answers = await asyncio.gather(*(http.redeem(client, code, verifier) for _ in range(6)))

        good = [answer for answer in answers if answer.status_code == 200]
        assert len(good) == 1
        assert not await deployment.opens(good[0].json()["access_token"]), "the code was used again"

    async def test_a_code_is_over_soon(self, deployment, http):
        token, _ = await deployment.token()
        client = await http.register()
        code, verifier = await http.code(client, token)
        await deployment.execute("update oauth_grants set expires_at = now(), code_expires_at = now()")

        assert (await http.redeem(client, code, verifier)).json()["error"] == "invalid_grant"

    async def test_a_code_is_not_taken_for_another_resource(self, deployment, http):
        token, _ = await deployment.token()
        client = await http.register()
        code, verifier = await http.code(client, token)

        answer = await http.redeem(client, code, verifier, resource="https://other.example/mcp")

        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_target")


class TestTokens:
    async def test_a_token_opens_nothing_at_another_deployment_on_the_same_database(self, deploy):
        here, there = await deploy(), await deploy(public_url="https://other.example", allowed_hosts=["memory.example"])
        token, _ = await here.token()
        async with here.browser() as http:
            client = await http.register()
            tokens = await http.sign_in(client, token)

            assert await here.opens(tokens["access_token"])
            assert not await there.opens(tokens["access_token"])
            async with there.browser() as elsewhere:
                assert (await elsewhere.refresh(client, tokens["refresh_token"])).json()["error"] == "invalid_grant"

    async def test_an_expired_access_token_opens_nothing_until_it_is_refreshed(self, deployment, http):
        token, _ = await deployment.token()
        client = await http.register()
        tokens = await http.sign_in(client, token)
        await deployment.execute("update oauth_tokens set expires_at = now() where kind = 'access'")

        assert not await deployment.opens(tokens["access_token"])
        fresh = (await http.refresh(client, tokens["refresh_token"])).json()
        assert await deployment.opens(fresh["access_token"])

    async def test_a_refresh_token_opens_nothing_itself(self, deployment, http):
        token, _ = await deployment.token()
        tokens = await http.sign_in(await http.register(), token)

        assert not await deployment.opens(tokens["refresh_token"])

    async def test_a_refresh_token_used_again_after_a_moment_ends_the_grant(self, deployment, http):
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

    async def test_an_answer_that_was_lost_may_be_asked_for_again(self, deployment, http):
        token, _ = await deployment.token()
        client = await http.register()
        first = await http.sign_in(client, token)

        answers = await asyncio.gather(*(http.refresh(client, first["refresh_token"]) for _ in range(4)))

        assert [answer.status_code for answer in answers] == [200] * 4
        for answer in answers:
            assert await deployment.opens(answer.json()["access_token"])

    async def test_a_refresh_token_is_worth_nothing_to_another_client(self, deployment, http):
        token, _ = await deployment.token()
        owner, thief = await http.register(), await http.register()
        tokens = await http.sign_in(owner, token)

        assert (await http.refresh(thief, tokens["refresh_token"])).json()["error"] == "invalid_grant"
        assert (await http.refresh(owner, tokens["refresh_token"])).status_code == 200

    @pytest.mark.parametrize("which", ["access_token", "refresh_token"])
    async def test_a_client_revokes_what_it_was_given(self, deployment, http, which):
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

    async def test_a_grant_ends_with_the_token_that_proved_the_user(self, deployment, http):
        token, token_id = await deployment.token()
        client = await http.register()
        tokens = await http.sign_in(client, token)

        assert await deployment.runtime.tokens.revoke(token_id)

        assert not await deployment.opens(tokens["access_token"])
        assert (await http.refresh(client, tokens["refresh_token"])).json()["error"] == "invalid_grant"

    async def test_an_operator_sees_grants_and_revokes_them(self, deployment, http):
        token, token_id = await deployment.token(user="ann")
        tokens = await http.sign_in(await http.register(client_name="Claude"), token)
        [grant] = [one for one in await deployment.runtime.tokens.list() if one.id != token_id]

        assert (grant.user, grant.client, grant.scopes) == ("ann", "Claude", ("read", "write"))
        assert await deployment.runtime.tokens.revoke(grant.id)
        assert not await deployment.opens(tokens["access_token"])
        assert not await deployment.runtime.tokens.revoke(grant.id)

    async def test_replicas_share_everything(self, deploy):
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


class TestClients:
    async def test_two_registrations_at_once_both_work(self, deployment, http):
        token, _ = await deployment.token()

        clients = await asyncio.gather(http.register(), http.register())

        assert clients[0]["client_id"] != clients[1]["client_id"]
        for client in clients:
            assert await deployment.opens((await http.sign_in(client, token))["access_token"])

    async def test_a_client_reads_and_deletes_its_registration(self, http):
        client = await http.register(client_name="Claude", client_uri="https://claude.ai")
        other = await http.register()
        uri = client["registration_client_uri"]
        assert uri == f"https://memory.example/register/{client['client_id']}"

        def bearer(one):
            return {"Authorization": f"Bearer {one['registration_access_token']}"}

        shown = (await http.get(uri, headers=bearer(client))).json()
        assert shown == {name: value for name, value in client.items() if name != "client_secret"}
        for headers in ({}, bearer(other), {"Authorization": "Bearer x"}):
            assert (await http.get(uri, headers=headers)).status_code == 401
            assert (await http.client.delete(uri, headers=headers)).status_code == 401
        assert (await http.get("/register/a%00b", headers=bearer(client))).status_code == 401
        assert (await http.client.delete(uri, headers=bearer(client))).status_code == 204
        assert (await http.get(uri, headers=bearer(client))).status_code == 401

    async def test_a_deleted_client_is_told_so_and_all_it_had_is_over(self, deployment, http):
        token, _ = await deployment.token()
        client = await http.register()
        tokens = await http.sign_in(client, token)
        assert await deployment.runtime.tokens.revoke(client["client_id"])

        refused = await http.refresh(client, tokens["refresh_token"])

        assert (refused.status_code, refused.json()["error"]) == (401, "invalid_client")
        assert not await deployment.opens(tokens["access_token"])

    async def test_a_client_that_was_never_allowed_expires(self, deployment, http):
        token, _ = await deployment.token()
        used, unused = await http.register(), await http.register()
        await http.sign_in(used, token)
        await deployment.execute("update oauth_clients set expires_at = now()")

        assert (await http.redeem(unused, "x", "y")).json()["error"] == "invalid_client"
        assert (await http.authorize(unused, pkce()[1])).status_code == 400
        await http.begin(used, pkce()[1])

    @pytest.mark.parametrize("how", ["client_secret_post", "client_secret_basic"])
    async def test_a_client_with_a_secret_must_show_it(self, deployment, http, how):
        token, _ = await deployment.token()
        client = await http.register(token_endpoint_auth_method=how)
        code, verifier = await http.code(client, token)
        form = {"grant_type": "authorization_code", "code": code, "code_verifier": verifier, "redirect_uri": REDIRECT}

        def basic(secret):
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
    async def test_a_wrong_registration_is_refused_with_the_reason(self, http, metadata, error):
        answer = await http.post("/register", json={"redirect_uris": [REDIRECT], **metadata})

        assert (answer.status_code, answer.json()["error"]) == (400, error)
        assert answer.json()["error_description"]
        assert answer.headers["cache-control"] == "no-store"

    async def test_registrations_have_a_limit_of_their_own(self, deploy):
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
    async def test_a_browser_lets_pages_of_any_origin_call_what_clients_call(self, http, method, path):
        headers = "authorization,content-type,mcp-protocol-version"
        asked = {"Access-Control-Request-Method": method, "Access-Control-Request-Headers": headers}

        answer = await http.client.options(path, headers={**PAGE, **asked})

        assert answer.status_code == 204
        assert answer.headers.get_list("access-control-allow-origin") == ["*"]
        assert method in answer.headers["access-control-allow-methods"]
        assert set(headers.split(",")) <= set(answer.headers["access-control-allow-headers"].split(", "))
        assert "access-control-allow-credentials" not in answer.headers

    async def test_such_a_page_reads_answers_and_refusals(self, deploy):
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

    async def test_no_page_of_another_origin_reads_what_is_shown_to_the_user(self, deploy):
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


async def test_without_public_url_there_is_no_sign_in(deploy):
    deployment = await deploy(public_url=None, allowed_hosts=["memory.example"])
    async with deployment.browser() as http:
        for path in ("/.well-known/oauth-protected-resource", "/authorize", "/consent", "/openid/callback"):
            assert (await http.get(path)).status_code == 401
        refused = await http.post("/mcp")
    assert refused.headers["www-authenticate"] == 'Bearer realm="claude-memory"'
