"""The lock of images: what it says, and what a stack gets by it."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.selfhost import image_lock
from infra.selfhost.image_lock import LockError, pinned, read, write
from tests.support.components import IMAGE
from tests.support.stacks import selfhost_plan

POSTGRES, DIGEST = "postgres:18.1-alpine", "sha256:" + "5a" * 32


@pytest.fixture
def lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(image_lock, "FILE", tmp_path / "images.lock")
    return tmp_path / "images.lock"


def test_what_was_written_is_read_again_in_the_order_of_names(lock: Path) -> None:
    digests = {"registry.example.org:5000/qdrant/qdrant:v1.18.0": DIGEST, POSTGRES: DIGEST}

    write(digests)

    assert read() == digests
    assert lock.read_text().splitlines()[1:] == [
        f"{POSTGRES}@{DIGEST}",
        f"registry.example.org:5000/qdrant/qdrant:v1.18.0@{DIGEST}",
    ]


def test_without_a_file_nothing_is_locked(lock: Path) -> None:
    assert read() == {}


@pytest.mark.parametrize(
    "line", [POSTGRES, f"postgres@{DIGEST}", f"{POSTGRES}@sha256:5a", f"<<<<<<< {POSTGRES}@{DIGEST}"]
)
def test_a_line_that_is_no_entry_is_refused_with_its_number(lock: Path, line: str) -> None:
    lock.write_text(f"# a comment\n\n{line}\n")

    with pytest.raises(LockError, match="line 3: takes NAME:TAG@sha256:DIGEST"):
        read()


@pytest.mark.parametrize(
    ("name", "gets"),
    [
        (POSTGRES, f"{POSTGRES}@{DIGEST}"),
        ("postgres:17.0-alpine", "postgres:17.0-alpine"),
        (f"{POSTGRES}@sha256:{'00' * 32}", f"{POSTGRES}@sha256:{'00' * 32}"),
    ],
    ids=["locked", "another tag", "pinned by the stack"],
)
def test_a_name_gets_its_digest_unless_the_stack_gives_one(name: str, gets: str) -> None:
    assert pinned(name, {POSTGRES: DIGEST}) == gets


def test_a_stack_pulls_the_image_that_the_lock_names(lock: Path) -> None:
    write({POSTGRES: DIGEST})

    names = {
        one.inputs["name"] for one in selfhost_plan(images={"app": "claude-memory:locked"}).of_type(IMAGE).values()
    }

    assert f"{POSTGRES}@{DIGEST}" in names
    assert "claude-memory:locked" in names
