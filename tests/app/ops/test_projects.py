"""Projects, whether a server runs or not."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from app.datadir.project_names import ProjectNames
from app.errors import Conflict
from app.memory.types import Scope
from app.ops import projects
from app.ops.projects import UnknownProject
from app.store.postgres import PostgresStore
from tests.support.cli import url_of
from tests.support.rows import add_note, add_turns


@pytest.fixture
def data_dir(connect_arguments: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """Return a data directory; the memories are in the test's database."""
    monkeypatch.setenv("DATABASE_URL", url_of(connect_arguments))
    return str(tmp_path / "data")


async def test_a_renamed_project_takes_its_folders_along(store: PostgresStore, alice: Scope, data_dir: str) -> None:
    folder = "/home/ada/src/shop"
    assert ProjectNames(Path(data_dir)).of(folder) == "shop"
    await add_note(store, alice, "we sell tea", project="shop")

    told = await asyncio.to_thread(projects.rename, data_dir, "alice", "shop", "tea shop")

    [row] = await asyncio.to_thread(projects.listing, data_dir, "alice")
    assert told == "shop is now tea shop: moved 1 memory and 0 conversations"
    assert (row.project, row.memories, row.repositories) == ("tea shop", 1, ["src/shop"])
    assert ProjectNames(Path(data_dir)).of(folder) == "tea shop"


async def test_a_merge_makes_two_projects_one(store: PostgresStore, alice: Scope, data_dir: str) -> None:
    names = ProjectNames(Path(data_dir))
    assert [names.of(folder) for folder in ("/a/api", "/b/api")] == ["api", "b/api"]
    await add_note(store, alice, "weekly", project="api")
    await add_note(store, alice, "weekly", project="b/api")
    await add_turns(store, alice, "c", "hello", project="b/api")

    told = await asyncio.to_thread(projects.merge, data_dir, "alice", "b/api", "api")

    assert told == "b/api is now api: moved 1 memory and 1 conversation, 1 memory was there already"
    assert ProjectNames(Path(data_dir)).of("/b/api") == "api"


async def test_what_cannot_be_done_is_told_and_changes_nothing(
    store: PostgresStore, alice: Scope, data_dir: str
) -> None:
    await add_note(store, alice, "tea", project="tea")
    await add_note(store, alice, "shop", project="shop")

    with pytest.raises(UnknownProject, match="claude-memory project list"):
        await asyncio.to_thread(projects.rename, data_dir, "alice", "gone", "new")
    with pytest.raises(UnknownProject, match="'gone'"):
        await asyncio.to_thread(projects.merge, data_dir, "alice", "tea", "gone")
    with pytest.raises(Conflict, match="project merge tea shop"):
        await asyncio.to_thread(projects.rename, data_dir, "alice", "tea", "shop")
    with pytest.raises(Conflict, match="nothing was changed"):
        await asyncio.to_thread(projects.merge, data_dir, "alice", "tea", "tea")
    rows = await asyncio.to_thread(projects.listing, data_dir, "alice")
    assert [row.project for row in rows] == ["shop", "tea"]
