"""Servers where clients can sign in, as processes of their own behind a proxy."""

from __future__ import annotations

from app.store.tokens import Tokens
from tests.support.proxy import Proxy
from tests.support.serving import Server


class Deployment:
    """Server processes on one database, behind a proxy. `token` is ann's, made before they started."""

    def __init__(self, proxy: Proxy, servers: list[Server], tokens: Tokens, token: str) -> None:
        self.url, self.asked, self.servers, self.tokens, self.token = proxy.url, proxy.asked, servers, tokens, token
