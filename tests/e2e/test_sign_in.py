"""Real clients sign in at real servers: the SDK's, the reference one (needs Node and npm), and a person in Chromium.

The browser tests need Debian's packages chromium and chromium-driver, and are skipped without them.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import httpx2
import pytest
from mcp import ClientSession
from mcp.client.auth import OAuthClientProvider
from mcp.client.sse import sse_client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import AuthorizationCodeResult, OAuthClientInformationFull, OAuthClientMetadata, OAuthToken

from tests.e2e.conftest import Deploy
from tests.support.browser import chromium, next_page, press
from tests.support.deployment import Deployment
from tests.support.node import node, npm_ci
from tests.support.serving import PATIENCE_S, clean_environment
from tests.support.sign_in import Http, pkce, query
from tests.support.waiting import until

CALLBACK = "http://127.0.0.1:9/callback"


class Kept:
    """Where the SDK's client keeps what it was given."""

    def __init__(self) -> None:
        self.tokens: OAuthToken | None = None
        self.client: OAuthClientInformationFull | None = None

    async def get_tokens(self) -> OAuthToken | None:
        return self.tokens

    async def set_tokens(self, tokens: OAuthToken) -> None:
        self.tokens = tokens

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        return self.client

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        self.client = client_info


class User:
    """Ann, who is shown the consent page and allows; `asked` counts how often."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
        self._back = ""
        self.asked = 0

    async def open(self, url: str) -> None:
        self.asked += 1
        async with Http(self._deployment.url) as http:
            answer = await http.get(url)
            self._back = await http.allow(answer.headers["location"], self._deployment.token)

    async def back(self) -> AuthorizationCodeResult:
        given = query(self._back)
        return AuthorizationCodeResult(code=given["code"], state=given["state"], iss=given["iss"])


def signs_in(deployment: Deployment, path: str, kept: Kept, user: User, **metadata: Any) -> OAuthClientProvider:
    given = {"redirect_uris": [CALLBACK], "client_name": "The SDK", "token_endpoint_auth_method": "none", **metadata}
    return OAuthClientProvider(
        f"{deployment.url}{path}",
        OAuthClientMetadata.model_validate(given),
        kept,
        redirect_handler=user.open,
        callback_handler=user.back,
    )


@asynccontextmanager
async def session(
    deployment: Deployment, auth: OAuthClientProvider, path: str = "/mcp"
) -> AsyncIterator[ClientSession]:
    if path == "/mcp":
        async with (
            httpx2.AsyncClient(auth=auth, timeout=PATIENCE_S) as client,
            streamable_http_client(f"{deployment.url}/mcp", http_client=client) as streams,
            ClientSession(*streams) as session,
        ):
            await session.initialize()
            yield session
    else:
        async with (
            sse_client(f"{deployment.url}/sse", auth=auth) as streams,
            ClientSession(*streams) as session,
        ):
            await session.initialize()
            yield session


class TestTheSdksClient:
    @pytest.mark.parametrize("method", ["none", "client_secret_post", "client_secret_basic"])
    async def test_it_signs_in_calls_a_tool_and_refreshes_at_two_replicas_in_turn(
        self, deploy: Deploy, method: str
    ) -> None:
        deployment = await deploy(2)
        kept, user = Kept(), User(deployment)
        auth = signs_in(deployment, "/mcp", kept, user, token_endpoint_auth_method=method)

        async with session(deployment, auth) as client:
            stored = await client.call_tool("memorize", {"text": "ann likes quinces"})
            assert stored.structured_content["created"] is True
            first = kept.tokens
            auth.context.token_expiry_time = time.time() - 1
            found = await client.call_tool("search_memory", {"query": "what does ann like"})
            assert found.structured_content["results"][0]["text"] == "ann likes quinces"

        assert user.asked == 1, "the second call refreshed"
        assert kept.tokens is not None
        assert first is not None
        assert kept.tokens.access_token != first.access_token
        assert kept.tokens.refresh_token != first.refresh_token
        assert {"/register", "/authorize", "/consent", "/token", "/mcp"} <= {path for _, path in deployment.asked}
        again = signs_in(deployment, "/mcp", kept, user)
        async with session(deployment, again) as client:
            await client.call_tool("memory_stats", {})
        assert user.asked == 1, "what it keeps opens the server after a restart as well"

    async def test_it_is_revoked_and_has_to_ask_again(self, deploy: Deploy) -> None:
        deployment = await deploy()
        kept, user = Kept(), User(deployment)
        async with session(deployment, signs_in(deployment, "/mcp", kept, user)) as client:
            await client.call_tool("memory_stats", {})
        [grant] = [one for one in await deployment.tokens.list() if one.client == "The SDK"]
        assert grant.user == "ann"
        assert await deployment.tokens.revoke(grant.id)
        assert kept.tokens is not None
        async with Http(deployment.url) as http:
            shown = {"Authorization": f"Bearer {kept.tokens.access_token}"}

            async def refused() -> bool:
                return (await http.post("/mcp", headers=shown)).status_code == 401

            await until(refused, "the revoked token is refused")

        async with session(deployment, signs_in(deployment, "/mcp", kept, user)) as client:
            await client.call_tool("memory_stats", {})

        assert user.asked == 2

    async def test_it_registers_again_when_its_client_was_deleted(self, deploy: Deploy) -> None:
        deployment = await deploy()
        kept, user = Kept(), User(deployment)
        async with session(deployment, signs_in(deployment, "/mcp", kept, user)):
            pass
        assert kept.client is not None
        assert kept.tokens is not None
        assert await deployment.tokens.revoke(kept.client.client_id or "")
        async with Http(deployment.url) as http:
            given = {"client_id": kept.client.client_id}
            refused = await http.refresh(given, kept.tokens.refresh_token or "")
        assert (refused.status_code, refused.json()["error"]) == (401, "invalid_client")

        kept.client = kept.tokens = None  # which is what a client makes of that answer
        async with session(deployment, signs_in(deployment, "/mcp", kept, user)) as client:
            await client.call_tool("memory_stats", {})

    async def test_it_signs_in_over_sse(self, deploy: Deploy) -> None:
        deployment = await deploy()
        kept, user = Kept(), User(deployment)

        async with session(deployment, signs_in(deployment, "/sse", kept, user), "/sse") as client:
            stored = await client.call_tool("memorize", {"text": "over sse"})
            assert stored.structured_content["created"] is True


async def test_without_public_url_nothing_of_it_is_there(deploy: Deploy) -> None:
    deployment = await deploy(PUBLIC_URL="")
    async with Http(deployment.url) as http:
        assert (await http.get("/.well-known/oauth-protected-resource")).status_code == 401
        refused = await http.post("/mcp")
    assert refused.headers["www-authenticate"] == 'Bearer realm="claude-memory"'


async def test_with_an_openid_provider_nobody_needs_a_token(deploy: Deploy) -> None:
    provider = {"OPENID_ISSUER": "https://accounts.example", "OPENID_CLIENT_ID": "us", "OPENID_ALLOWED_USERS": "*"}
    deployment = await deploy(**provider)
    async with Http(deployment.url) as http:
        client = await http.register()
        page = await http.get(await http.begin(client, pkce()[1]))

    assert "Sign in with <bdi>accounts.example</bdi>" in page.text


async def test_a_server_that_is_open_to_all_does_not_start_with_a_public_url(tmp_path: Path) -> None:
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "app", "serve", "--port", "0", "--data-dir", str(tmp_path / "data")],
        capture_output=True,
        text=True,
        env=clean_environment(PUBLIC_URL="https://memory.example"),
        timeout=PATIENCE_S,
    )

    assert done.returncode == 2
    assert "set AUTH=required" in done.stderr


async def test_the_reference_client_signs_in_refreshes_and_is_revoked(deploy: Deploy, tmp_path: Path) -> None:
    await asyncio.to_thread(npm_ci, Path(__file__).parent / "typescript", tmp_path)
    deployment = await deploy(2)

    done = await node(tmp_path, "sign-in.mjs", deployment.url, deployment.token)

    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "passed"


@contextmanager
def callback() -> Iterator[tuple[str, list[str]]]:
    """Listen as a client on the user's machine does; yield the address and what came to it.

    Like Claude's, it sends the browser on to another origin at once.
    """
    came: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path.startswith("/callback"):
                came.append(self.path)
                self.send_response(302)
                self.send_header("Location", f"http://localhost:{server.server_address[1]}/done")
                self.end_headers()
            else:
                self.send_response(200)
                self.send_header("Content-Type", "text/html")
                self.end_headers()
                self.wfile.write(b"<title>connected</title>")

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/callback", came
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Any]:
    """Chromium with JavaScript switched off: the page must do without."""
    with chromium(tmp_path / "profile", javascript=False) as browser:
        yield browser


class TestInTheBrowser:
    async def begin(self, deployment: Deployment, redirect: str, **metadata: Any) -> tuple[dict[str, Any], str, str]:
        """Register a client; return it, the address it opens in the browser, and its verifier."""
        verifier, challenge = pkce()
        async with Http(deployment.url) as http:
            client = await http.register(redirect_uris=[redirect], **metadata)
            asked = http.client.build_request(
                "GET",
                "/authorize",
                params={
                    "response_type": "code",
                    "client_id": client["client_id"],
                    "redirect_uri": redirect,
                    "code_challenge": challenge,
                    "code_challenge_method": "S256",
                    "state": "a state",
                },
            )
        return client, str(asked.url), verifier

    async def test_a_user_connects_with_the_keyboard_alone(self, deploy: Deploy, browser: Any) -> None:
        from selenium.webdriver.common.keys import Keys

        deployment = await deploy()
        with callback() as (redirect, came):
            client, url, verifier = await self.begin(deployment, redirect)
            browser.get(url)
            assert "Tester asks for access" in browser.find_element("css selector", "h1").text
            assert redirect.split("/")[2] in browser.find_element("id", "redirect").text

            with next_page(browser):
                browser.switch_to.active_element.send_keys("cm_" + "x" * 43, Keys.ENTER)
            problem = browser.find_element("css selector", "[role=alert]")
            assert problem.text == "This access token is unknown, expired or revoked. Nothing was allowed."
            field = browser.switch_to.active_element
            assert field.get_attribute("id") == "token"
            assert field.get_attribute("aria-describedby") == problem.get_attribute("id")
            with next_page(browser):
                field.send_keys(deployment.token, Keys.ENTER)

            assert browser.find_element("css selector", "h1").text == "May Tester use the memory of ann?"
            with next_page(browser):
                self.tab_to(browser, "Allow").send_keys(Keys.ENTER)

            assert browser.title == "connected", "redirects of the client's own are not held back"
        given = query(came[0])
        assert given["state"] == "a state"
        async with Http(deployment.url) as http:
            answer = await http.redeem(client, given["code"], verifier, redirect_uri=redirect)
        assert answer.status_code == 200

    def tab_to(self, browser: Any, name: str) -> Any:
        """Press Tab until the control with that name has the focus; each on the way shows that it has it."""
        from selenium.webdriver.common.action_chains import ActionChains
        from selenium.webdriver.common.keys import Keys

        for _ in range(10):
            ActionChains(browser).send_keys(Keys.TAB).perform()
            element = browser.switch_to.active_element
            assert element.value_of_css_property("outline-style") == "solid"
            if element.accessible_name == name:
                return element
        raise AssertionError(f"no {name} within ten stops")

    async def test_every_control_has_a_name_and_everything_can_be_read(self, deploy: Deploy, browser: Any) -> None:
        deployment = await deploy()
        _, url, _ = await self.begin(deployment, CALLBACK)
        for scheme in ("light", "dark"):
            media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
            browser.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
            browser.get(url)
            browser.find_element("id", "token").send_keys("wrong")
            press(browser, "Continue")
            self.check_page(browser, ["Your access token", "Continue", "Cancel"])
            browser.find_element("id", "token").send_keys(deployment.token)
            press(browser, "Continue")
            self.check_page(browser, ["Allow", "Deny"])

    def check_page(self, browser: Any, names: list[str]) -> None:
        controls = browser.find_elements("css selector", "input:not([type=hidden]), button")
        assert [control.accessible_name for control in controls] == names
        assert browser.find_element("tag name", "html").get_attribute("lang") == "en"
        assert len(browser.find_elements("tag name", "h1")) == 1
        for element in browser.find_elements("css selector", "h1, dt, dd, label, p, button, input:not([type=hidden])"):
            ratio = contrast(element, browser)
            assert ratio >= 4.5, f"{element.tag_name} {element.text!r}: {ratio:.1f} (WCAG 2.2 AA asks 4.5)"
        browser.set_window_size(320, 800)
        main, page = browser.find_element("tag name", "main").rect, browser.get_window_size()["width"]
        assert main["x"] + main["width"] <= page, "it fits a narrow screen"

    async def test_a_clients_name_is_text_and_the_page_stands_in_no_frame(self, deploy: Deploy, browser: Any) -> None:
        deployment = await deploy()
        _, url, _ = await self.begin(deployment, CALLBACK, client_name="<h1>Bank</h1><form action=//evil.example>")
        browser.get(url)
        assert browser.find_element("css selector", "h1").text.startswith("<h1>Bank</h1>")
        assert len(browser.find_elements("tag name", "form")) == 1

        consent = browser.current_url
        browser.get(f"data:text/html,<iframe src='{consent}'></iframe>")
        browser.switch_to.frame(0)
        assert browser.find_elements("id", "token") == []

    async def test_deny_goes_back_with_the_reason(self, deploy: Deploy, browser: Any) -> None:
        deployment = await deploy()
        with callback() as (redirect, came):
            _, url, _ = await self.begin(deployment, redirect)
            browser.get(url)
            press(browser, "Cancel")
            assert browser.title == "connected"
        assert query(came[0])["error"] == "access_denied"


def contrast(element: Any, browser: Any) -> float:
    """Return the contrast of an element's text with what is behind it (WCAG 2.2, 1.4.3)."""
    own = channels(element.value_of_css_property("background-color"))
    behind = (
        own if own[3] else channels(browser.find_element("tag name", "body").value_of_css_property("background-color"))
    )
    one, other = luminance(channels(element.value_of_css_property("color"))), luminance(behind)
    return (max(one, other) + 0.05) / (min(one, other) + 0.05)


def channels(colour: str) -> tuple[float, ...]:
    """Read `rgb(…)` or `rgba(…)`."""
    found = tuple(float(part) for part in colour.partition("(")[2].rstrip(")").split(","))
    return (*found, 1.0)[:4]


def luminance(colour: tuple[float, ...]) -> float:
    """Return the relative luminance of a colour."""
    linear = [c / 12.92 if (c := one / 255) <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for one in colour[:3]]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
