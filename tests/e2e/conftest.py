"""Deployments where clients sign in, and the Docker engine of the run."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from app.access.tokens import digest, new_token
from app.store.database import Database
from app.store.tokens import Tokens
from tests.support.deployment import Deployment
from tests.support.docker import DockerEngine, EngineMissing
from tests.support.postgres import temporary_folder
from tests.support.proxy import proxy
from tests.support.serving import Server

Deploy = Callable[..., Awaitable[Deployment]]


@pytest.fixture(scope="session")
def engine() -> Iterator[DockerEngine]:
    """A Docker engine; without one the tests that need it are skipped, and say why."""
    folder = temporary_folder()
    engine = DockerEngine(folder / "docker")
    try:
        engine.start()
    except EngineMissing as missing:
        shutil.rmtree(folder)
        pytest.skip(f"needs a Docker engine: {missing}")
    yield engine
    engine.stop()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def tokens(database: Database) -> Tokens:
    """The access tokens and grants in it."""
    return Tokens(database)


@pytest.fixture
async def deploy(connect_arguments: dict[str, Any], tokens: Tokens, tmp_path: Path) -> AsyncIterator[Deploy]:
    """Return a function that starts a deployment of so many servers; with an OpenID provider it has no token."""
    host, port = quote(str(connect_arguments["host"]), safe=""), connect_arguments["port"]
    url = f"postgresql:///{connect_arguments['database']}?host={host}&port={port}&user={connect_arguments['user']}"
    with ExitStack() as stack:

        async def deploy(servers: int = 1, **environment: str) -> Deployment:
            token = new_token()
            if "OPENID_ISSUER" not in environment:
                await tokens.create(digest(token), "ann", ["read", "write"], None)
            before = stack.enter_context(proxy())
            given: dict[str, Any] = {
                "DATABASE_URL": url,
                "AUTH": "required",
                "PUBLIC_URL": before.url,
                "RATE_LIMIT_PER_MINUTE": "0",  # tests ask often while they wait
                **environment,
            }
            running = []
            for number in range(servers):
                server = Server(tmp_path / f"data{number}", **given)
                stack.callback(server.end)
                running.append(server)
            for server in running:
                await asyncio.to_thread(server.wait_ready)
            before.ports.extend(server.port for server in running)
            return Deployment(before, running, tokens, token)

        yield deploy
