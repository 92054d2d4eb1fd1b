"""A whole server in process on the test's database, where clients can sign in."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from itertools import count
from typing import Any

import pytest

from app.settings.fields import Settings
from tests.support.mcp import running
from tests.support.oauth_deployment import PUBLIC_URL, Deploy, Deployment
from tests.support.sign_in import Http


@pytest.fixture
async def deploy(plain_settings: Settings, connect_arguments: Mapping[str, Any]) -> AsyncIterator[Deploy]:
    """Return a function that starts a process on the test's database; settings are its arguments."""
    number = count()
    async with AsyncExitStack() as stack:

        async def deploy(**values: Any) -> Deployment:
            given = {"public_url": PUBLIC_URL, "auth": "required", **values}
            folder = plain_settings.data_dir / str(next(number))
            settings = Settings(_env_file=None, memory_data_dir=folder, **given)
            return Deployment(await stack.enter_async_context(running(settings, connect_arguments)))

        yield deploy


@pytest.fixture
async def deployment(deploy: Deploy) -> Deployment:
    """A process with the default settings."""
    return await deploy()


@pytest.fixture
async def http(deployment: Deployment) -> AsyncIterator[Http]:
    """A browser in front of it."""
    async with deployment.browser() as http:
        yield http
