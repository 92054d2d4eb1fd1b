"""Where a token is required there must be one, and the next start is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from app.access.tokens import digest, new_token
from app.datadir.token_marker import had_token
from app.errors import UnsafeBind
from app.serve.token_check import check_tokens, needs_token
from app.settings.fields import Settings
from app.store.database import Database
from app.store.tokens import Tokens


@pytest.mark.parametrize(
    ("given", "needed"),
    [
        ({}, False),
        ({"auth": "off"}, False),
        ({"auth": "required"}, True),
        ({"auth": "required", "openid_issuer": "https://accounts.example"}, False),
    ],
)
def test_a_token_is_needed_where_nothing_else_lets_anybody_in(given: dict[str, Any], needed: bool) -> None:
    assert needs_token(Settings(_env_file=None, **given)) is needed


async def test_where_tokens_are_required_there_must_be_one(tmp_path: Path, database: Database) -> None:
    tokens, settings = Tokens(database), Settings(_env_file=None, memory_data_dir=tmp_path)
    with pytest.raises(UnsafeBind, match="token create --user"):
        await check_tokens(settings, tokens)
    assert not had_token(str(tmp_path), "")

    token = await tokens.create(digest(new_token()), "ann", ["read"], None)
    await check_tokens(settings, tokens)
    assert had_token(str(tmp_path), "")

    await tokens.revoke(token.id)
    with pytest.raises(UnsafeBind):
        await check_tokens(settings, tokens)
    assert not had_token(str(tmp_path), "")
