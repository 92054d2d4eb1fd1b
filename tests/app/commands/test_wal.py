"""`wal list` and `wal fetch`, as processes."""

from __future__ import annotations

import json
from argparse import ArgumentTypeError
from pathlib import Path

import pytest

from app.commands.wal import moment
from app.settings.fields import Settings
from app.wal.archive import Archive
from tests.app.wal.conftest import CLUSTER, archive, s3_url, settings  # noqa: F401 - fixtures
from tests.app.wal.test_fetching import kept
from tests.app.wal.test_process import environment
from tests.support.cli import run_command


@pytest.mark.parametrize("text", ["2026-05-08T12:00:00", "noon", "2026-05-08", ""])
def test_a_moment_without_its_zone_is_refused(text: str) -> None:
    with pytest.raises(ArgumentTypeError, match="takes a time with its offset"):
        moment(text)


@pytest.mark.parametrize("text", ["2026-05-08T12:00:00Z", "2026-05-08 14:00:00+02:00", "2026-05-08T12:00+00:00"])
def test_a_moment_is_read_in_every_zone(text: str) -> None:
    assert moment(text).timestamp() == 1_778_241_600


@pytest.mark.timeout(400)  # four processes, of which each opens a key with a passphrase
async def test_what_there_is_is_listed_and_fetched(
    archive: Archive,  # noqa: F811
    settings: Settings,  # noqa: F811
    tmp_path: Path,
) -> None:
    base = await kept(archive, tmp_path, 1, 2, 4)
    given = {name: value for name, value in environment(settings, 0).items() if name.startswith(("WAL_", "BACKUP_"))}

    status, out, error = run_command("wal", "list", cwd=tmp_path, **given)
    assert (status, error) == (0, "")
    assert out.splitlines()[1].split()[0] == CLUSTER
    assert out.splitlines()[1].split()[-3:] == ["1", "3", "1"]
    status, out, error = run_command("wal", "list", "--json", cwd=tmp_path, **given)
    assert (status, error) == (0, "")
    listed = json.loads(out)
    assert (listed[0]["bases"], listed[0]["log_files"], listed[0]["missing"]) == ([base.complete.isoformat()], 3, 1)

    moment_given = base.complete.isoformat()
    status, out, error = run_command("wal", "fetch", "--to", moment_given, cwd=tmp_path, **given)
    assert (status, error) == (0, "")
    assert out.startswith("fetched the base backup of 2026-05-08 12:00:00 UTC and 3 files of the log")
    status, out, error = run_command("wal", "fetch", cwd=tmp_path, **given)
    assert (status, out) == (1, "")
    assert "the log has a gap of 1 file" in error
