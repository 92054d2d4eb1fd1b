"""The protocol's own conformance suite tries the server in every version of the protocol, and its sign-in.

The suite is made for servers of its own, with tools such as `test_simple_text`. The tables say which of its scenarios
apply to any server; one that a newer suite brings fails the test until it is in one of them. It needs Node 22, which on
Linux is among its packages.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.conftest import Deploy
from tests.support.deployment import Deployment
from tests.support.docker import free_port
from tests.support.node import newer_node, node, npm_ci
from tests.support.serving import PATIENCE_S, clean_environment, serving
from tests.support.sign_in import Http

SUITE = "node_modules/@modelcontextprotocol/conformance/dist/index.js"
VERSIONS = ("2025-06-18", "2025-11-25", "2026-07-28")  # it has scenarios for sessions alone in earlier ones

APPLY = frozenset(
    {
        "caching",
        "completion-complete",
        "dns-rebinding-protection",
        "http-header-validation",
        "input-required-result-ignore-extra-params",
        "input-required-result-unsupported-methods",
        "ping",
        "prompts-list",
        "resources-list",
        "sep-2164-resource-not-found",
        "server-initialize",
        "server-sse-multiple-streams",
        "server-stateless",
        "tools-call-error",
        "tools-list",
    }
)
_ITS_TOOL = "calls a tool of the suite's own server"
_ITS_PROMPT = "gets a prompt of the suite's own server"
_ITS_RESOURCE = "reads a resource of the suite's own server"
_ASKS_CLIENT = "wants a tool that asks the client; no tool here does"
_SESSIONS = "the server keeps no sessions over HTTP"
_TASKS = "the server does not offer the extension for tasks"
_SKILLS = "the server does not offer the extension for skills"
DO_NOT_APPLY = {
    "elicitation-sep1034-defaults": _ASKS_CLIENT,
    "elicitation-sep1330-enums": _ASKS_CLIENT,
    "http-custom-header-server-validation": "no tool here takes an argument in a header (x-mcp-header)",
    "input-required-result-basic-elicitation": _ASKS_CLIENT,
    "input-required-result-basic-list-roots": _ASKS_CLIENT,
    "input-required-result-basic-sampling": _ASKS_CLIENT,
    "input-required-result-capability-check": _ASKS_CLIENT,
    "input-required-result-missing-input-response": _ASKS_CLIENT,
    "input-required-result-multi-round": _ASKS_CLIENT,
    "input-required-result-multiple-input-requests": _ASKS_CLIENT,
    "input-required-result-non-tool-request": _ASKS_CLIENT,
    "input-required-result-request-state": _ASKS_CLIENT,
    "input-required-result-result-type": _ASKS_CLIENT,
    "input-required-result-tampered-state": _ASKS_CLIENT,
    "input-required-result-validate-input": _ASKS_CLIENT,
    "json-schema-2020-12": _ITS_TOOL,
    "logging-set-level": "the server sends no log messages to clients, and does not offer to",
    "prompts-get-embedded-resource": _ITS_PROMPT,
    "prompts-get-simple": _ITS_PROMPT,
    "prompts-get-with-args": _ITS_PROMPT,
    "prompts-get-with-image": _ITS_PROMPT,
    "resources-read-binary": _ITS_RESOURCE,
    "resources-read-text": _ITS_RESOURCE,
    "resources-subscribe": "the server does not offer subscriptions",
    "resources-templates-read": _ITS_RESOURCE,
    "resources-unsubscribe": "the server does not offer subscriptions",
    "sep-2640-skills-directory": _SKILLS,
    "sep-2640-skills-enumeration": _SKILLS,
    "sep-2640-skills-manifest": _SKILLS,
    "server-session-lifecycle": _SESSIONS,
    "server-sse-polling": _SESSIONS,
    "tasks-capability-negotiation": _TASKS,
    "tasks-dispatch-and-envelope": _TASKS,
    "tasks-lifecycle": _TASKS,
    "tasks-mrtr-composition": _TASKS,
    "tasks-mrtr-input": _TASKS,
    "tasks-request-headers": _TASKS,
    "tasks-request-state-removal": _TASKS,
    "tasks-required-task-error": _TASKS,
    "tasks-status-notifications": _TASKS,
    "tasks-wire-fields": _TASKS,
    "tools-call-audio": _ITS_TOOL,
    "tools-call-elicitation": _ASKS_CLIENT,
    "tools-call-embedded-resource": _ITS_TOOL,
    "tools-call-image": _ITS_TOOL,
    "tools-call-mixed-content": _ITS_TOOL,
    "tools-call-sampling": _ASKS_CLIENT,
    "tools-call-simple-text": _ITS_TOOL,
    "tools-call-with-logging": _ITS_TOOL,
    "tools-call-with-progress": _ITS_TOOL,
}
CHECKS_DO_NOT_APPLY = {  # of scenarios that do
    "authorization-server-metadata-cimd": "docs/architecture.md says why no client id metadata documents",
    "sep-2575-missing-capability-http-400": _ITS_TOOL,
    "sep-2575-server-rejects-undeclared-capability": _ITS_TOOL,
    "server-sse-multiple-streams-session": _SESSIONS,
}
IN_EVERY_SCENARIO = "wire-schema-valid"  # each message is held to the protocol's schema
FINE = {"SUCCESS", "INFO", "SKIPPED"}  # skipped: what the server does not offer


class Suite:
    """The suite, installed in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.node = newer_node(folder, 22)

    async def scenarios(self) -> set[str]:
        """Return the scenarios for servers."""
        done = await node(self.folder, SUITE, "list", "--server", program=self.node)
        named = [line.split() for line in done.stdout.splitlines()]
        return {words[1] for words in named if words[:1] == ["-"]}

    async def run(self, url: str, version: str, results: Path) -> list[tuple[str, dict[str, Any]]]:
        """Run the scenarios of a version; return their checks, each with its scenario."""
        given = ("--url", f"{url}/mcp", "--suite", "all", "--spec-version", version, "--output-dir", str(results))
        await node(self.folder, SUITE, "server", *given, program=self.node)
        scenarios = sorted(APPLY | DO_NOT_APPLY.keys(), key=len, reverse=True)  # the longest first that a name begins
        found = []
        for file in sorted(results.glob("*/checks.json")):
            name = file.parent.name.removeprefix("server-")
            scenario = next(one for one in scenarios if name.startswith(f"{one}-20"))
            found += [(scenario, check) for check in json.loads(file.read_text())]
        return found

    @asynccontextmanager
    async def signing_in(
        self, deployment: Deployment, client: str, port: int, results: Path
    ) -> AsyncIterator[asyncio.subprocess.Process]:
        """Run the scenarios for authorization servers, which wait for a user, as long as the block lasts."""
        where = ("--url", deployment.url, "--resource", f"{deployment.url}/mcp", "--output-dir", str(results))
        process = await asyncio.create_subprocess_exec(
            *(self.node, SUITE, "authorization", *where, "--client-id", client, "--port", str(port)),
            cwd=self.folder,
            env=clean_environment(),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        try:
            async with asyncio.timeout(PATIENCE_S):
                yield process
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()


@pytest.fixture(scope="module")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Suite:
    """The suite."""
    folder = tmp_path_factory.mktemp("conformance")
    npm_ci(Path(__file__).parent / "conformance", folder)
    return Suite(folder)


async def test_every_scenario_is_in_one_of_the_tables(suite: Suite) -> None:
    assert not APPLY & DO_NOT_APPLY.keys()
    assert await suite.scenarios() == APPLY | DO_NOT_APPLY.keys()


async def test_the_server_does_what_the_protocol_says(suite: Suite, tmp_path: Path) -> None:
    with serving(tmp_path / "data", RATE_LIMIT_PER_MINUTE="0") as server:
        tried: set[str] = set()
        for version in VERSIONS:
            checks = await suite.run(server.url, version, tmp_path / version)
            tried |= {scenario for scenario, _ in checks}
            wrong = [
                f"{version} {scenario}: {check['id']}: {check['status']} {check.get('errorMessage', '')}"
                for scenario, check in checks
                if (scenario in APPLY or check["id"] == IN_EVERY_SCENARIO)
                and check["id"] not in CHECKS_DO_NOT_APPLY
                and check["status"] not in FINE
            ]
            assert not wrong, "\n".join(wrong)
        assert tried >= APPLY


async def test_a_client_signs_in_as_the_protocol_says(suite: Suite, deploy: Deploy, tmp_path: Path) -> None:
    deployment = await deploy()
    port, results = free_port(), tmp_path / "results"
    async with Http(deployment.url) as http, httpx.AsyncClient() as browser:
        client = await http.register(redirect_uris=[f"http://127.0.0.1:{port}/callback"])
        async with suite.signing_in(deployment, client["client_id"], port, results) as process:
            assert process.stdout is not None
            said = ""
            async for line in process.stdout:
                said += line.decode()
                if line.decode().startswith(f"{deployment.url}/authorize?"):
                    consent = (await http.get(line.decode().strip())).headers["location"]
                    await browser.get(await http.allow(consent, deployment.token))
    checks = [check for file in results.glob("*/checks.json") for check in json.loads(file.read_text())]
    done = {check["id"]: check["status"] for check in checks if check["id"] not in CHECKS_DO_NOT_APPLY}
    assert done == {"authorization-code-grant": "SUCCESS", "authorization-server-metadata": "SUCCESS"}, said
