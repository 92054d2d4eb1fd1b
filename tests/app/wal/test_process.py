"""`wal ship` as a process: it ships until it is stopped, and tells how it is."""

from __future__ import annotations

import gzip
import json
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from app.settings.fields import Settings
from app.wal.archive import Archive
from app.wal.process import ShippingProcess
from app.wal.shipping import Shipper
from tests.app.wal.conftest import CLUSTER
from tests.support.docker import free_port
from tests.support.serving import clean_environment
from tests.support.waiting import until

NAME = "000000010000000000000001"


def environment(settings: Settings, port: int) -> dict[str, str]:
    assert settings.wal_archive_to is not None
    return clean_environment(
        WAL_ARCHIVE_TO=settings.wal_archive_to,
        WAL_SPOOL=str(settings.wal_spool),
        BACKUP_PASSPHRASE="correct horse",
        BACKUP_S3_ENDPOINT=str(settings.backup_s3_endpoint),
        BACKUP_S3_ACCESS_KEY_ID="key",
        BACKUP_S3_SECRET_ACCESS_KEY="made-up-secret",
        METRICS_PORT=str(port),
    )


def started(settings: Settings, port: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-P", "-m", "app", "wal", "ship"]
    return subprocess.Popen(command, env=environment(settings, port), stderr=subprocess.PIPE, text=True)


def get(port: int, path: str) -> str:
    try:
        return str(urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5).read().decode())
    except urllib.error.URLError:
        return ""


async def test_it_ships_until_it_is_stopped(settings: Settings, folder: Path) -> None:
    port = free_port()
    (folder / f"{NAME}.gz").write_bytes(gzip.compress(b"log"))
    process = started(settings, port)
    try:
        await until(lambda: not (folder / f"{NAME}.gz").exists(), "the file is gone")
        assert json.loads(get(port, "/health"))["components"]["log archive"] == {"status": "ok", "detail": None}
        assert "claude_memory_wal_archive_lag_seconds" in get(port, "/metrics")
    finally:
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=20)
    assert process.returncode == 0, said
    assert list((await Archive(settings).contents(CLUSTER)).logs) == [NAME]


async def test_a_bucket_that_is_away_is_a_problem_until_it_is_back(
    settings: Settings, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (folder / f"{NAME}.gz").write_bytes(gzip.compress(b"log"))
    process = ShippingProcess(Shipper(settings, Archive(settings)))
    away = settings.model_copy(update={"backup_s3_endpoint": "http://127.0.0.1:9"})
    process._shipper = Shipper(away, Archive(away))

    await process.once()
    await process.once()
    assert not process.is_ready()
    assert "the store refused" in str(process.components()[0].detail)
    assert len([one for one in caplog.records if one.levelname == "WARNING"]) == 1, "it is told once"

    process._shipper = Shipper(settings, Archive(settings))
    await process.once()
    assert process.is_ready()


def test_without_a_passphrase_it_does_not_start(settings: Settings, folder: Path) -> None:
    given = environment(settings, 0)
    del given["BACKUP_PASSPHRASE"]

    done = subprocess.run(
        [sys.executable, "-P", "-m", "app", "wal", "ship"], env=given, capture_output=True, text=True, check=False
    )

    assert done.returncode == 2
    assert "BACKUP_PASSPHRASE is not set" in done.stderr
