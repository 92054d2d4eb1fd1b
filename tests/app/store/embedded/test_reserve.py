"""Space that is kept for a full disk, and a server that waits for space."""

from __future__ import annotations

import subprocess
import threading
from pathlib import Path

import pytest

from app.errors import StoreFull
from app.store.embedded import EmbeddedPostgres
from app.store.embedded.processes import wait_until
from app.store.embedded.reserve import SIZE_BYTES, Reserve
from tests.support.disks import small_disk
from tests.support.embedded import query
from tests.support.users import as_root


def test_space_is_kept_and_given_up(tmp_path: Path) -> None:
    reserve = Reserve(tmp_path)
    reserve.keep()
    reserve.keep()
    assert (tmp_path / "reserve").stat().st_size == SIZE_BYTES

    reserve.give_up()
    reserve.give_up()
    assert not list(tmp_path.iterdir())


@as_root
def test_on_a_full_disk_a_server_waits_and_a_command_says_why(tmp_path: Path, made: Path) -> None:
    with small_disk(tmp_path / "disk", "100m") as disk:
        subprocess.run(["cp", "-a", made, disk / "data"], check=True)
        (disk / "data/postgres/reserve").unlink(missing_ok=True)
        with pytest.raises(OSError, match="No space"):
            (disk / "fill").write_bytes(bytes(100 << 20))
        with pytest.raises(StoreFull, match=r"disk of .*data: no space left; free some"):
            EmbeddedPostgres(disk / "data").start()

        server = EmbeddedPostgres(disk / "data", waits_for_space=True, longest_pause_s=0.2)
        start = threading.Thread(target=server.start)
        start.start()
        try:
            assert wait_until(lambda: isinstance(server.failure, StoreFull), patience_s=20)
            assert isinstance(server.refusal(writes=False), StoreFull)
            (disk / "fill").unlink()
            start.join(20)
            assert server.failure is None
            assert server.refusal(writes=True) is None
            assert query(server, "select 1") == 1
            (disk / "fill").write_bytes(bytes(40 << 20))
            assert server.refusal(writes=False) is None, "reading goes on"
            assert "nothing of this call was stored" in str(server.refusal(writes=True))
        finally:
            server.stop()
            start.join()
