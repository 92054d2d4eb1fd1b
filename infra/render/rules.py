"""Rules between the stack's keys and the app's settings: what would be refused, or do nothing, once it is deployed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from app.settings.fields import Settings
from app.settings.values import OFF
from infra.render.config import RenderConfig

_CRON_FIELDS = 5


def problems(options: RenderConfig, given: Mapping[str, str]) -> Iterator[str]:
    """Yield every problem. given: the stack's settings of the app, secret ones too."""
    yield from _index(options, given)
    yield from _backups(options, given)
    yield from _schedules(options, given)


def _index(options: RenderConfig, given: Mapping[str, str]) -> Iterator[str]:
    if options.qdrant is None:
        return
    if "QDRANT_URL" in given:
        yield "QDRANT_URL: the stack runs its own Qdrant; remove the setting, or the key qdrant"
    if "QDRANT_API_KEY" in given:
        yield "QDRANT_API_KEY: use qdrantApiKey for the stack's own Qdrant"
    if given.get("QDRANT_SHARD_KEYS", "0") not in ("", "0"):
        yield "QDRANT_SHARD_KEYS: needs a cluster, and the stack's Qdrant is one node; unset it, or use QDRANT_URL"


def _backups(options: RenderConfig, given: Mapping[str, str]) -> Iterator[str]:
    place = given.get("BACKUP_TO")
    if place is None:
        return
    if not place.startswith("s3://"):
        yield f"BACKUP_TO: got {place}, takes s3://bucket/prefix: on Render no service keeps files for another"
    if options.cron is None and options.worker is None:
        yield "BACKUP_TO: nothing makes backups; add the key cron or worker"
    for name in ("BACKUP_S3_ACCESS_KEY_ID", "BACKUP_S3_SECRET_ACCESS_KEY"):
        if name not in given:  # elsewhere a machine may have keys of its own
            yield f"{name}: is missing for BACKUP_TO; use `pulumi config set --secret {name}`"


def _schedules(options: RenderConfig, given: Mapping[str, str]) -> Iterator[str]:
    if options.cron is None:
        return
    if given.get("SCHEDULE_TIMEZONE", "UTC") != "UTC":
        yield "SCHEDULE_TIMEZONE: Render's cron jobs go by UTC; unset it, or leave cron out and let a worker keep time"
    for name in ("MAINTENANCE_SCHEDULE", "BACKUP_SCHEDULE"):
        schedule = schedule_of(given, name)
        if schedule is not None and len(schedule.split()) != _CRON_FIELDS:
            yield f"{name}: got {schedule}, Render's cron jobs take five fields: minute, hour, day, month, weekday"


def schedule_of(given: Mapping[str, str], setting: str) -> str | None:
    """Return the cron expression of a schedule; None for one that is off."""
    schedule = str(given.get(setting) or Settings.model_fields[setting.lower()].default)
    return None if schedule == OFF else schedule
