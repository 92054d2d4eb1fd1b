"""A bucket and a spool of the test."""

from __future__ import annotations

import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.settings.fields import Settings
from app.settings.loading import load_settings
from app.wal.archive import Archive
from tests.support.s3 import s3_server

CLUSTER = "7714067813626042077"


@pytest.fixture(scope="session")
def s3_url() -> Iterator[str]:
    """An S3-compatible store in a process of its own, with one bucket."""
    with s3_server() as url:
        urllib.request.urlopen(urllib.request.Request(f"{url}/bucket", method="PUT"))
        yield url


@pytest.fixture
def settings(plain_settings: Settings, s3_url: str, tmp_path: Path, request: pytest.FixtureRequest) -> Settings:
    (tmp_path / "spool").mkdir()
    return load_settings(
        {
            "wal_archive_to": f"s3://bucket/{request.node.name}/log/",
            "wal_spool": tmp_path / "spool",
            "backup_passphrase": "correct horse",
            "backup_s3_endpoint": s3_url,
            "backup_s3_access_key_id": "key",
            "backup_s3_secret_access_key": "made-up-secret",
            "max_retry_attempts": 0,
        }
    )


@pytest.fixture
def archive(settings: Settings) -> Archive:
    return Archive(settings)


@pytest.fixture
def folder(settings: Settings) -> Path:
    """The folder of a cluster in the spool."""
    made = settings.wal_spool / CLUSTER
    made.mkdir()
    return made
