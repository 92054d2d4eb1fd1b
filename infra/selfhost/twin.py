"""What PostgreSQL's containers have where there are two of them: a primary, and a standby on another host.

Both have the same files but for whom they copy. Which one is the primary stands in their data (`scripts/start.sh`), so
that it can change without the stack's configuration, while a host is away.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from infra.selfhost.files import FOLDER
from infra.selfhost.log_spool import HBA, script

START, FENCED = "start.sh", "fenced"
# What a primary keeps of its log for a standby that is away; after that the standby has to copy everything again.
_KEPT_MB = 4_096


@dataclass(frozen=True, kw_only=True)
class Twin:
    """The other server: where it is. begins: what this server is when neither has data."""

    host: str
    port: int
    begins: Literal["primary", "standby"]


def server_settings() -> dict[str, str]:
    """Return what postgresql.conf has for it."""
    return {"hba_file": f"'{FOLDER}/pg_hba.conf'", "max_slot_wal_keep_size": f"{_KEPT_MB}MB"}


def server_files(twin: Twin, superuser: str, data: str) -> dict[str, str]:
    """Return the files that a server's container has for it. data: the folder of its volume."""
    values = {"TWIN_HOST": twin.host, "TWIN_PORT": str(twin.port), "BEGINS": twin.begins}
    return {
        "pg_hba.conf": HBA,
        START: script(START, **values, SUPERUSER=superuser, DATA=data, FILES=FOLDER),
    }


def health(command: Sequence[str]) -> list[str]:
    """Return a check that holds also while the server copies the other, which takes as long as there is data."""
    return ["sh", "-c", f'{shlex.join(command)} || [ -d "$PGDATA.copy" ]']
