"""What stands beside the users' indexes: read back as it was written, refused when it says something else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from app.errors import Conflict
from app.index.embedded.state import IndexState, hold, read_state, state_file, write_state
from app.memory.change_log import Space

SPACE = Space("model", 2)


def test_a_state_comes_back_as_it_was_written(tmp_path: Path) -> None:
    state = replace(IndexState.new("database", SPACE), position=5, users=1)
    write_state(tmp_path, state)

    assert read_state(tmp_path, "database", SPACE) == (state, "")
    assert state.space == SPACE
    assert [file.name for file in tmp_path.iterdir()] == [state_file(tmp_path).name]


def test_vectors_that_are_not_wanted_any_more_are_no_reason_to_refuse(tmp_path: Path) -> None:
    write_state(tmp_path, replace(IndexState.new("database", SPACE), position=5, users=1))

    assert read_state(tmp_path, "database", None)[0] is not None


@pytest.mark.parametrize(
    ("database", "space", "why"),
    [
        ("another", None, "it was made from another database"),
        ("database", SPACE, "it lacks vectors of the embedding model"),
    ],
)
def test_a_state_of_something_else_is_refused_with_the_reason(
    tmp_path: Path, database: str, space: Space | None, why: str
) -> None:
    write_state(tmp_path, replace(IndexState.new("database", None), position=5, users=1))

    assert read_state(tmp_path, database, space) == (None, why)


def test_the_folder_is_held_by_one(tmp_path: Path) -> None:
    hold(tmp_path / "index")

    with pytest.raises(Conflict, match="is in use by another process; stop that one first"):
        hold(tmp_path / "index")
