"""Checks at each start that requires a token that a client can sign in, and records the result for the next start."""

from __future__ import annotations

import asyncio
import os

from app.access.tokens import TokenStore
from app.datadir import token_marker
from app.errors import UnsafeBind
from app.settings.fields import Settings
from app.settings.values import Auth


def needs_token(settings: Settings) -> bool:
    """Whether clients need an access token to sign in; with an OpenID provider they do not."""
    return settings.auth is Auth.REQUIRED and settings.openid_issuer is None


async def check_tokens(settings: Settings, tokens: TokenStore) -> None:
    """Raise UnsafeBind when no token is live; record for the next start whether one is."""
    directory, url = os.fspath(settings.data_dir), settings.database_url
    if not await tokens.any_live():
        await asyncio.to_thread(token_marker.forget, directory)
        raise UnsafeBind(
            "AUTH=required, but there is no token, so no one could connect;"
            " create one: claude-memory token create --user NAME"
        )
    await asyncio.to_thread(token_marker.note, directory, url.get_secret_value() if url is not None else "")
