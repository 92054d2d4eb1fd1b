"""What PostgreSQL's container has to put its log into the spool, and to be restored from there."""

from __future__ import annotations

from pathlib import Path

from infra.selfhost.files import FOLDER

SPOOL = "/var/lib/claude-memory/wal"  # in app/Dockerfile everyone may write there: that is where the volume has it from
SWITCH_S = 30  # after which base.sh has an unfinished file of the log finished, as far as it is
_SCRIPTS = Path(__file__).parent / "scripts"
# As the image's own, and the superuser may copy all data over the network, with its password.
HBA = """\
local all all trust
local replication all trust
host all all all scram-sha-256
host replication postgres all scram-sha-256
"""


def server_settings() -> dict[str, str]:
    """Return what postgresql.conf has for it."""
    return {
        "hba_file": f"'{FOLDER}/pg_hba.conf'",
        "archive_mode": "on",
        "archive_command": f'\'sh {FOLDER}/archive.sh "%p" "%f"\'',
        "archive_timeout": f"{2 * SWITCH_S}s",  # for when base.sh does not run
    }


def server_files(superuser: str, database: str) -> dict[str, str]:
    """Return the files that the server's container has for it."""
    return {
        "pg_hba.conf": HBA,
        "archive.sh": script("archive.sh", SPOOL=SPOOL),
        "restore.sh": script("restore.sh", SPOOL=SPOOL, FILES=FOLDER, SUPERUSER=superuser, DATABASE=database),
    }


def script(name: str, **values: str) -> str:
    """Return a script that begins with these variables."""
    text = (_SCRIPTS / name).read_text(encoding="utf-8")
    return "".join(f"{variable}={value}\n" for variable, value in values.items()) + text
