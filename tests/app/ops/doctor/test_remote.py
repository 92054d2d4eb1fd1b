"""`claude-memory doctor --mcp URL` on servers that work and on what is no server of ours."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from app.ops.doctor.remote import examine_mcp
from app.settings.fields import Settings
from tests.support.bridges import Machine
from tests.support.examining import SECRET, run_doctor, states
from tests.support.serving import PATIENCE_S, Server, SlowServer, clean_environment, serving


class TestMcpElsewhere:
    @pytest.fixture(scope="class")
    @staticmethod
    def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
        with serving(tmp_path_factory.mktemp("doctor") / "data") as server:
            yield server

    @pytest.mark.parametrize("path", ["/mcp", "/sse"])
    def test_a_server_is_called_as_clients_do(self, server: Server, machine: Machine, path: str) -> None:
        code, checks = run_doctor(machine, "--mcp", server.url + path)

        assert code == 0
        assert "9 tools and memory_health" in checks["MCP call"]["found"]
        assert set(states(checks).values()) == {"ok"}
        assert {"PostgreSQL", "index", "search"} <= checks.keys()

    @pytest.mark.parametrize(
        ("url", "found", "mend"),
        [
            pytest.param("http://127.0.0.1:9/mcp", "attempts failed", "the server runs", id="no server"),
            pytest.param("http://127.0.0.1:9/sse", "attempts failed", "the server runs", id="no server for SSE"),
            pytest.param("{url}/elsewhere/mcp", "HTTP 404", "check the path", id="another path"),
            pytest.param("{url}/elsewhere/sse", "HTTP 404", "check the path", id="another path for SSE"),
        ],
    )
    def test_a_failed_call_says_what_to_do(
        self, server: Server, machine: Machine, url: str, found: str, mend: str
    ) -> None:
        code, checks = run_doctor(machine, "--mcp", url.format(url=server.url))

        assert code == 1
        assert found in checks["MCP call"]["found"]
        assert mend in checks["MCP call"]["mend"]

    def test_another_mcp_server_is_recognised(self, machine: Machine, tmp_path: Path) -> None:
        with serving(tmp_path / "slow", ready=False, kind=SlowServer) as slow:
            code, checks = run_doctor(machine, "--mcp", f"{slow.url}/mcp")

        assert code == 1
        assert checks["MCP call"]["found"] == "slow has no tool memory_health: it is another MCP server"
        assert checks["MCP call"]["mend"].startswith("check the address")

    @pytest.mark.parametrize("path", ["/mcp", "/sse"])
    def test_a_token_comes_from_a_file_or_the_environment(self, machine: Machine, tmp_path: Path, path: str) -> None:
        token = subprocess.run(
            [sys.executable, "-m", "app", "token", "create", "--user", "ann", "--data-dir", str(tmp_path / "locked")],
            env=clean_environment(),
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=True,
        ).stdout
        (tmp_path / "token").write_text(token)
        with serving(tmp_path / "locked", AUTH="required") as server:
            url = server.url + path
            without = run_doctor(machine, "--mcp", url)
            by_file = run_doctor(machine, "--mcp", url, "--token-file", str(tmp_path / "token"))
            by_environment = run_doctor(machine, "--mcp", url, MEMORY_TOKEN=token.strip())

        assert (without[0], by_file[0], by_environment[0]) == (1, 0, 0)
        assert "HTTP 401" in without[1]["MCP call"]["found"]
        assert "--token-file" in without[1]["MCP call"]["mend"]

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            pytest.param(["--mcp", "ftp://x/mcp"], "begins with http:// or https://", id="no HTTP"),
            pytest.param(["--mcp", f"http://me:{SECRET}@x/mcp"], "takes a URL without user:password@", id="a password"),
            pytest.param(["--mcp", "http://x"], "ends in /mcp or /sse", id="no path"),
            pytest.param(["--mcp", "http://x/mcp", "--token-file", "/none"], "--token-file: got '/none'", id="no file"),
        ],
    )
    def test_wrong_usage_is_reported_before_anything_is_tried(self, arguments: list[str], message: str) -> None:
        done = subprocess.run(
            [sys.executable, "-m", "app", "doctor", *arguments],
            env=clean_environment(),
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )

        assert done.returncode in (1, 2)
        assert message in done.stderr
        assert SECRET not in done.stderr

    async def test_a_token_over_plain_http_is_a_warning(self, plain_settings: Settings) -> None:
        settings = plain_settings.model_copy(update={"memory_token": SecretStr(SECRET)})

        checks = await examine_mcp(settings, "http://host.invalid/mcp")

        assert [(check.name, check.state) for check in checks] == [("token", "warning"), ("MCP call", "failed")]
        assert SECRET not in str(checks)
