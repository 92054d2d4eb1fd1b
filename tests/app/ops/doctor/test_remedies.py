"""What to do about a part depends on where it runs."""

from __future__ import annotations

from pathlib import Path

from pydantic import SecretStr

from app.ops.doctor.remedies import Remedies
from app.settings.fields import Settings


def test_what_to_do_depends_on_where_a_part_runs(tmp_path: Path) -> None:
    alone = Remedies.of(Settings(memory_data_dir=tmp_path), "daemon")
    deployed = Remedies.of(
        Settings(memory_data_dir=tmp_path, database_url=SecretStr("postgresql://a@b/c"), qdrant_url="http://q:6333"),
        "serve",
    )

    assert ("daemon.log" in alone.server, "daemon.log" in deployed.server) == (True, False)
    assert ("postgres.log" in alone.postgres, "DATABASE_URL" in deployed.postgres) == (True, True)
    assert alone.index == "claude-memory reindex"
    assert "QDRANT_URL" in deployed.index
