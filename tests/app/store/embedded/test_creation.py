"""How a database comes to be: whole or not at all, with a role of its own."""

from __future__ import annotations

import shutil
from pathlib import Path

from app.store.embedded import EmbeddedPostgres
from tests.support.embedded import living, owner, query
from tests.support.waiting import wait_until


def test_the_apps_role_owns_its_database_but_is_no_superuser(server: EmbeddedPostgres) -> None:
    """Row-level security does not bind a superuser, and a managed server gives none."""
    role = query(
        server,
        "select row(current_user, d.datname, rolsuper, rolbypassrls, rolcreaterole)::text from pg_roles r"
        " join pg_database d on d.datdba = r.oid where rolname = current_user and d.datname = current_database()",
    )
    assert role == "(claude_memory,claude_memory,f,f,t)"


def test_a_first_start_killed_half_way_leaves_no_half_of_a_database(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    first = owner(data_dir)
    wait_until(lambda: any((data_dir / "postgres").glob("cluster.new-*/base")), "half of a database")
    first.kill()
    first.communicate()
    assert not (data_dir / "postgres/cluster").exists()

    server = EmbeddedPostgres(data_dir)
    server.start()
    try:
        assert query(server, "select 1") == 1
        wait_until(lambda: not living(data_dir) or server.running, "one or the other")
    finally:
        server.stop()
    shutil.rmtree(tmp_path / "data")
