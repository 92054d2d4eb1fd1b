"""A backup's file: what other tools see of it."""

from __future__ import annotations

import gzip
import hashlib
import io
import subprocess
import tarfile
from pathlib import Path

import pyrage

from tests.support.archives import ENCRYPTED, PASSPHRASE, PLAIN, ROWS, WHOLE, read, written


async def test_nothing_of_an_encrypted_backup_can_be_read_but_what_it_is() -> None:
    rows = {"first": [b"1\ta secret of hers\n" * 500], "empty": [], "last": []}
    data, _ = written(PASSPHRASE, rows)

    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        names = archive.getnames()
    assert b"secret" not in data
    assert [name for name in names if not name.endswith(".age")] == ["backup.json", "SHA256"]


def test_the_usual_tools_open_it(tmp_path: Path) -> None:
    (tmp_path / "backup.tar").write_bytes(ENCRYPTED)
    subprocess.run(["tar", "xf", "backup.tar"], cwd=tmp_path, check=True)

    key = pyrage.passphrase.decrypt((tmp_path / "key.age").read_bytes(), PASSPHRASE).decode().strip()
    piece = (tmp_path / "first" / "000001.copy.gz.age").read_bytes()
    rows = gzip.decompress(pyrage.decrypt(piece, [pyrage.x25519.Identity.from_str(key)]))

    assert rows == ROWS["first"][0]


async def test_the_checksum_is_that_of_the_whole_file() -> None:
    assert hashlib.sha256(PLAIN).hexdigest() == WHOLE.sha256 == (await read(PLAIN))[1].sha256
