"""What is opened: archives by the members that are named, folders, and a clear word about everything else."""

from __future__ import annotations

import io
import json
import os
import zipfile
from contextlib import ExitStack
from pathlib import Path
from zipfile import BadZipFile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.errors import InvalidInput
from app.memory.types import Scope
from app.ops.importing import sources
from app.ops.importing.formats import NotUnderstood
from app.ops.importing.run import CANNOT_BE_READ
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

    with ExitStack() as stack, pytest.raises(InvalidInput, match=r"an archive of cat\.png"):
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
    with pytest.raises(NotUnderstood, match="takes JSON Lines"):
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


def refused(path: Path) -> str:
    with ExitStack() as stack, pytest.raises(Unreadable) as error:
        opened(str(path), stack)
    return str(error.value)


def test_an_archive_that_repeats_the_same_bytes_is_refused(tmp_path: Path) -> None:
    path = archive(tmp_path / "a.zip", {f"conversations-{number}.json": b"[]" for number in range(2)})
    data = bytearray(path.read_bytes())
    second = data.rfind(b"PK\x01\x02")
    data[second + 42 : second + 46] = bytes(4)  # where its content is: that of the first one
    path.write_bytes(data)

    assert "overlaps another file of the archive" in refused(path)


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_an_archive_that_unpacks_any_length_at_once_is_refused(method: int, tmp_path: Path) -> None:
    path = archive(tmp_path / "a.zip", {"conversations.json": b" " * 1_000}, method)

    assert "is packed in a way that no account export is" in refused(path)


def test_a_bomb_in_many_parts_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "_BOMB_BYTES", 1_000_000)
    path = archive(tmp_path / "a.zip", {f"conversations-{number}.json": b" " * 300_000 for number in range(4)})

    assert "and others say they are 1,200,000 bytes packed into" in refused(path)


def test_an_archive_of_too_many_files_is_refused_before_its_directory_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "_DIRECTORY_LIMIT_BYTES", 70_000)
    path = archive(tmp_path / "a.zip", {f"{number}.txt": b"" for number in range(2_000)})

    assert "the archive holds more files than any account export" in refused(path)


def test_a_device_is_no_file(tmp_path: Path) -> None:
    assert refused(Path("/dev/zero")).startswith("/dev/zero is a device; import takes a file")


def test_a_folder_of_too_many_files_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "_FILES_LIMIT", 3)
    for number in range(4):
        (tmp_path / f"{number}.md").write_text("---\ntitle: x\n---\ny")

    assert "holds over 3 files" in refused(tmp_path)


def test_links_in_a_circle_and_pipes_in_a_folder_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "a.jsonl").write_text('{"text": "x"}\n')
    (tmp_path / "p" / "circle").symlink_to(tmp_path)
    os.mkfifo(tmp_path / "p" / "pipe.jsonl")

    with ExitStack() as stack:
        assert [source.name for source in opened(str(tmp_path), stack).streams] == ["p/a.jsonl"]


async def test_packed_rollouts_of_codex_are_counted_with_what_to_do(take: Take, tmp_path: Path) -> None:
    folder = tmp_path / "sessions"
    folder.mkdir()
    (folder / "rollout-2.jsonl.zst").write_bytes(b"\x28\xb5\x2f\xfd")
    assert "unpack them: zstd -d FILE" in refused(tmp_path)
    (folder / "rollout-1.jsonl").write_text('{"type": "session_meta", "payload": {"id": "s"}}\n')

    report = await take(tmp_path)

    assert report.left_aside == {"rollouts packed with zstd (unpack them: zstd -d FILE)": 1}


def test_a_name_before_a_content_that_is_no_text_shows_as_a_damaged_archive(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    archive(path, {"conversations.json": b"[1, 2]"})
    raw = bytearray(path.read_bytes())
    raw[7] |= 0x08  # the name is UTF-8
    raw[30] = 0xFF
    path.write_bytes(raw)

    with ExitStack() as stack:
        [source] = opened(str(path), stack).streams
        with pytest.raises(BadZipFile, match="a name in the archive is damaged"):
            source.open()


@settings(max_examples=60)
@given(data=st.data())
def test_a_broken_archive_is_refused_or_read(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    path = tmp_path_factory.mktemp("zip") / "a.zip"
    archive(path, {"conversations.json": b"[1, 2]" * 20, "projects.json": b"[]", "../x.json": b""})
    broken = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(broken) - 4))
        new = data.draw(st.sampled_from([b"\xff\xff\xff\xff", bytes(4), b"PK\x01\x02", b"PK\x05\x06", b"\x7f", b""]))
        broken[at : at + max(1, len(new))] = new
    path.write_bytes(broken)

    with ExitStack() as stack:
        try:
            streams = opened(str(path), stack).streams
        except (Unreadable, InvalidInput) as error:
            assert "\n" not in str(error)
            return
        for source in streams:
            try:
                with source.open() as file:
                    assert len(file.read()) < 1_000_000
            except CANNOT_BE_READ:
                pass
