"""Stores the file of a backup: in a directory of this machine, or in a bucket of an S3-compatible store.

A backup appears under its name only when it is complete.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import re
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit, urlunsplit

from app.durable import Draft, remove_abandoned
from app.ops.backup.errors import PlaceUnusable
from app.settings.fields import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from obstore.store import S3Store

SUFFIX = ".tar"
_SCHEME = "s3://"
_KEY, _SECRET = "BACKUP_S3_ACCESS_KEY_ID", "BACKUP_S3_SECRET_ACCESS_KEY"
_METADATA = re.compile(r"/latest/(api/token|meta-data/iam)")  # where obstore asks an Amazon machine for keys
_READ_BYTES = 1 << 20
_PART_BYTES = 16 << 20  # an upload may have 10,000 parts: backups up to 160 GB
_PARTS_AT_ONCE = 2
_RETRY_TIMEOUT = timedelta(seconds=60)


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
    if target.startswith(_SCHEME):
        bucket, _, key = target.removeprefix(_SCHEME).partition("/")
        if not names_file(target):
            key = f"{key.rstrip('/')}/{_file_name(target, taken_at)}".lstrip("/")
        return _Bucket(settings, bucket, key)
    path = Path(target).expanduser().absolute()
    return _File(path if names_file(target) else path / _file_name(target, taken_at))


def names_file(target: str) -> bool:
    """Whether a target names the file itself, not only its directory or prefix."""
    if target.startswith(_SCHEME):
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
        with _place_errors(self.name):
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
        with _place_errors(self.name), await asyncio.to_thread(self._path.open, "rb") as file:
            while data := await asyncio.to_thread(file.read, _READ_BYTES):
                yield data

    async def size(self) -> int | None:
        with _place_errors(self.name):
            try:
                return (await asyncio.to_thread(self._path.stat)).st_size
            except FileNotFoundError:
                return None

    async def delete(self) -> None:
        with _place_errors(self.name):
            await asyncio.to_thread(self._path.unlink, missing_ok=True)


class _Bucket:
    """An object of an S3-compatible store."""

    def __init__(self, settings: Settings, bucket: str, key: str) -> None:
        self.name = f"{_SCHEME}{bucket}/{key}"
        self._key = key
        with _place_errors(self.name):
            self._store = _s3(settings, bucket)

    async def write(self, parts: AsyncIterator[bytes]) -> None:
        import obstore

        with _place_errors(self.name):  # our own errors among the parts abort the upload too, and pass unchanged
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

        with _place_errors(self.name):
            stored = await obstore.get_async(self._store, self._key)
            async for data in stored.stream(min_chunk_size=_READ_BYTES):
                yield bytes(data)

    async def size(self) -> int | None:
        import obstore

        with _place_errors(self.name):
            try:
                return (await obstore.head_async(self._store, self._key))["size"]
            except FileNotFoundError:
                return None

    async def delete(self) -> None:
        import obstore

        with _place_errors(self.name), contextlib.suppress(FileNotFoundError):
            await obstore.delete_async(self._store, self._key)


def _s3(settings: Settings, bucket: str) -> S3Store:
    from obstore.store import S3Store

    options: dict[str, Any] = {"region": settings.backup_s3_region}
    if settings.backup_s3_endpoint is not None:
        options["endpoint"] = settings.backup_s3_endpoint
        if not settings.backup_s3_path_style:
            options["endpoint"] = _in_host_name(settings.backup_s3_endpoint, bucket)
    options["virtual_hosted_style_request"] = not settings.backup_s3_path_style
    key, secret = settings.backup_s3_access_key_id, settings.backup_s3_secret_access_key
    if key is not None and secret is not None:
        options["access_key_id"] = key.get_secret_value()
        options["secret_access_key"] = secret.get_secret_value()
    return S3Store(
        bucket,
        **options,
        client_options={
            "allow_http": (settings.backup_s3_endpoint or "").startswith("http://"),
            "connect_timeout": "5s",
            "timeout": "60s",
        },
        retry_config={"max_retries": settings.max_retry_attempts, "retry_timeout": _RETRY_TIMEOUT},
    )


def _in_host_name(endpoint: str, bucket: str) -> str:
    parts = urlsplit(endpoint)
    return urlunsplit(parts._replace(netloc=f"{bucket}.{parts.netloc}"))


@contextmanager
def _place_errors(name: str) -> Iterator[None]:
    """Turn errors of a disk or a store into PlaceUnusable, one line. A store's can hold a whole answer: cut."""
    from obstore.exceptions import BaseError

    try:
        yield
    except FileNotFoundError as error:
        raise PlaceUnusable(f"{name}: there is no such backup or directory") from error
    except OSError as error:
        why = {
            errno.ENOSPC: "the disk is full; free some space",
            errno.EDQUOT: "the disk quota is used up; free some space",
            errno.EFBIG: "the file would be larger than the file system or the process's limit allows",
            errno.EACCES: "permission denied; change the owner, or choose another directory",
            errno.EROFS: "the file system is read-only; choose another directory",
        }.get(error.errno or 0, str(error.strerror or error))
        raise PlaceUnusable(f"{name}: {why}") from error
    except BaseError as error:
        line = _first_line(error)
        if _METADATA.search(line):
            raise PlaceUnusable(
                f"{name}: there are no keys to the store: set {_KEY} and {_SECRET}, or AWS_ACCESS_KEY_ID and"
                " AWS_SECRET_ACCESS_KEY; none are set, and this machine provides none (instance metadata)"
            ) from error
        raise PlaceUnusable(f"{name}: the store refused: {line}") from error


def _first_line(error: Exception) -> str:
    text = str(error).partition("\n")[0]
    return text if len(text) <= 300 else f"{text[:300]}…"
