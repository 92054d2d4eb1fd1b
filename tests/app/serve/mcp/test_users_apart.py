"""Row-level security is the only guard here: no query names its user any more, and the index proposes everybody's."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from typing import Any

import pytest

from app.errors import InvalidInput, NotFound
from app.index.embedded.engine import EmbeddedEngine
from app.memory.ports import CandidateQuery
from app.memory.types import Candidate, Scope
from app.ops import exporting
from app.ops.progress import Bar
from app.runtime.runtime import Runtime
from app.serve.mcp import resources
from app.serve.mcp.server import call
from app.serve.mcp.tools import TOOLS
from app.store import database as connections
from app.store.database import Database
from tests.support.crossing import CONVERSE, MEMORIZE, Belongings, attempts, leaked, uris

HER, THIEF = Scope("hildegard"), Scope("mallory")
NAMES_THE_USER = re.compile(r"\b(?:\w+\.)?user_id = (\$\d+)")


@pytest.fixture
async def hers(runtime: Runtime) -> Belongings:
    memory = (await call(runtime, HER, "memorize", MEMORIZE))["structuredContent"]["id"]
    await call(runtime, HER, "memorize_conversation", CONVERSE)
    found = await call(runtime, HER, "search_memory", {"query": "quinces", "kinds": ["turn"]})
    return Belongings(memory, found["structuredContent"]["results"][0]["id"])


@pytest.fixture
def unnamed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Take the user out of every condition of a request's SQL and of the index; return the statements rewritten."""
    rewritten = []
    real = connections._Connection._get_statement

    async def without_user(self: Any, query: str, *arguments: Any, **options: Any) -> Any:
        if self.user is not None:  # a request's connection
            anybody = NAMES_THE_USER.sub(r"(\1::text is not null)", query)
            if anybody != query:
                rewritten.append(anybody)
            query = anybody
        return await real(self, query, *arguments, **options)

    monkeypatch.setattr(connections._Connection, "_get_statement", without_user)
    users = [HER.user, THIEF.user]
    of_user = EmbeddedEngine.candidates

    async def of_anybody(self: EmbeddedEngine, query: CandidateQuery) -> list[Candidate]:
        return [one for user in users for one in await of_user(self, replace(query, user=user))]

    monkeypatch.setattr(EmbeddedEngine, "candidates", of_anybody)
    return rewritten


async def exported(database: Database) -> bytes:
    out = io.BytesIO()
    await exporting.write(database, HER, out, project=None, bar=Bar("exporting"))
    return out.getvalue()


async def attack(runtime: Runtime, hers: Belongings) -> dict[str, Any]:
    """Try everything; return what leaked, by call."""
    leaks = {}
    for uri in uris(hers):
        try:
            read: Any = (await resources.read(runtime, THIEF, uri)).model_dump(mode="json")
        except (NotFound, InvalidInput) as error:
            read = str(error)
        leaks[uri] = leaked(read, uri)
    for tool, calls in attempts(hers).items():
        for arguments in calls:
            reply = await call(runtime, THIEF, tool, arguments)
            assert "internal" not in str(reply["content"]), (tool, arguments, reply)
            leaks[f"{tool} {arguments}"] = leaked(reply, arguments)
    return {what: markers for what, markers in leaks.items() if markers}


async def test_queries_that_forget_the_user_give_and_change_nothing_of_anothers(
    runtime: Runtime, database: Database, hers: Belongings, unnamed: list[str]
) -> None:
    before = await exported(database)
    assert attempts(hers).keys() == TOOLS.keys()

    assert await attack(runtime, hers) == {}

    assert await exported(database) == before
    assert len(set(unnamed)) > 20, "the statements of all tools were rewritten"
    assert not any(NAMES_THE_USER.search(sql) for sql in unnamed)


async def test_without_row_level_security_the_same_attempts_do_leak(
    runtime: Runtime, connect_arguments: dict[str, Any], hers: Belongings, unnamed: list[str]
) -> None:
    """So the test above can fail."""
    import asyncpg

    connection = await asyncpg.connect(**connect_arguments)
    try:
        for table in ("memories", "conversations", "changes", "term_counts", "usage"):
            await connection.execute(f"alter table {table} disable row level security")
    finally:
        await connection.close()

    leaks = await attack(runtime, hers)

    for tool in ("search_memory", "recall_context", "memory_stats", "claude://memory/items/"):
        assert any(what.startswith(tool) for what in leaks), (tool, list(leaks))
