"""Where backups lie: a file that appears whole or not at all, on a disk or in a bucket."""

from __future__ import annotations

import os
import resource
import time
import urllib.request
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.errors import Conflict
from app.memory.types import Scope
from app.ops.backup.errors import PlaceUnusable
from app.ops.backup.places import BackupPlace, backup_place
from app.ops.backup.writing import back_up, refuse_existing
from app.settings.fields import Settings
from app.settings.loading import load_settings
from app.store.backups import Backups
from app.store.database import Database
from app.store.postgres import PostgresStore
from tests.app.ops.backup.conftest import Restore
from tests.support.disks import small_disk
from tests.support.rows import add_note
from tests.support.s3 import instance_metadata, no_instance, refusing_server, s3_server

NOON = datetime(2026, 5, 8, 12, 0, tzinfo=UTC)
SECRET = "-".join(["made", "up", "key"])


async def parts(*contents: bytes, fails: BaseException | None = None) -> AsyncIterator[bytes]:
    for content in contents:
        yield content
    if fails is not None:
        raise fails


async def content(target: BackupPlace) -> bytes:
    return b"".join([piece async for piece in target.read()])


@pytest.fixture(scope="module")
def s3_url() -> Iterator[str]:
    """An S3-compatible store in a process of its own, with one bucket."""
    with s3_server() as url:
        urllib.request.urlopen(urllib.request.Request(f"{url}/bucket", method="PUT"))
        yield url


@pytest.fixture
def in_store(plain_settings: Settings, s3_url: str) -> Settings:
    return load_settings(
        {
            "backup_s3_endpoint": s3_url,
            "backup_s3_access_key_id": "key",
            "backup_s3_secret_access_key": SECRET,
            "max_retry_attempts": 0,
        }
    )


@pytest.mark.parametrize(
    ("target", "name"),
    [
        ("{here}/backup.tar", "{here}/backup.tar"),
        ("{here}", "{here}/claude-memory-20260508T120000Z.tar"),
        ("{here}/new/", "{here}/new/claude-memory-20260508T120000Z.tar"),
        ("s3://bucket", "s3://bucket/claude-memory-20260508T120000Z.tar"),
        ("s3://bucket/", "s3://bucket/claude-memory-20260508T120000Z.tar"),
        ("s3://bucket/a/b", "s3://bucket/a/b/claude-memory-20260508T120000Z.tar"),
        ("s3://bucket/a/b/", "s3://bucket/a/b/claude-memory-20260508T120000Z.tar"),
        ("s3://bucket/a/b.tar", "s3://bucket/a/b.tar"),
    ],
)
def test_a_target_names_a_file_or_is_given_one(
    plain_settings: Settings, tmp_path: Path, target: str, name: str
) -> None:
    assert backup_place(plain_settings, target.format(here=tmp_path), NOON).name == name.format(here=tmp_path)


async def test_a_backup_that_is_there_is_not_to_be_replaced(in_store: Settings, tmp_path: Path) -> None:
    for target in (str(tmp_path / "x.tar"), "s3://bucket/there.tar"):
        await refuse_existing(in_store, target)
        await backup_place(in_store, target, NOON).write(parts(b"old"))
        with pytest.raises(Conflict, match=f"{target} exists already; give --replace"):
            await refuse_existing(in_store, target)
    for named_by_its_time in (str(tmp_path), f"{tmp_path}/new/", "s3://bucket", "s3://bucket/prefix"):
        await refuse_existing(in_store, named_by_its_time)


def test_to_read_from_a_directory_names_no_backup(plain_settings: Settings, tmp_path: Path) -> None:
    for target in (str(tmp_path), "s3://bucket/prefix"):
        with pytest.raises(PlaceUnusable, match="names no backup"):
            backup_place(plain_settings, target)


async def test_a_file_is_written_whole_for_its_owner_only(plain_settings: Settings, tmp_path: Path) -> None:
    target = backup_place(plain_settings, str(tmp_path / "a" / "b" / "x.tar"))

    assert await target.size() is None
    await target.write(parts(b"one", b"two"))

    assert (await content(target), await target.size()) == (b"onetwo", 6)
    assert (tmp_path / "a" / "b" / "x.tar").stat().st_mode & 0o777 == 0o600
    await target.delete()
    await target.delete()
    assert list((tmp_path / "a" / "b").iterdir()) == []


async def test_a_file_that_fails_in_the_middle_leaves_the_old_one(plain_settings: Settings, tmp_path: Path) -> None:
    target = backup_place(plain_settings, str(tmp_path / "x.tar"))
    await target.write(parts(b"old"))

    with pytest.raises(ZeroDivisionError):
        await target.write(parts(b"new", fails=ZeroDivisionError()))

    assert await content(target) == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["x.tar"]


async def test_what_a_killed_backup_left_goes_with_the_next_one_when_it_is_old(
    plain_settings: Settings, tmp_path: Path
) -> None:
    old, fresh = tmp_path / ".x.tar.1.unfinished", tmp_path / ".y.tar.2.unfinished"
    old.touch()
    fresh.touch()
    os.utime(old, (time.time() - 7_200,) * 2)

    await backup_place(plain_settings, str(tmp_path / "z.tar")).write(parts(b"new"))

    assert sorted(path.name for path in tmp_path.iterdir()) == [fresh.name, "z.tar"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root mounts a file system")
async def test_a_full_disk_is_told_and_leaves_nothing(plain_settings: Settings, tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "1m") as disk:
        with pytest.raises(PlaceUnusable, match="the disk is full; free some space"):
            await backup_place(plain_settings, str(disk / "x.tar")).write(parts(*[bytes(300_000)] * 5))
        assert list(disk.iterdir()) == []


async def test_a_limit_on_the_size_of_files_is_told_and_leaves_nothing(
    plain_settings: Settings, tmp_path: Path
) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, hard))
    try:
        with pytest.raises(PlaceUnusable, match="larger than the file system"):
            await backup_place(plain_settings, str(tmp_path / "x.tar")).write(parts(*[bytes(300_000)] * 5))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list(tmp_path.iterdir()) == []


async def test_a_directory_that_is_a_file_is_told(plain_settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(PlaceUnusable, match="file"):
        await backup_place(plain_settings, str(tmp_path / "file" / "x.tar")).write(parts(b""))


async def test_an_object_is_written_read_measured_and_deleted(in_store: Settings) -> None:
    target = backup_place(in_store, "s3://bucket/some/where.tar")

    assert await target.size() is None
    await target.write(parts(*[os.urandom(1 << 20) for _ in range(3)], b"end"))

    assert await target.size() == (3 << 20) + 3
    assert (await content(target)).endswith(b"end")
    await target.delete()
    await target.delete()
    assert await target.size() is None


async def test_an_upload_that_fails_in_the_middle_leaves_no_object_and_no_parts(
    in_store: Settings, s3_url: str
) -> None:
    target = backup_place(in_store, "s3://bucket/failed.tar")

    with pytest.raises(ZeroDivisionError):
        await target.write(parts(*[bytes(20 << 20)] * 2, fails=ZeroDivisionError()))

    assert await target.size() is None
    uploads = urllib.request.urlopen(f"{s3_url}/bucket?uploads").read()  # noqa: ASYNC210
    assert b"<Upload>" not in uploads


async def test_a_bucket_that_is_not_there_is_told_without_a_secret(in_store: Settings) -> None:
    target = backup_place(in_store, "s3://nobody/x.tar")

    with pytest.raises(PlaceUnusable, match=r"s3://nobody/x\.tar") as told:
        await target.write(parts(b"x"))
    assert SECRET not in str(told.value)
    assert "\n" not in str(told.value)


async def test_a_store_that_refuses_the_key_is_told(in_store: Settings) -> None:
    """The stand-in checks no signatures, so a server that answers as S3 does when it refuses one."""
    with refusing_server() as url:
        settings = in_store.model_copy(update={"backup_s3_endpoint": url})
        for call in (
            lambda target: target.write(parts(b"x")),
            lambda target: target.size(),
            lambda target: content(target),
            lambda target: target.delete(),
        ):
            with pytest.raises(PlaceUnusable, match="the store refused") as told:
                await call(backup_place(settings, "s3://bucket/x.tar"))
            assert SECRET not in str(told.value)


async def test_a_store_that_is_not_there_is_told(in_store: Settings) -> None:
    settings = in_store.model_copy(update={"backup_s3_endpoint": "http://127.0.0.1:9"})

    with pytest.raises(PlaceUnusable, match="the store refused"):
        await backup_place(settings, "s3://bucket/x.tar").write(parts(b"x"))


async def test_without_keys_the_settings_are_named(in_store: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    without = in_store.model_copy(update={"backup_s3_access_key_id": None, "backup_s3_secret_access_key": None})

    with no_instance() as url:
        monkeypatch.setenv("AWS_METADATA_ENDPOINT", url)
        with pytest.raises(PlaceUnusable) as told:
            await backup_place(without, "s3://bucket/x.tar").write(parts(b"x"))

    assert str(told.value).startswith(
        "s3://bucket/x.tar: there are no keys to the store: set BACKUP_S3_ACCESS_KEY_ID and BACKUP_S3_SECRET_ACCESS_KEY"
    )


async def test_a_machine_that_has_keys_of_its_own_needs_none_in_the_settings(
    in_store: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    without = in_store.model_copy(update={"backup_s3_access_key_id": None, "backup_s3_secret_access_key": None})

    with instance_metadata() as url:
        monkeypatch.setenv("AWS_METADATA_ENDPOINT", url)
        target = backup_place(without, "s3://bucket/by-the-machine.tar")
        await target.write(parts(b"x"))

    assert await target.size() == 1


async def test_a_backup_goes_to_a_bucket_and_comes_back_from_it(
    in_store: Settings, store: PostgresStore, database: Database, empty: Database, alice: Scope, restore_from: Restore
) -> None:
    await add_note(store, alice, "in the bucket")

    written = await back_up(in_store, database, "s3://bucket/nightly")
    await restore_from(written.place, empty, settings=in_store)

    assert written.place.startswith("s3://bucket/nightly/claude-memory-")
    assert (await PostgresStore(empty).stats(alice, None)).memories == 1


async def test_a_backup_that_its_place_refuses_is_not_noted(
    in_store: Settings, store: PostgresStore, database: Database, alice: Scope
) -> None:
    await add_note(store, alice, "nowhere")

    with pytest.raises(PlaceUnusable):
        await back_up(in_store, database, "s3://nobody/nightly")

    assert await Backups(database).list() == []
