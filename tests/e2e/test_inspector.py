"""The reference inspector signs in and works, as a developer uses it: on its page in Chromium, on its command line.

It asks for Node 22 and runs on 20.
"""

from __future__ import annotations

import json
import socket
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest

from app.store.database import Database
from tests.e2e.conftest import Deploy
from tests.support.browser import chromium, press
from tests.support.deployment import Deployment
from tests.support.node import node, npm_ci
from tests.support.serving import PATIENCE_S, clean_environment
from tests.support.waiting import wait_until

LAUNCHER = "node_modules/@modelcontextprotocol/inspector/clients/launcher/build/index.js"


@pytest.fixture(scope="module")
def inspector(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder it is installed in, which is its home as well."""
    folder = tmp_path_factory.mktemp("inspector")
    npm_ci(Path(__file__).parent / "inspector", folder, node_version=20)
    return folder


async def test_on_its_command_line_a_token_in_a_header_lists_and_calls_tools(deploy: Deploy, inspector: Path) -> None:
    deployment = await deploy()

    async def run(*arguments: str, token: str = deployment.token) -> tuple[int, str, str]:
        given = (f"{deployment.url}/mcp", "--header", f"Authorization: Bearer {token}", "--stored-auth-only")
        done = await node(
            inspector, LAUNCHER, "--cli", *given, "--format", "json", *arguments, **environment(inspector)
        )
        return done.returncode, done.stdout, done.stderr

    status, listed, complaints = await run("--method", "tools/list", "--strict")
    assert (status, complaints) == (0, ""), "and the schemas of the tools suit every client it knows of"
    assert {"memorize", "search_memory"} <= {tool["name"] for tool in json.loads(listed)["result"]["tools"]}
    call = ("--method", "tools/call", "--tool-name")
    _, stored, _ = await run(*call, "memorize", "--tool-arg", "text=ann likes pears")
    assert json.loads(stored)["result"]["structuredContent"]["created"] is True
    for era in ("legacy", "modern"):
        asked = ("--tool-arg", "query=what does ann like", "--protocol-era", era)
        _, found, _ = await run(*call, "search_memory", *asked)
        assert json.loads(found)["result"]["structuredContent"]["results"][0]["text"] == "ann likes pears"

    status, _, refused = await run("--method", "tools/list", token="cm_" + "x" * 43)
    assert (status, json.loads(refused)["error"]["code"]) == (3, "auth_required")


class Page:
    """The inspector's page, with the server's tools before it."""

    def __init__(self, browser: Any) -> None:
        self.browser = browser

    def call(self, tool: str, shows: str, **fields: str) -> None:
        """Call a tool, and wait until what came back is shown."""
        self._start(tool, fields)
        self._wait(lambda: shows in self._shown(), f"{tool} shows {shows}")

    def call_until(self, holds: Callable[[], bool], what: str) -> None:
        """Call tools again and again until something holds: a server may know a token for some seconds more."""
        tools = cycle(("memory_stats", "memory_health"))  # after a call, the form of the same tool is not shown again

        def called() -> bool:
            self._start(next(tools), {})
            self._wait(lambda: "Structured Output" in self._shown() or self.asks_the_user(), "an answer")
            return holds()

        self._wait(called, what)

    def sign_in(self, address: str, token: str) -> None:
        """Connect: that leads to the consent page, and back."""
        self.browser.get(address)
        self._click("//input[starts-with(@aria-label, 'Connect or disconnect')]")
        self._wait(lambda: self.browser.find_elements("id", "token"), "the consent page")
        self.browser.find_element("id", "token").send_keys(token)
        press(self.browser, "Continue")
        press(self.browser, "Allow")
        self._click("//header//label[normalize-space()='Tools']")

    def asks_the_user(self) -> bool:
        """Whether it has sent the browser to the consent page."""
        return "/consent?" in self.browser.current_url

    def _start(self, tool: str, fields: dict[str, str]) -> None:
        self._click(f"//main//button[.//p[normalize-space()='{tool}']]")
        for name, text in fields.items():
            label = f"//main//label[text()='{name}']"
            self._wait(lambda: self.browser.find_elements("xpath", label), name)  # noqa: B023 - called at once
            field = self.browser.find_element("xpath", label).get_attribute("for")
            self.browser.find_element("id", field).send_keys(text)
        self._click("//main//button[normalize-space()='Execute Tool']")

    def _click(self, xpath: str) -> None:
        self._wait(lambda: self.browser.find_elements("xpath", xpath), xpath)
        self.browser.execute_script("arguments[0].click()", self.browser.find_element("xpath", xpath))

    def _shown(self) -> str:
        return "".join(one.text for one in self.browser.find_elements("tag name", "main"))

    def _wait(self, holds: Callable[[], object], what: str) -> None:
        from selenium.common.exceptions import StaleElementReferenceException
        from selenium.webdriver.support.wait import WebDriverWait

        drawn_anew = [StaleElementReferenceException]
        wait = WebDriverWait(self.browser, PATIENCE_S, poll_frequency=0.1, ignored_exceptions=drawn_anew)
        wait.until(lambda _: holds(), what)


async def test_on_its_page_a_user_signs_in_calls_tools_refreshes_and_is_revoked(
    deploy: Deploy, inspector: Path, database: Database, tmp_path: Path
) -> None:
    deployment = await deploy()
    with running(inspector, deployment) as address, chromium(tmp_path / "profile", javascript=True) as browser:
        browser.implicitly_wait(0)
        browser.set_window_size(1500, 1000)
        page = Page(browser)
        page.sign_in(address, deployment.token)
        page.call("memorize", '"created": true', text="ann likes figs")
        page.call("search_memory", '"text": "ann likes figs"', query="what does ann like")
        assert asked(deployment, "/token") == 1

        async with database.as_service() as connection:
            await connection.execute("update oauth_tokens set expires_at = now() where kind = 'access'")
        page.call_until(lambda: asked(deployment, "/token") == 2, "it refreshes")
        page.call("recall_context", "ann likes figs", query="what does ann like")
        assert asked(deployment, "/authorize") == 1, "without the user"

        [grant] = [one for one in await deployment.tokens.list() if one.client == "MCP Inspector"]
        assert await deployment.tokens.revoke(grant.id)
        page.call_until(page.asks_the_user, "it asks the user again")


def environment(home: Path) -> dict[str, str]:
    """Return what keeps it to its folder."""
    return {"HOME": str(home), "MCP_INSPECTOR_SECRET_STORE": "memory", "MCP_AUTO_OPEN_ENABLED": "false"}


@contextmanager
def running(home: Path, deployment: Deployment) -> Iterator[str]:
    """Serve its page as long as the block lasts; yield the page's address."""
    port = free_port()
    # 0 for the two ports of MCP apps: any
    ports = {"CLIENT_PORT": str(port), "MCP_SANDBOX_PORT": "0", "MCP_APP_ORIGIN_PORT": "0"}
    command = ["node", LAUNCHER, "--web", "--transport", "http", "--server-url", f"{deployment.url}/mcp"]
    given = clean_environment(**environment(home), **ports, MCP_INSPECTOR_API_TOKEN="a-token")
    with (home / "inspector.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=home, env=given, stdout=log, stderr=subprocess.STDOUT)
    address = f"http://127.0.0.1:{port}/?MCP_INSPECTOR_API_TOKEN=a-token"
    try:
        wait_until(lambda: process.poll() is not None or answers(address), "the inspector's page")
        assert process.poll() is None, (home / "inspector.log").read_text()
        yield address
    finally:
        process.kill()
        process.wait()


def free_port() -> int:
    """Return a port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answers(address: str) -> bool:
    """Whether a page is there."""
    try:
        with urllib.request.urlopen(address, timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False


def asked(deployment: Deployment, path: str) -> int:
    """Return how often clients asked for a path."""
    return [where for _, where in deployment.asked].count(path)
