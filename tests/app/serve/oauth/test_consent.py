"""The consent page as HTTP: who may send its form, what leads nowhere."""

from __future__ import annotations

import pytest

from app.metrics import SIGN_INS
from tests.support.oauth_deployment import Deployment
from tests.support.sign_in import Forms, Http, pkce, problem, query

HTML = "<script>alert(1)</script><img src=x onerror=alert(1)>\"'&"


async def test_the_cookie_is_kept_from_scripts_other_sites_and_plain_http(http: Http) -> None:
    page = await http.get(await http.begin(await http.register(), pkce()[1]))
    cookie = page.headers["set-cookie"].lower()

    assert cookie.startswith("__host-")
    for part in ("httponly", "secure", "samesite=lax", "path=/"):
        assert part in cookie


class TestForgery:
    @pytest.mark.parametrize("form_token", ["", "wrong", "0" * 64])
    @pytest.mark.parametrize("action", ["token", "allow", "deny", "openid"])
    async def test_a_form_without_the_pages_own_token_changes_nothing(
        self, deployment: Deployment, http: Http, form_token: str, action: str
    ) -> None:
        token, _ = await deployment.token()
        consent = await http.begin(await http.register(), pkce()[1])
        page = await http.get(consent)

        forged = await http.submit(page, action, token=token, form_token=form_token)

        assert forged.status_code == 403
        assert "location" not in forged.headers
        assert "access token" in (await http.get(consent)).text, "still the first page"

    async def test_the_form_of_one_sign_in_does_not_serve_another(self, deployment: Deployment, http: Http) -> None:
        token, _ = await deployment.token()
        client = await http.register()
        one, other = await http.begin(client, pkce()[1]), await http.begin(client, pkce()[1])
        page = await http.get(one)
        await http.get(other)

        forged = await http.submit(page, "token", token=token, request=query(other)["request"])

        assert forged.status_code == 403

    async def test_a_form_that_another_site_sends_is_refused(self, http: Http) -> None:
        page = await http.get(await http.begin(await http.register(), pkce()[1]))
        fields = {**Forms(page.text).fields[-1], "action": "deny"}

        for origin in ("https://evil.example", "null"):
            assert (await http.post("/consent", data=fields, headers={"origin": origin})).status_code == 403

    async def test_a_form_in_another_browser_is_refused(self, deployment: Deployment, http: Http) -> None:
        token, _ = await deployment.token()
        page = await http.get(await http.begin(await http.register(), pkce()[1]))
        async with deployment.browser() as other:
            await other.get(await other.begin(await other.register(), pkce()[1]))  # so that it has a cookie

            assert (await other.submit(page, "token", token=token)).status_code == 403

    async def test_who_is_proved_in_one_browser_is_not_in_another(self, deployment: Deployment, http: Http) -> None:
        token, _ = await deployment.token(user="annette")
        consent = await http.begin(await http.register(), pkce()[1])
        await http.submit(await http.get(consent), "token", token=token)
        async with deployment.browser() as other:
            page = await other.get(consent)

            assert page.status_code == 403
            assert "annette" not in page.text

    async def test_allowing_without_having_proved_anything_gives_nothing(self, http: Http) -> None:
        page = await http.get(await http.begin(await http.register(), pkce()[1]))

        answer = await http.submit(page, "allow")

        assert answer.status_code == 403
        assert "location" not in answer.headers


class TestWrongTokens:
    @pytest.mark.parametrize("shown", ["", "cm_" + "x" * 43, "letmein", "cm_\x00", "' or 1=1"])
    async def test_a_wrong_token_is_told_in_one_line_on_the_same_page(
        self, deployment: Deployment, http: Http, shown: str
    ) -> None:
        page = await http.get(await http.begin(await http.register(), pkce()[1]))

        again = await http.submit(page, "token", token=shown)

        assert again.status_code == 403
        assert problem(again) == "This access token is unknown, expired or revoked. Nothing was allowed."
        assert 'aria-invalid="true"' in again.text
        assert "Tester" in again.text
        assert deployment.service.metrics.by_label(SIGN_INS)[("wrong_proof",)] == 1

    async def test_a_revoked_token_proves_nothing(self, deployment: Deployment, http: Http) -> None:
        token, token_id = await deployment.token()
        await deployment.runtime.tokens.revoke(token_id)
        page = await http.get(await http.begin(await http.register(), pkce()[1]))

        assert (await http.submit(page, "token", token=token)).status_code == 403

    async def test_after_five_wrong_ones_the_sign_in_is_over_for_the_right_one_too(
        self, deployment: Deployment, http: Http
    ) -> None:
        token, _ = await deployment.token()
        page = await http.get(await http.begin(await http.register(), pkce()[1]))
        for _ in range(5):
            await http.submit(page, "token", token="wrong")

        late = await http.submit(page, "token", token=token)

        assert late.status_code == 400
        assert "refused too often" in problem(late)

    async def test_an_address_that_tries_and_tries_is_slowed_down(self, http: Http) -> None:
        client = await http.register()
        answers = [await http.authorize(client, pkce()[1]) for _ in range(61)]

        assert [answer.status_code for answer in answers] == [302] * 60 + [429]
        assert int(answers[-1].headers["retry-after"]) > 0


class TestEnds:
    async def test_deny_tells_the_client_and_nothing_else_happens(self, deployment: Deployment, http: Http) -> None:
        token, _ = await deployment.token()
        consent = await http.begin(await http.register(), pkce()[1])
        proved = await http.submit(await http.get(consent), "token", token=token)

        denied = await http.submit(await http.get(proved.headers["location"]), "deny")

        assert query(denied.headers["location"]) == {
            "error": "access_denied",
            "state": "xyz",
            "iss": "https://memory.example",
        }
        assert (await http.get(consent)).status_code == 400
        assert [one.client for one in await deployment.runtime.tokens.list()] == [None]

    async def test_cancel_needs_no_proof(self, http: Http) -> None:
        page = await http.get(await http.begin(await http.register(), pkce()[1]))

        assert query((await http.submit(page, "deny")).headers["location"])["error"] == "access_denied"

    async def test_a_sign_in_is_allowed_once(self, deployment: Deployment, http: Http) -> None:
        token, _ = await deployment.token()
        consent = await http.begin(await http.register(), pkce()[1])
        proved = await http.submit(await http.get(consent), "token", token=token)
        page = await http.get(proved.headers["location"])

        assert (await http.submit(page, "allow")).status_code == 303
        assert (await http.submit(page, "allow")).status_code == 400

    async def test_an_old_sign_in_is_over(self, deployment: Deployment, http: Http) -> None:
        consent = await http.begin(await http.register(), pkce()[1])
        page = await http.get(consent)
        await deployment.execute("update oauth_requests set expires_at = now()")

        assert (await http.get(consent)).status_code == 400
        assert (await http.submit(page, "deny")).status_code == 400

    @pytest.mark.parametrize("handle", ["", "x", "cm_" + "x" * 43, "a\x00b"])
    async def test_a_sign_in_nobody_began_shows_nothing(self, http: Http, handle: str) -> None:
        page = await http.get("/consent", params={"request": handle})

        assert page.status_code == 400
        assert "form" not in page.text.partition("</style>")[2]

    async def test_two_sign_ins_in_one_browser_do_not_disturb_each_other(
        self, deployment: Deployment, http: Http
    ) -> None:
        token, _ = await deployment.token()
        client = await http.register()
        one, other = await http.begin(client, pkce()[1], state="1"), await http.begin(client, pkce()[1], state="2")
        first, second = await http.get(one), await http.get(other)

        proved = [await http.submit(page, "token", token=token) for page in (first, second)]
        pages = [await http.get(one.headers["location"]) for one in proved]
        back = [query((await http.submit(page, "allow")).headers["location"]) for page in pages]

        assert [one["state"] for one in back] == ["1", "2"]


async def test_a_local_client_may_be_returned_to_over_http(deployment: Deployment, http: Http) -> None:
    token, _ = await deployment.token()
    redirect = "http://localhost:53123/callback"
    client = await http.register(redirect_uris=["http://localhost/callback"])
    consent = await http.begin(client, pkce()[1], redirect_uri=redirect)

    assert "form-action 'self' http:;" in (await http.get(consent)).headers["content-security-policy"]
    assert (await http.allow(consent, token)).startswith(f"{redirect}?code=")
