"""One process of a deployment where clients can sign in, in this process."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from app.access.authenticator import Authenticator
from app.access.tokens import digest, new_token
from app.http.guard import Guard
from app.http.limits import rate_limit
from app.measuring import Metrics
from app.runtime.runtime import Runtime
from app.serve.dispatch import Dispatcher
from app.serve.http import create_app
from app.serve.oauth.routes import sign_in_routes
from app.serve.service import Service
from app.store.tokens import Tokens
from tests.standins.mcp import StandInMcp, StandInSse
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
            routes = sign_in_routes(runtime.settings, runtime, self.service.metrics, clock=lambda: self.clock)
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
