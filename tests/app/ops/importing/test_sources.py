"""What is opened: archives by the members that are named, folders, and a clear word about everything else."""

from __future__ import annotations

import io
import json
import zipfile
from contextlib import ExitStack
from pathlib import Path

import pytest

from app.errors import InvalidInput
from app.memory.types import Scope
from app.ops.importing import sources
from app.ops.importing.sources import Counted, Unreadable, opened
from app.store.postgres import PostgresStore
from tests.app.ops.conftest import Take
from tests.app.ops.importing.test_claude import conversation, export, message


def archive(path: Path, members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as file:
        for name, data in members.items():
            file.writestr(name, data)
    return path


async def test_an_archive_is_read_by_its_conversations_and_nothing_else(
    take: Take, store: PostgresStore, alice: Scope, tmp_path: Path
) -> None:
    members = {
        "conversations.json": export(conversation(message("m1", "human", "one"))),
        "users.json": b"not JSON at all",
        "projects.json": b"[]",
        "a/b/c/d/conversations.json": b"too deep",
        "my-conversations.json": b"another name",
    }

    report = await take(archive(tmp_path / "export.zip", members))

    assert (report.messages_stored, report.bad) == (1, 0)


async def test_numbered_conversations_are_read_in_their_order(
    take: Take, store: PostgresStore, alice: Scope, tmp_path: Path
) -> None:
    members = {
        f"export/conversations-00{number}.json": export(conversation(message(f"m{number}", "human", f"{number}")))
        for number in (2, 0, 1)
    }

    report = await take(archive(tmp_path / "export.zip", members))

    assert report.messages_stored == 3
    assert [turn.text for turn in await store.of_conversation(alice, "c1", 10)] == ["0", "1", "2"]


async def test_an_unpacked_export_is_read_as_a_folder(take: Take, tmp_path: Path) -> None:
    folder = tmp_path / "export"
    folder.mkdir()
    (folder / "conversations.json").write_bytes(export(conversation(message("m1", "human", "one"))))
    (folder / "users.json").write_text("[]")

    assert (await take(folder)).messages_stored == 1


async def test_a_name_that_leaves_the_archive_is_only_a_name(take: Take, tmp_path: Path) -> None:
    members = {"../../conversations.json": export(conversation(message("m1", "human", "one")))}

    folder = tmp_path / "a" / "b" / "c"
    folder.mkdir(parents=True)

    report = await take(archive(folder / "export.zip", members))

    assert report.messages_stored == 1
    assert list(tmp_path.rglob("conversations.json")) == []


def test_an_archive_that_would_unpack_beyond_all_bounds_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "_BOMB_BYTES", 1 << 20)
    path = archive(tmp_path / "bomb.zip", {"conversations.json": b"[" + b" " * (4 << 20) + b"]"})

    with ExitStack() as stack, pytest.raises(Unreadable, match=r"4,194,306 bytes packed into .* unpack it by hand"):
        opened(str(path), stack)


def test_an_archive_without_conversations_is_refused(tmp_path: Path) -> None:
    path = archive(tmp_path / "photos.zip", {"cat.png": b""})

    with ExitStack() as stack, pytest.raises(InvalidInput, match=r"an archive without a conversations\.json"):
        opened(str(path), stack)


def test_a_damaged_archive_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "export.zip"
    path.write_bytes(b"PK\x03\x04 and nothing more")

    with ExitStack() as stack, pytest.raises(Unreadable, match="download it again"):
        opened(str(path), stack)


async def test_a_member_that_is_damaged_is_told_and_the_others_are_stored(take: Take, tmp_path: Path) -> None:
    data = export(conversation(message("m1", "human", "one")))
    members = {"conversations-0.json": data, "conversations-1.json": data}
    path = archive(tmp_path / "export.zip", members, zipfile.ZIP_STORED)
    content = bytearray(path.read_bytes())
    content[content.index(b'"one"') + 1] ^= 1
    path.write_bytes(content)

    report = await take(path)

    [problem] = report.problems
    assert report.messages_stored == 1
    assert problem.position.file == "conversations-0.json"


@pytest.mark.parametrize("packed", [True, False], ids=["archive", "folder"])
async def test_a_member_of_an_unknown_kind_is_told_and_the_others_are_stored(
    take: Take, tmp_path: Path, packed: bool
) -> None:
    members = {
        "conversations-0.json": export(conversation(message("m0", "human", "one"))),
        "conversations-1.json": b'[{"name": "cat.png"}]',
        "conversations-2.json": export(conversation(message("m2", "human", "two"))),
    }
    folder = tmp_path / "export"
    folder.mkdir()
    for name, content in members.items():
        (folder / name).write_bytes(content)

    report = await take(archive(tmp_path / "export.zip", members) if packed else folder)

    [problem] = report.problems
    assert (report.messages_stored, report.bad) == (2, 1)
    assert problem.position.file == "conversations-1.json"
    assert "takes JSON Lines" in problem.reason


async def test_a_sole_member_of_an_unknown_kind_ends_the_import(take: Take, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="takes JSON Lines"):
        await take(archive(tmp_path / "export.zip", {"conversations.json": b'[{"name": "cat.png"}]'}))


@pytest.mark.parametrize(
    ("name", "reason"),
    [pytest.param("gone.jsonl", "No such file", id="not there"), pytest.param("empty", "transcripts", id="no files")],
)
def test_what_cannot_be_opened_is_told_in_one_line(tmp_path: Path, name: str, reason: str) -> None:
    (tmp_path / "empty").mkdir()

    with ExitStack() as stack, pytest.raises((Unreadable, InvalidInput), match=reason):
        opened(str(tmp_path / name), stack)


def test_what_is_looked_at_is_read_again() -> None:
    read: list[int] = []
    data = json.dumps(list(range(1_000))).encode()
    counted = Counted(io.BytesIO(data), read.append)

    assert counted.head(100) == data[:100]
    assert io.BufferedReader(counted, 64).read() == data
    assert sum(read) == len(data)
