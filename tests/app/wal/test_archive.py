"""The bucket: what is there is encrypted, nothing is overwritten, and damage is found."""

from __future__ import annotations

import asyncio
import gzip
from pathlib import Path

import obstore
import pyrage
import pytest

from app.ops.backup.bucket import s3_store
from app.ops.backup.errors import BackupRefused, PlaceUnusable
from app.ops.backup.key import unsealed
from app.settings.fields import Settings
from app.settings.loading import load_settings
from app.wal.archive import Archive
from tests.app.wal.conftest import CLUSTER

NAME = "000000010000000000000001"
CONTENT = gzip.compress(b"the log")


def stored(settings: Settings, path: str) -> bytes:
    assert settings.wal_archive_to is not None
    prefix = settings.wal_archive_to.removeprefix("s3://bucket/")
    return bytes(obstore.get(s3_store(settings, "bucket"), f"{prefix}{CLUSTER}/{path}").bytes())


async def test_a_file_of_the_log_comes_back_as_it_was(archive: Archive) -> None:
    await archive.put_log(CLUSTER, NAME, CONTENT)

    assert await archive.get_log(CLUSTER, NAME) == CONTENT
    assert await archive.clusters() == [CLUSTER]
    assert list((await archive.contents(CLUSTER)).logs) == [NAME]


async def test_age_opens_it_with_the_key_that_the_passphrase_opens(archive: Archive, settings: Settings) -> None:
    await archive.put_log(CLUSTER, NAME, CONTENT)

    key = unsealed(stored(settings, "key.age"), "correct horse").decode().strip()
    data = stored(settings, f"wal/{NAME}.gz.age")
    assert data.startswith(b"age-encryption.org/v1\n")
    assert pyrage.decrypt(data, [pyrage.x25519.Identity.from_str(key)]) == CONTENT


async def test_another_process_uses_the_same_key(archive: Archive, settings: Settings) -> None:
    await archive.put_log(CLUSTER, NAME, CONTENT)

    assert await Archive(settings).get_log(CLUSTER, NAME) == CONTENT


async def test_another_passphrase_is_told_and_changes_nothing(archive: Archive, settings: Settings) -> None:
    await archive.put_log(CLUSTER, NAME, CONTENT)
    other = Archive(
        settings.model_copy(
            update=load_settings({"backup_passphrase": "wrong horse"}).model_dump(include={"backup_passphrase"})
        )
    )

    for call in (other.put_log(CLUSTER, "000000010000000000000002", CONTENT), other.get_log(CLUSTER, NAME)):
        with pytest.raises(BackupRefused, match=r"key\.age cannot be opened: BACKUP_PASSPHRASE is another one"):
            await call
    assert list((await archive.contents(CLUSTER)).logs) == [NAME]


async def test_the_same_file_again_is_right_and_another_one_of_its_name_is_refused(archive: Archive) -> None:
    await archive.put_log(CLUSTER, NAME, CONTENT)

    await archive.put_log(CLUSTER, NAME, gzip.compress(b"the log", 9))
    for other in (gzip.compress(b"another log"), b"no gzip"):
        with pytest.raises(BackupRefused, match=f"{NAME}.* is another one: two servers write one log"):
            await archive.put_log(CLUSTER, NAME, other)

    assert await archive.get_log(CLUSTER, NAME) == CONTENT


async def test_a_base_backup_comes_back_as_it_was_and_leaves_no_copy(archive: Archive, tmp_path: Path) -> None:
    file, path = tmp_path / "1.base", f"base/20260508T120000Z-{NAME}.tar.gz.age"
    file.write_bytes(b"x" * (20 << 20))

    await archive.put_base(CLUSTER, path, file)
    await archive.get_base(CLUSTER, path, tmp_path / "back")

    assert (tmp_path / "back").read_bytes() == file.read_bytes()
    assert sorted(one.name for one in tmp_path.iterdir() if one.is_file()) == ["1.base", "back"]


async def test_what_was_changed_or_cut_in_the_bucket_is_refused(
    archive: Archive, settings: Settings, tmp_path: Path
) -> None:
    file, path = tmp_path / "1.base", f"base/20260508T120000Z-{NAME}.tar.gz.age"
    file.write_bytes(b"x" * 300_000)
    await archive.put_base(CLUSTER, path, file)
    await archive.put_log(CLUSTER, NAME, CONTENT)
    assert settings.wal_archive_to is not None
    prefix = settings.wal_archive_to.removeprefix("s3://bucket/")
    for one in (path, f"wal/{NAME}.gz.age"):
        data = stored(settings, one)
        obstore.put(s3_store(settings, "bucket"), f"{prefix}{CLUSTER}/{one}", data[:-10])

    with pytest.raises(BackupRefused, match="is damaged"):
        await archive.get_log(CLUSTER, NAME)
    with pytest.raises(BackupRefused, match="is damaged"):
        await archive.get_base(CLUSTER, path, tmp_path / "back")
    assert sorted(one.name for one in tmp_path.iterdir() if one.is_file()) == ["1.base"]


async def test_what_is_not_there_is_told(archive: Archive) -> None:
    with pytest.raises(PlaceUnusable, match=r"key\.age: there is no such backup"):
        await archive.get_log(CLUSTER, NAME)


async def test_a_bucket_in_the_host_name_is_asked_there(
    settings: Settings, s3_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The name `bucket.s3.us-east-1.amazonaws.com` leads to the stand-in here as to a proxy."""
    monkeypatch.setenv("HTTP_PROXY", s3_url)
    given = {"backup_s3_endpoint": "http://s3.us-east-1.amazonaws.com", "backup_s3_path_style": False}
    in_host_name = Archive(settings.model_copy(update=given))

    await in_host_name.put_log(CLUSTER, NAME, CONTENT)

    assert list((await in_host_name.contents(CLUSTER)).logs) == [NAME]
    monkeypatch.delenv("HTTP_PROXY")
    assert await Archive(settings).get_log(CLUSTER, NAME) == CONTENT, "it is the same bucket"


def test_without_a_bucket_or_a_passphrase_there_is_no_archive(settings: Settings) -> None:
    for lacking in ("wal_archive_to", "backup_passphrase"):
        with pytest.raises(PlaceUnusable, match="set WAL_ARCHIVE_TO"):
            Archive(settings.model_copy(update={lacking: None}))


async def test_the_key_is_opened_once_however_many_files_are_read_at_once(
    archive: Archive, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    await archive.put_log(CLUSTER, NAME, CONTENT)
    opened: list[bytes] = []

    def counted(sealed_key: bytes, passphrase: str) -> bytes:
        opened.append(sealed_key)
        return unsealed(sealed_key, passphrase)

    monkeypatch.setattr("app.wal.archive.unsealed", counted)
    other = Archive(settings)
    read = await asyncio.gather(*(other.get_log(CLUSTER, NAME) for _ in range(8)))

    assert read == [CONTENT] * 8
    assert len(opened) == 1, "each opening takes 128 MB"
