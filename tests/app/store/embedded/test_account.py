"""Which system user runs the server."""

from __future__ import annotations

from pathlib import Path

from app.store.embedded import EmbeddedPostgres
from app.store.embedded.account import OURS
from tests.support.embedded import query
from tests.support.users import as_root


@as_root
def test_root_runs_it_as_a_user_of_its_own_under_a_folder_no_one_may_enter(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    server = EmbeddedPostgres(closed / "data")
    server.start()
    try:
        assert query(server, "select current_user") == "claude_memory"
        uid = Path(f"/proc/{server.pid}").stat().st_uid
        assert uid in OURS
        assert (closed / "data/postgres/cluster").stat().st_uid == uid
        assert closed.stat().st_mode & 0o777 == 0o700, "folders above the data are left as they were"
        assert (closed / "data").stat().st_uid == 0
    finally:
        server.stop()
