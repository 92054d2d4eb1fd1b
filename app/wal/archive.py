"""The bucket with the log: what goes there is encrypted with a key of its cluster, whose own file the passphrase opens.

Every file is an ordinary age file: `age -d -i key.txt` opens it, once `age -d key.age > key.txt` has opened the key.
"""

from __future__ import annotations

import asyncio
import gzip
import zlib
from collections.abc import Sequence
from pathlib import Path

import obstore
import pyrage

from app.ops.backup.bucket import SCHEME, place_errors, s3_store
from app.ops.backup.errors import BackupRefused, PlaceUnusable
from app.ops.backup.key import WrongPassphrase, sealed, unsealed
from app.settings.fields import Settings
from app.wal.names import CLUSTER, KEY, Contents, contents_of, log_path

_PART_BYTES = 16 << 20  # an upload may have 10,000 parts


class Archive:
    """All methods raise PlaceUnusable; those that encrypt or decrypt BackupRefused as well."""

    def __init__(self, settings: Settings) -> None:
        target, passphrase = settings.wal_archive_to, settings.backup_passphrase
        if target is None or passphrase is None:
            raise PlaceUnusable("the log has no place: set WAL_ARCHIVE_TO=s3://bucket/prefix and BACKUP_PASSPHRASE")
        bucket, _, prefix = target.removeprefix(SCHEME).partition("/")
        self.name = target.rstrip("/")
        self._prefix = prefix.strip("/")
        self._passphrase = passphrase.get_secret_value()
        self._keys: dict[str, pyrage.x25519.Identity] = {}
        self._opening = asyncio.Lock()
        with place_errors(self.name):
            self._store = s3_store(settings, bucket)

    async def clusters(self) -> list[str]:
        """Return the clusters that have files there."""
        with place_errors(self.name):
            listed = await obstore.list_with_delimiter_async(self._store, self._prefix or None)
        found = (path.rstrip("/").rpartition("/")[2] for path in listed["common_prefixes"])
        return sorted(name for name in found if CLUSTER.fullmatch(name))

    async def contents(self, cluster: str) -> Contents:
        """Return what there is of a cluster."""
        folder = self._path(cluster, "")
        with place_errors(self.name):
            objects = [
                (one["path"].removeprefix(folder), one["last_modified"])
                async for batch in obstore.list(self._store, prefix=folder)
                for one in batch
            ]
        return contents_of(cluster, objects)

    async def put_log(self, cluster: str, name: str, packed: bytes) -> None:
        """Store a file of the log, unless it is there. Raises BackupRefused if another one of its name is there."""
        path = log_path(name)
        if await self._exists(cluster, path):
            there = await self.get_log(cluster, name)
            if await asyncio.to_thread(_differ, there, packed):
                raise BackupRefused(
                    f"{self.name}/{cluster}/{path} is there and is another one: two servers write one log; give one of"
                    " them a WAL_ARCHIVE_TO of its own"
                )
            return
        key = await self._key(cluster)
        data = await asyncio.to_thread(pyrage.encrypt, packed, [key.to_public()])
        with place_errors(self.name):
            await obstore.put_async(self._store, self._path(cluster, path), data)

    async def put_base(self, cluster: str, path: str, file: Path) -> None:
        """Store a base backup from a file, which is encrypted beside itself first: it may be large."""
        draft = file.with_name(f"{file.name}.age")
        key = await self._key(cluster)
        try:
            with place_errors(str(draft)):
                await asyncio.to_thread(pyrage.encrypt_file, str(file), str(draft), [key.to_public()])
            with place_errors(self.name):
                await obstore.put_async(
                    self._store, self._path(cluster, path), draft, use_multipart=True, chunk_size=_PART_BYTES
                )
        finally:
            draft.unlink(missing_ok=True)

    async def get_log(self, cluster: str, name: str) -> bytes:
        """Return a file of the log, as it was in the spool."""
        key = await self._key(cluster, make=False)
        with place_errors(f"{self.name}/{cluster}/{log_path(name)}"):
            stored = await obstore.get_async(self._store, self._path(cluster, log_path(name)))
            data = bytes(await stored.bytes_async())
        try:
            return await asyncio.to_thread(pyrage.decrypt, data, [key])
        except pyrage.DecryptError as error:
            raise self._damaged(cluster, log_path(name)) from error

    async def get_base(self, cluster: str, path: str, file: Path) -> None:
        """Bring a base backup into a file; the file appears once all of it was found to be undamaged."""
        key = await self._key(cluster, make=False)
        draft, opened = file.with_name(f"{file.name}.age"), file.with_name(f"{file.name}.part")
        with place_errors(self.name):
            stored = await obstore.get_async(self._store, self._path(cluster, path))
            with draft.open("wb") as out:
                async for data in stored.stream(min_chunk_size=1 << 20):
                    await asyncio.to_thread(out.write, data)
        try:
            with place_errors(str(opened)):
                await asyncio.to_thread(_decrypt, draft, opened, key)
            opened.replace(file)
        except pyrage.DecryptError as error:
            raise self._damaged(cluster, path) from error
        finally:
            draft.unlink()
            opened.unlink(missing_ok=True)

    async def delete(self, cluster: str, paths: Sequence[str]) -> None:
        """Delete files; those that are gone already are no error."""
        with place_errors(self.name):
            await obstore.delete_async(self._store, [self._path(cluster, path) for path in paths])

    async def _exists(self, cluster: str, path: str) -> bool:
        with place_errors(self.name):
            try:
                await obstore.head_async(self._store, self._path(cluster, path))
            except FileNotFoundError:
                return False
            return True

    async def _key(self, cluster: str, *, make: bool = True) -> pyrage.x25519.Identity:
        """Return the key of a cluster, made and stored if there is none."""
        async with self._opening:  # of several at a time each would take 128 MB
            if cluster not in self._keys:
                self._keys[cluster] = await self._stored_key(cluster, make=make)
            return self._keys[cluster]

    async def _stored_key(self, cluster: str, *, make: bool) -> pyrage.x25519.Identity:
        path = self._path(cluster, KEY)
        if make and not await self._exists(cluster, KEY):
            made = pyrage.x25519.Identity.generate()
            content = await asyncio.to_thread(sealed, f"{made}\n".encode(), self._passphrase)
            with place_errors(self.name):
                await obstore.put_async(self._store, path, content)
        with place_errors(f"{self.name}/{cluster}/{KEY}"):
            stored = bytes(await (await obstore.get_async(self._store, path)).bytes_async())
        try:
            opened = await asyncio.to_thread(unsealed, stored, self._passphrase)
            return pyrage.x25519.Identity.from_str(opened.decode().strip())
        except (WrongPassphrase, pyrage.IdentityError, UnicodeDecodeError) as error:
            raise BackupRefused(
                f"{self.name}/{cluster}/{KEY} cannot be opened: BACKUP_PASSPHRASE is another one than when it was made;"
                " set the old one, or another WAL_ARCHIVE_TO, where a new archive begins"
            ) from error

    def _path(self, cluster: str, path: str) -> str:
        return f"{self._prefix}/{cluster}/{path}".lstrip("/")

    def _damaged(self, cluster: str, path: str) -> BackupRefused:
        return BackupRefused(f"{self.name}/{cluster}/{path} is damaged: restore to another moment, or from a backup")


def _decrypt(source: Path, target: Path, key: pyrage.x25519.Identity) -> None:
    """Decrypt a file. Raises DecryptError, and OSError of the disk."""
    try:
        pyrage.decrypt_file(str(source), str(target), [key])
    except OSError as error:
        if error.errno is None:  # pyrage's word for damage behind the first piece
            raise pyrage.DecryptError(str(error)) from error
        raise


def _differ(one: bytes, other: bytes) -> bool:
    """Whether two files hold something else; compressed again, the same file may have other bytes."""
    try:
        return gzip.decompress(one) != gzip.decompress(other)
    except (OSError, EOFError, zlib.error):
        return True
