"""server.json is up to date, and the MCP registry would take it."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path

import pytest

from app.cli import build_parser
from app.commands import stdio
from app.endpoints import MCP
from ci.errors import CiError
from ci.release.identity import ROOT, identity
from ci.release.server_json import FILE, server_json, write
from tests.ci.release.test_identity import OURS

# What the registry checks. Source: its schema of 2025-12-11 and its requirements for publishing.
NAME = re.compile(r"[a-zA-Z0-9.-]+/[a-zA-Z0-9._-]+")
TRANSPORTS = {"stdio", "streamable-http", "sse"}
BASES = {"pypi": "https://pypi.org"}


def test_the_file_is_up_to_date() -> None:
    stale = f"{FILE} is out of date: run `./dev release server`"
    assert (ROOT / FILE).read_text(encoding="utf-8") == server_json(identity()), stale


def test_the_registry_would_take_it() -> None:
    server = json.loads(server_json(OURS))

    assert NAME.fullmatch(server["name"])
    assert 3 <= len(server["name"]) <= 200
    assert 1 <= len(server["description"]) <= 100
    assert re.fullmatch(r"\d+\.\d+\.\d+\S*", server["version"])
    assert set(server["repository"]) == {"url", "source"}
    for package in server["packages"]:
        assert {"registryType", "identifier", "transport"} <= package.keys()
        assert package["transport"]["type"] in TRANSPORTS
        assert ("url" in package["transport"]) == (package["transport"]["type"] != "stdio")
        assert package.get("registryBaseUrl") == BASES.get(package["registryType"])
        for argument in package.get("packageArguments", ()):
            assert argument["type"] in {"positional", "named"}
            assert "value" in argument
        for variable in package.get("environmentVariables", ()):
            assert re.fullmatch(r"[A-Z_]+", variable["name"])
    oci = server["packages"][1]
    assert "version" not in oci, "an image's version is its tag"
    assert oci["identifier"] == "ghcr.io/ann/claude-memory:1.2.3"


def test_what_it_starts_exists() -> None:
    wheel, image = json.loads(server_json(identity()))["packages"]

    arguments = [one["value"] for one in wheel["packageArguments"]]
    assert build_parser().parse_args(arguments).run is stdio.run
    assert image["transport"]["url"].endswith(f":8000{MCP}")


def test_our_own_description_fits() -> None:
    with pytest.raises(CiError, match="has 101 characters, the MCP registry takes 100"):
        server_json(dataclasses.replace(OURS, description="x" * 101))


def test_a_fork_gets_its_own_by_one_line(checkout: Path) -> None:
    file = checkout / "pyproject.toml"
    file.write_text(file.read_text().replace("github.com/YOU/", "github.com/Ben/"))

    assert json.loads(write(checkout).read_text())["name"] == "io.github.Ben/claude-memory"
