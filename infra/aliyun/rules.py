"""Rules between the stack's keys, the app's settings and the service's limits, checked before anything is made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from app.settings.fields import secret_names
from app.settings.rules import BACKUP, SERVE
from infra.aliyun import limits
from infra.aliyun.app_settings import BACKUPS_ONLY
from infra.aliyun.config import AliyunConfig
from infra.aliyun.containers import container_settings
from infra.aliyun.layers import region_of
from infra.aliyun.schedules import schedule_of, timer, timezone_of

SCHEDULES = {"MAINTENANCE_SCHEDULE": "maintain", "BACKUP_SCHEDULE": "backup"}  # and the job of each
_NAMES = {SERVE: "function", BACKUP: "jobs"}


def problems(options: AliyunConfig, given: Mapping[str, str]) -> Iterator[str]:
    """Yield every problem. given: the stack's settings of the app, secret ones too."""
    yield from _layers(options)
    yield from _database(options, given)
    yield from _index(given)
    yield from _backups(options, given)
    yield from _schedules(options, given)
    yield from _variables(options, given)


def _layers(options: AliyunConfig) -> Iterator[str]:
    for layer in options.function.layers:
        region = region_of(layer)
        if region not in (None, options.region):
            yield (
                f"function.layers: {layer} is in {region}, and the stack in {options.region};"
                " a function takes layers of its own region: write {region} in its place"
            )


def _database(options: AliyunConfig, given: Mapping[str, str]) -> Iterator[str]:
    if options.postgres is not None and "DATABASE_URL" in given:
        yield "DATABASE_URL: the stack makes its own PostgreSQL; remove the setting, or the key postgres"
    if options.postgres is None and "DATABASE_URL" not in given:
        yield (
            "DATABASE_URL: is missing; an instance keeps nothing, so memories need a database: use"
            " `pulumi config set --secret DATABASE_URL`, or add the key postgres"
        )


def _index(given: Mapping[str, str]) -> Iterator[str]:
    if "QDRANT_API_KEY" in given and "QDRANT_URL" not in given:
        yield "QDRANT_API_KEY: belongs to QDRANT_URL, which is not set"


def _backups(options: AliyunConfig, given: Mapping[str, str]) -> Iterator[str]:
    place = given.get("BACKUP_TO")
    if place is None:
        return
    if not place.startswith("s3://"):
        yield f"BACKUP_TO: got {place}, takes s3://bucket/prefix: an instance keeps no files"
    if options.jobs is None:
        yield "BACKUP_TO: nothing makes backups; add the key jobs"
    for name in ("BACKUP_S3_ACCESS_KEY_ID", "BACKUP_S3_SECRET_ACCESS_KEY"):
        if name not in given:
            yield f"{name}: is missing for BACKUP_TO; use `pulumi config set --secret {name}`"


def _schedules(options: AliyunConfig, given: Mapping[str, str]) -> Iterator[str]:
    for setting in SCHEDULES:
        schedule = schedule_of(given, setting)
        if schedule is None:
            continue
        if options.jobs is None:
            if setting in given:
                yield f"{setting}: nothing keeps this schedule; add the key jobs"
            continue
        try:
            timer(schedule, timezone_of(given))
        except ValueError as error:
            yield f"{setting}: {error}"


def _variables(options: AliyunConfig, given: Mapping[str, str]) -> Iterator[str]:
    for mode, variables in container_settings(options, given).items():
        if mode not in _NAMES:
            continue
        found = variables | {name: value for name, value in given.items() if _is_secret_of(mode, name)}
        size = limits.variables_bytes(found)
        if size > limits.VARIABLES_BYTES:
            longest = sorted(found, key=lambda name: -len(found[name]))[:3]
            yield (
                f"{_NAMES[mode]}: its variables take {size} bytes, Function Compute allows"
                f" {limits.VARIABLES_BYTES}; the longest are {', '.join(longest)}"
            )
        for name, value in found.items():
            if not (value.isascii() and value.isprintable()):
                yield f"{name}: takes printable ASCII on Function Compute"


def _is_secret_of(mode: str, name: str) -> bool:
    return name in secret_names() and name.startswith(BACKUPS_ONLY) == (mode == BACKUP)
