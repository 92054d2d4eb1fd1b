"""What the configuration brings: durability, a private log, no way in for others."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import asyncpg
import pytest

from app.store.embedded import EmbeddedPostgres
from tests.support.embedded import query
from tests.support.users import NOBODY, as_root


def test_what_it_acknowledges_is_on_disk_and_checked(server: EmbeddedPostgres) -> None:
    settings = ["fsync", "synchronous_commit", "full_page_writes", "data_checksums"]
    assert [query(server, f"show {name}") for name in settings] == ["on"] * 4
    assert query(server, "show server_encoding") == "UTF8"
    assert query(server, "select lower('ÄÖ') || upper('é')") == "äöÉ", "beyond ASCII, whatever the machine's locale"


def test_it_listens_on_no_network_address(server: EmbeddedPostgres) -> None:
    assert query(server, "show listen_addresses") == ""
    assert Path(server.connect_args["host"]).stat().st_mode & 0o777 == 0o700


def test_statements_and_values_stay_out_of_the_log(server: EmbeddedPostgres, data_dir: Path) -> None:
    with pytest.raises(asyncpg.UniqueViolationError):
        query(
            server,
            "create table kept (text text primary key)",
            "insert into kept values ('a very private memory')",
            "insert into kept values ('a very private memory')",
            "select 1",
        )
    log = (data_dir / "postgres.log").read_text()
    assert "duplicate key" in log, "the error itself is there"
    assert "private" not in log


@as_root
@pytest.mark.parametrize("who", ["its own", "nobody", "daemon"])
def test_no_other_system_user_gets_in(server: EmbeddedPostgres, who: str) -> None:
    """Not even the one the server runs as, who owns the socket."""
    own = Path(f"/proc/{server.pid}").stat().st_uid
    uid = {"its own": own, "nobody": NOBODY, "daemon": 1}[who]
    attempt = (
        "import asyncio, asyncpg, os, sys\n"
        f"os.chdir({server.connect_args['host']!r})\n"  # past the folders above, which would stop it earlier
        f"os.setgroups([]); os.setgid({uid}); os.setuid({uid})\n"
        "for user in ('claude_memory', 'postgres'):\n"
        "    try:\n"
        "        asyncio.run(asyncpg.connect(host='/proc/self/cwd', user=user, database='claude_memory'))\n"
        "    except (OSError, asyncpg.PostgresError) as error:\n"
        "        print(type(error).__name__)\n"
        "    else:\n"
        "        print('connected')\n"
    )
    outcome = subprocess.run([sys.executable, "-c", attempt], capture_output=True, text=True, check=True)
    refusal = "InvalidAuthorizationSpecificationError" if uid == own else "PermissionError"
    assert outcome.stdout.split() == [refusal, refusal]
