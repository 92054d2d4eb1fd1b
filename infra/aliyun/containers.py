"""Which settings each function of the app gets, as far as they are known before anything is made.

The address of the stack's own database is a stand-in: that it is set is what rules ask.
"""

from __future__ import annotations

from collections.abc import Mapping

from app.settings.fields import secret_names
from app.settings.rules import BACKUP, INIT, SERVE
from infra.aliyun.app_settings import BACKUPS_ONLY, known_jobs, known_server
from infra.aliyun.config import AliyunConfig

USER = DATABASE = "claude_memory"
# As long as the one that RDS gives: the limit on variables counts its bytes.
_HOST = "pgm-0123456789abcdef.pg.rds.aliyuncs.com"


def container_settings(options: AliyunConfig, given: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Return the settings of each kind of function, by its mode in app.settings.rules.

    given: the stack's settings of the app, secret ones too.
    """
    server = {
        **known_server(options, given),
        "DATABASE_URL": known_database_url(options, given),
        "ADMIN_TOKEN": options.admin_token.get_secret_value(),
    }
    found = {SERVE: server, INIT: server}
    if options.jobs is not None:
        found[BACKUP] = {
            **_without_secrets_of_the_server(known_jobs(options, given)),
            "DATABASE_URL": known_database_url(options, given),
        }
    return found


def known_database_url(options: AliyunConfig, given: Mapping[str, str]) -> str:
    """Return the database's address, with a stand-in for the host of the stack's own."""
    if options.postgres is None:
        return given.get("DATABASE_URL", "")
    password = "" if options.database_password is None else options.database_password.get_secret_value()
    return database_url(_HOST, "5432", password)


def database_url(host: str, port: str, password: str) -> str:
    """Return the address of the stack's own database. Its password needs no quoting: its rule allows what is plain."""
    return f"postgresql://{USER}:{password}@{host}:{port}/{DATABASE}"


def _without_secrets_of_the_server(settings: Mapping[str, str]) -> dict[str, str]:
    secret = set(secret_names())
    return {name: value for name, value in settings.items() if name not in secret or name.startswith(BACKUPS_ONLY)}
