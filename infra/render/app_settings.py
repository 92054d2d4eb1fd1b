"""Settings of the app as its services get them: each has only the secrets that it needs.

Web service and worker share an environment group; backups' settings are with whoever makes them, the alert receiver's
with the receiver. What is known before anything is made is in functions of its own, for the app's rules to check.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pulumi
from pydantic import SecretStr

from infra.config import StackConfig
from infra.render.arguments import Variables, WriteOnly
from infra.render.config import RenderConfig
from infra.render.managed import DEFAULTS
from infra.values import PRIVATE_NETWORKS

METRICS_PORT, ALERTS_PORT = 8080, 8081
ALERTS_DATA = "/var/data"  # the mount path of the receiver's disk
OFF = "off"
BACKUPS_ONLY, ALERTS_ONLY = "BACKUP_", "ALERTS_"  # beginnings of settings that few services get
_LOGGING = ("LOG_LEVEL", "LOG_FORMAT")
_EVERY_ADDRESS = "0.0.0.0"  # noqa: S104 - of the container; Render's network decides who reaches it


@dataclass(frozen=True, kw_only=True)
class Stores:
    """How services reach what holds their data. qdrant_url: of the stack's own."""

    database_url: pulumi.Input[str]
    qdrant_url: pulumi.Input[str] | None = None


@dataclass(frozen=True, kw_only=True)
class AppSettings:
    """Settings by name, plain and secret ones apart."""

    plain: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)
    secrets: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)

    @property
    def variables(self) -> Variables:
        """The environment variables; of the secret ones the state keeps only fingerprints."""
        return {**self.plain, **{name: write_only(value) for name, value in self.secrets.items()}}


def write_only(value: pulumi.Input[str]) -> WriteOnly:
    """Return a secret variable or file as the provider takes it."""
    return {"value": value, "writeOnly": True}


def shared_settings(stack: StackConfig[RenderConfig], stores: Stores) -> AppSettings:
    """Return what web service and worker share."""
    secrets = {
        name: secret(value) for name, value in stack.secrets.items() if not name.startswith((BACKUPS_ONLY, ALERTS_ONLY))
    }
    secrets["DATABASE_URL"] = pulumi.Output.secret(stores.database_url)
    if stack.options.qdrant is not None:
        secrets["QDRANT_API_KEY"] = secret(stack.options.qdrant_api_key)
    plain: dict[str, pulumi.Input[str]] = {**known_shared(stack.environment)}
    if stores.qdrant_url is not None:
        plain["QDRANT_URL"] = stores.qdrant_url
    return AppSettings(plain=plain, secrets=secrets)


def known_shared(given: Mapping[str, str]) -> dict[str, str]:
    """Return the plain settings that web service and worker share, as far as they are known beforehand."""
    return {
        **DEFAULTS,
        **{name: value for name, value in given.items() if not name.startswith((BACKUPS_ONLY, ALERTS_ONLY))},
        "HOST": _EVERY_ADDRESS,
        "AUTH": "required",
        "METRICS_PORT": str(METRICS_PORT),
        "RENDER_DEPLOYMENT": "true",
    }


def web_settings(stack: StackConfig[RenderConfig]) -> AppSettings:
    """Return what the web service gets besides."""
    return AppSettings(
        plain=known_web(stack.options, stack.environment),
        secrets={"ADMIN_TOKEN": secret(stack.options.admin_token)},
    )


def known_web(options: RenderConfig, given: Mapping[str, str]) -> dict[str, str]:
    """Return the web service's own plain settings: its address is the first domain unless PUBLIC_URL is given."""
    own = {"TRUSTED_PROXIES": ",".join(PRIVATE_NETWORKS)}  # Render's routers call from its private network
    if options.public_url is not None:
        own["PUBLIC_URL"] = options.public_url
    return {name: value for name, value in own.items() if name not in given}


def worker_settings(stack: StackConfig[RenderConfig]) -> AppSettings:
    """Return what the worker gets besides: the schedules, unless cron jobs have them."""
    plain = known_worker(stack.options, stack.environment)
    if stack.options.cron is not None:
        return AppSettings(plain=plain)
    return AppSettings(plain=plain, secrets=_own(stack.secrets, BACKUPS_ONLY))


def known_worker(options: RenderConfig, given: Mapping[str, str]) -> dict[str, str]:
    """Return the worker's own plain settings; with cron jobs it keeps no schedules, so that nothing runs twice."""
    if options.cron is not None:
        return {"MAINTENANCE_SCHEDULE": OFF, "BACKUP_SCHEDULE": OFF}
    return {name: value for name, value in given.items() if name.startswith(BACKUPS_ONLY)}


def job_settings(stack: StackConfig[RenderConfig], stores: Stores, *, backs_up: bool) -> AppSettings:
    """Return all that a cron job gets: it is linked to no group, and knows no secret that its command does not need."""
    secrets = {"DATABASE_URL": pulumi.Output.secret(stores.database_url)}
    if backs_up:
        secrets |= _own(stack.secrets, BACKUPS_ONLY)
    return AppSettings(plain=known_job(stack.environment, backs_up=backs_up), secrets=secrets)


def known_job(given: Mapping[str, str], *, backs_up: bool) -> dict[str, str]:
    """Return a cron job's plain settings."""
    others = ALERTS_ONLY if backs_up else (ALERTS_ONLY, BACKUPS_ONLY)
    return {**DEFAULTS, **{name: value for name, value in given.items() if not name.startswith(others)}}


def receiver_settings(stack: StackConfig[RenderConfig]) -> AppSettings:
    """Return what the alert receiver gets: its own settings, and how to log."""
    token = secret(stack.options.alerts_token)
    return AppSettings(
        plain=known_receiver(stack.environment), secrets={**_own(stack.secrets, ALERTS_ONLY), "ALERTS_TOKEN": token}
    )


def known_receiver(given: Mapping[str, str]) -> dict[str, str]:
    """Return the receiver's plain settings. PORT tells Render where it listens."""
    wanted = {name: value for name, value in given.items() if name.startswith(ALERTS_ONLY) or name in _LOGGING}
    return {
        **DEFAULTS,
        **wanted,
        "AUTH": "required",
        "ALERTS_HOST": _EVERY_ADDRESS,
        "ALERTS_PORT": str(ALERTS_PORT),
        "PORT": str(ALERTS_PORT),
        "MEMORY_DATA_DIR": f"{ALERTS_DATA}/claude-memory",  # a folder of its own: a disk has one called lost+found
    }


def secret(value: SecretStr | None) -> pulumi.Output[str]:
    """Return a value that the state holds encrypted, if at all; nothing for one that the stack does not need."""
    return pulumi.Output.secret("" if value is None else value.get_secret_value())


def _own(secrets: Mapping[str, SecretStr], beginning: str) -> dict[str, pulumi.Output[str]]:
    return {name: secret(value) for name, value in secrets.items() if name.startswith(beginning)}
