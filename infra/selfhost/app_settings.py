"""Settings of the app as its containers get them: plain ones in the environment, secret ones in files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote

import pulumi
from pydantic import SecretStr

from infra.config import StackConfig
from infra.selfhost import database
from infra.selfhost.config import SelfhostConfig
from infra.selfhost.files import FOLDER
from infra.selfhost.managed import with_defaults

PORT, METRICS_PORT = 8000, 8080
ADDRESS = "0.0.0.0"  # noqa: S104 - the container's private network
DATA = "/tmp/claude-memory"  # noqa: S108 - a tmpfs: nothing is kept here
_READ_BY_ALL = ("AUTH", "LOG_FORMAT", "LOG_LEVEL")


@dataclass(frozen=True, kw_only=True)
class AppSettings:
    """Settings by name. files: the secret ones, which a container finds in FOLDER under their names."""

    plain: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)
    files: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, pulumi.Input[str]]:
        """The environment of a container that has these files."""
        return {**self.plain, **{f"{name}_FILE": f"{FOLDER}/{name}" for name in self.files}}

    def extended(
        self, plain: Mapping[str, pulumi.Input[str]], files: Mapping[str, pulumi.Input[str]] | None = None
    ) -> AppSettings:
        """Return these settings and more, of which the latter win."""
        return AppSettings(plain={**self.plain, **plain}, files={**self.files, **(files or {})})


def given_settings(stack: StackConfig[SelfhostConfig]) -> AppSettings:
    """Return what every container of the app gets: the stack's settings over this target's defaults."""
    return AppSettings(
        plain=with_defaults(stack.environment, stack.options),
        files={name: secret(value) for name, value in stack.secrets.items()},
    )


def server_settings(given: AppSettings, options: SelfhostConfig, postgres: str, qdrant: str) -> AppSettings:
    """Return what replicas, worker and `init` get.

    postgres, qdrant: host:port, seen from their engine; of two servers both, with a comma.
    """
    return given.extended(
        {
            "HOST": ADDRESS,
            "PORT": str(PORT),
            "METRICS_PORT": str(METRICS_PORT),
            "MEMORY_DATA_DIR": DATA,
            "QDRANT_URL": f"http://{qdrant}",
        },
        {
            "DATABASE_URL": _url(database.USER, options.postgres_password, postgres, database.DATABASE),
            "QDRANT_API_KEY": secret(options.qdrant_api_key),
        },
    )


def receiver_settings(given: AppSettings) -> AppSettings:
    """Return what the alert receiver gets: only what it reads, so that a change of anything else leaves it running."""
    return AppSettings(
        plain={name: value for name, value in given.plain.items() if is_read_by_receiver(name)},
        files={name: value for name, value in given.files.items() if is_read_by_receiver(name)},
    )


def is_read_by_receiver(name: str) -> bool:
    """Whether the alert receiver reads a setting."""
    return name.startswith("ALERTS_") or name in _READ_BY_ALL


def init_settings(options: SelfhostConfig, postgres: str) -> dict[str, pulumi.Output[str]]:
    """Return the secret settings that only `init` gets."""
    return {
        "ADMIN_DATABASE_URL": _url(database.ADMIN, options.postgres_admin_password, postgres, "postgres"),
        "ADMIN_TOKEN": secret(options.admin_token),
    }


def secret(value: SecretStr) -> pulumi.Output[str]:
    """Return a value that the state holds encrypted."""
    return pulumi.Output.secret(value.get_secret_value())


def optional_secret(value: SecretStr | None) -> pulumi.Output[str] | None:
    """Return the same for a value that a stack may leave out."""
    return None if value is None else secret(value)


def _url(user: str, password: SecretStr, address: str, name: str) -> pulumi.Output[str]:
    which = "?target_session_attrs=primary" if "," in address else ""
    secret_part = quote(password.get_secret_value(), safe="")
    return pulumi.Output.secret(f"postgresql://{user}:{secret_part}@{address}/{name}{which}")
