"""Settings of the app as its functions get them: each has only the secrets that it needs.

What is known before anything is made is in functions of its own, for the app's rules and the service's limits to check.
"""

from __future__ import annotations

from collections.abc import Mapping

import pulumi
from pydantic import SecretStr

from infra.aliyun.config import AliyunConfig
from infra.aliyun.managed import DEFAULTS
from infra.config import StackConfig
from infra.values import PRIVATE_NETWORKS

DATA = "/tmp/claude-memory"  # noqa: S108 - the only place where an instance can write
BACKUPS_ONLY = "BACKUP_"  # the beginning of settings that only the jobs get
_EVERY_ADDRESS = "0.0.0.0"  # noqa: S104 - of the instance; the platform alone reaches it
_BEFORE_THE_CUT_S = 15
_JOBS_ONLY = (BACKUPS_ONLY, "CLEANUP_")

Variables = Mapping[str, pulumi.Input[str]]


def server_variables(stack: StackConfig[AliyunConfig], database_url: pulumi.Input[str]) -> Variables:
    """Return the environment of the function that clients reach. database_url: a secret."""
    secrets = {name: value for name, value in stack.secrets.items() if not name.startswith(_JOBS_ONLY)}
    secrets.pop("DATABASE_URL", None)  # the argument is it, or the stack's own
    return {
        **known_server(stack.options, stack.environment),
        **{name: secret(value) for name, value in secrets.items()},
        "ADMIN_TOKEN": secret(stack.options.admin_token),
        "DATABASE_URL": database_url,
    }


def known_server(options: AliyunConfig, given: Mapping[str, str]) -> dict[str, str]:
    """Return its plain variables."""
    found = {
        **DEFAULTS,
        **{name: value for name, value in given.items() if not name.startswith(_JOBS_ONLY)},
        **_everywhere(options),
        "AUTH": "required",
    }
    found.setdefault("TRUSTED_PROXIES", ",".join(PRIVATE_NETWORKS))  # the platform's own alone reach an instance
    found.setdefault("STREAM_SECONDS", str(stream_s(options)))
    if options.public_url is not None:
        found.setdefault("PUBLIC_URL", options.public_url)
    return found


def stream_s(options: AliyunConfig) -> int:
    """Return after how many seconds the app ends a stream itself, before the platform cuts it."""
    return max(1, options.function.timeout_s - _BEFORE_THE_CUT_S)


def jobs_variables(stack: StackConfig[AliyunConfig], database_url: pulumi.Input[str]) -> Variables:
    """Return the environment of the function for maintenance and backups."""
    secrets = {name: value for name, value in stack.secrets.items() if name.startswith(BACKUPS_ONLY)}
    return {
        **known_jobs(stack.options, stack.environment),
        **{name: secret(value) for name, value in secrets.items()},
        "DATABASE_URL": database_url,
    }


def known_jobs(options: AliyunConfig, given: Mapping[str, str]) -> dict[str, str]:
    """Return its plain variables."""
    return {**DEFAULTS, **given, **_everywhere(options)}


def _everywhere(options: AliyunConfig) -> dict[str, str]:
    return {
        "HOST": _EVERY_ADDRESS,
        "PORT": str(options.function.port),
        "MEMORY_DATA_DIR": DATA,
        "PATH": path(options.function.python),
    }


def path(python: str) -> str:
    """Return where programs are: the official layers bring a Python in a folder of their own."""
    return f"/opt/python{python}/bin:/opt/bin:/usr/local/bin:/usr/bin:/bin"


def secret(value: SecretStr | None) -> pulumi.Output[str]:
    """Return a value that the state holds encrypted; nothing for one that the stack does not need."""
    return pulumi.Output.secret("" if value is None else value.get_secret_value())
