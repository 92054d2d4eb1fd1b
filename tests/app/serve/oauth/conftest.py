"""A whole server in process on the test's database, where clients can sign in."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from itertools import count
from typing import Any

import pytest

from app.access.authenticator import Authenticator
from app.access.tokens import digest, new_token
from app.http.guard import Guard
from app.http.limits import rate_limit
from app.metrics import Metrics
from app.runtime.runtime import Runtime
from app.serve.dispatch import Dispatcher
from app.serve.http import create_app
from app.serve.oauth.routes import sign_in_routes
from app.serve.service import Service
from app.settings.fields import Settings
from app.store.tokens import Tokens
from tests.app.serve.test_dispatch import StandInMcp, StandInSse
from tests.support.mcp import running
from tests.support.sign_in import Http

PUBLIC_URL = "https://memory.example"


class Deployment:
    """One process of a deployment, without its MCP side, and a browser in front of it."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self.mcp = StandInMcp()
        self.service = Service(settings=runtime.settings, runtime=runtime, metrics=Metrics())
        authenticator = Authenticator(runtime.settings, self._tokens, lambda: self.clock)
        self.clock = 0.0
        self.app = Dispatcher(
            self.service,
            Guard.of(runtime.settings),
            authenticator,
            rate_limit(0),
            self.mcp,
            StandInSse(),  # type: ignore[arg-type]
        )
        routes = []
        if runtime.settings.public_url is not None:
            routes = sign_in_routes(runtime.settings, runtime, self.service.metrics)
        self.app.set_http(create_app(self.service, routes))

    async def _tokens(self) -> Tokens:
        return self.runtime.tokens

    def browser(self, **more: Any) -> Http:
        """Return a new browser."""
        return Http(PUBLIC_URL, self.app, **more)

    async def token(self, *scopes: str, user: str = "ann") -> tuple[str, str]:
        """Create an access token as `token create` does; return (its value, its id)."""
        value = new_token()
        made = await self.runtime.tokens.create(digest(value), user, scopes or ("read", "write"), None)
        return value, made.id

    async def opens(self, access_token: str, path: str = "/mcp") -> bool:
        """Whether a token opens the MCP endpoint now; nothing is remembered from before."""
        self.clock += 10
        async with self.browser() as http:
            answer = await http.post(path, headers={"Authorization": f"Bearer {access_token}"})
        assert answer.status_code in (200, 202, 401)
        return answer.status_code != 401

    async def execute(self, statement: str, *arguments: Any) -> None:
        """Change the database by hand: most of all, what time would change."""
        async with self.runtime.running.opened.db.as_service() as connection:
            await connection.execute(statement, *arguments)


Deploy = Callable[..., Awaitable[Deployment]]


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
