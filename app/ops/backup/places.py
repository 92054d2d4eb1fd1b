"""Stores the file of a backup: in a directory of this machine, or in a bucket of an S3-compatible store.

A backup appears under its name only when it is complete.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator
from datetime import datetime
from pathlib import Path
from typing import Protocol

from app.durable import Draft, remove_abandoned
from app.ops.backup.bucket import SCHEME, place_errors, s3_store
from app.ops.backup.errors import PlaceUnusable
from app.settings.fields import Settings

SUFFIX = ".tar"
_READ_BYTES = 1 << 20
_PART_BYTES = 16 << 20  # an upload may have 10,000 parts: backups up to 160 GB
_PARTS_AT_ONCE = 2


class BackupPlace(Protocol):
    """The file of one backup. All methods raise PlaceUnusable."""

    name: str  # absolute path, or s3://bucket/key

    async def write(self, parts: AsyncIterator[bytes]) -> None:
        """Write the file; it appears complete, replacing what was there, or not at all."""

    def read(self) -> AsyncGenerator[bytes]:
        """Yield the file's bytes."""

    async def size(self) -> int | None:
        """Return the file's length in bytes; None when there is no file."""

    async def delete(self) -> None:
        """Delete the file, if it exists."""


def backup_place(settings: Settings, target: str, taken_at: datetime | None = None) -> BackupPlace:
    """Return the place that a target names.

    target: a file, a directory (an existing one, or with a / at its end), `s3://bucket/key.tar` or
    `s3://bucket/prefix`. taken_at: names the file when the target is only a directory or a prefix; without it, such
    a target raises PlaceUnusable.
    """
    if target.startswith(SCHEME):
        bucket, _, key = target.removeprefix(SCHEME).partition("/")
        if not names_file(target):
            key = f"{key.rstrip('/')}/{_file_name(target, taken_at)}".lstrip("/")
        return _Bucket(settings, bucket, key)
    path = Path(target).expanduser().absolute()
    return _File(path if names_file(target) else path / _file_name(target, taken_at))


def names_file(target: str) -> bool:
    """Whether a target names the file itself, not only its directory or prefix."""
    if target.startswith(SCHEME):
        return target.endswith(SUFFIX)
    return not (target.endswith("/") or Path(target).expanduser().is_dir())


def _file_name(target: str, taken_at: datetime | None) -> str:
    if taken_at is None:
        raise PlaceUnusable(f"{target} names no backup; name the file itself, as `claude-memory backups list` shows it")
    return f"claude-memory-{taken_at:%Y%m%dT%H%M%SZ}{SUFFIX}"


class _File:
    """A file on this machine, readable by its owner only."""

    def __init__(self, path: Path) -> None:
        self.name = str(path)
        self._path = path

    async def write(self, parts: AsyncIterator[bytes]) -> None:
        with place_errors(self.name):
            draft = await asyncio.to_thread(self._begin)
            try:
                async for part in parts:
                    await asyncio.to_thread(draft.file.write, part)
                await asyncio.to_thread(draft.commit)
            except BaseException:
                await asyncio.to_thread(draft.discard)  # waits for a write that a cancelled task left running
                raise

    def _begin(self) -> Draft:
        directory = self._path.parent
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        remove_abandoned(directory)  # drafts of all backups: each has another name
        return Draft(self._path)

    async def read(self) -> AsyncGenerator[bytes]:
        with place_errors(self.name), await asyncio.to_thread(self._path.open, "rb") as file:
            while data := await asyncio.to_thread(file.read, _READ_BYTES):
                yield data

    async def size(self) -> int | None:
        with place_errors(self.name):
            try:
                return (await asyncio.to_thread(self._path.stat)).st_size
            except FileNotFoundError:
                return None

    async def delete(self) -> None:
        with place_errors(self.name):
            await asyncio.to_thread(self._path.unlink, missing_ok=True)


class _Bucket:
    """An object of an S3-compatible store."""

    def __init__(self, settings: Settings, bucket: str, key: str) -> None:
        self.name = f"{SCHEME}{bucket}/{key}"
        self._key = key
        with place_errors(self.name):
            self._store = s3_store(settings, bucket)

    async def write(self, parts: AsyncIterator[bytes]) -> None:
        import obstore

        with place_errors(self.name):  # our own errors among the parts abort the upload too, and pass unchanged
            await obstore.put_async(
                self._store,
                self._key,
                parts,
                use_multipart=True,
                chunk_size=_PART_BYTES,
                max_concurrency=_PARTS_AT_ONCE,
            )

    async def read(self) -> AsyncGenerator[bytes]:
        import obstore

        with place_errors(self.name):
            stored = await obstore.get_async(self._store, self._key)
            async for data in stored.stream(min_chunk_size=_READ_BYTES):
                yield bytes(data)

    async def size(self) -> int | None:
        import obstore

        with place_errors(self.name):
            try:
                return (await obstore.head_async(self._store, self._key))["size"]
            except FileNotFoundError:
                return None

    async def delete(self) -> None:
        import obstore

        with place_errors(self.name), contextlib.suppress(FileNotFoundError):
            await obstore.delete_async(self._store, self._key)
