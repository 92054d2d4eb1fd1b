"""What to do about a part that fails."""

from __future__ import annotations

from dataclasses import dataclass

from app.runtime.composition import index_setup
from app.settings.fields import Settings

MEMU = "check MEMU_API_KEY, MEMU_BASE_URL and MEMU_API_VERSION; what is written waits in the outbox meanwhile"


@dataclass(frozen=True, slots=True)
class Remedies:
    """What to do about each part; it depends on where the part runs."""

    server: str
    postgres: str
    index: str

    @classmethod
    def of(cls, settings: Settings, mode: str | None) -> Remedies:
        """Return the remedies for what runs as `mode`, see app.datadir.lock; None: nothing runs."""
        data_dir = settings.data_dir
        if mode == "daemon":
            server = f"see {data_dir / 'daemon.log'}, then restart it: end it, and the next client starts one"
        else:
            server = "see the server's log, then restart it"
        postgres = f"see {data_dir / 'postgres.log'}, then restart the server"
        if settings.database_url is not None:
            postgres = "check DATABASE_URL, and that PostgreSQL runs there; a server reconnects by itself"
        return cls(server, postgres, index_setup(settings).remedy)
