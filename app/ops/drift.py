"""Compares this installation with a server elsewhere, so that drift between the two shows in one table.

Both sides report in the same form (app/runtime/report.py), which says of secrets only whether they are set. Versions,
and settings that decide how memories are stored and found, must agree; other settings may differ, and are listed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from pydantic import ValidationError

from app.errors import Unavailable
from app.ops.checks import LAG_WARNING_S, State
from app.ops.remote import get
from app.ops.status import status
from app.runtime import report
from app.runtime.command_database import open_database
from app.runtime.report import InstallationReport, Setting
from app.settings.fields import Settings
from app.store.postgres import PostgresStore

# These decide what is stored and found: with other values, the same memory is stored or ranked differently.
_MUST_AGREE = frozenset(
    {
        "EMBEDDING_DIMENSIONS",
        "EMBEDDING_MODEL",
        "EMBEDDING_PASSAGE_PREFIX",
        "EMBEDDING_QUERY_PREFIX",
        "MAX_CONVERSATION_LENGTH",
        "MEMORY_BACKEND",
        "REDACT_SECRETS",
        "REPLY_TOKEN_BUDGET",
        "RERANK_MODEL",
    }
)
_ABSENT = "-"


@dataclass(frozen=True, slots=True)
class Difference:
    """One value on both sides. state: ok, the same; warning, it may differ; failed, it must not differ."""

    state: State
    what: str
    here: str
    there: str


async def examine(settings: Settings, url: str) -> list[Difference]:
    """Compare with the server at `url`, with MEMORY_TOKEN when it is set. Raises Unavailable and NotPermitted."""
    there = await asyncio.to_thread(fetch, settings, url)
    return list(compare(await describe_here(settings), there))


def drifted(rows: list[Difference]) -> bool:
    """Whether anything differs that must not."""
    return any(row.state is State.FAILED for row in rows)


def to_json(rows: list[Difference]) -> dict[str, Any]:
    """Return the comparison as JSON values."""
    return {"ok": not drifted(rows), "compared": [asdict(row) for row in rows]}


async def describe_here(settings: Settings) -> InstallationReport:
    """Return what this installation is, with what its database says, when it has one."""
    installation = await asyncio.to_thread(report.installation_report, settings)
    if settings.database_url is not None or (settings.data_dir / "postgres" / "cluster").exists():
        async with open_database(settings, "doctor") as db:
            await report.add_store(installation, PostgresStore(db))
    running = await asyncio.to_thread(status, settings.data_dir)
    if running["running"]:
        index = installation.index
        index.lag_changes, index.lag_seconds = running["index_lag_changes"], running["index_lag_seconds"]
        index.problem = running["components"].get("index", {}).get("detail")
    return installation


def fetch(settings: Settings, url: str) -> InstallationReport:
    """Ask a server for its report. Raises Unavailable and NotPermitted."""
    try:
        return InstallationReport.model_validate_json(get(settings, url, "/report"))
    except ValidationError as error:
        raise Unavailable(f"{url}/report answers, but not as this version does; is it a claude-memory?") from error


def compare(here: InstallationReport, there: InstallationReport) -> Iterator[Difference]:
    """Yield a row for everything that one side or both have."""
    yield _row("claude-memory", here.version, there.version)
    yield _row("Python", here.python, there.python, matters=_minor(here.python) != _minor(there.python))
    for name in sorted(here.packages.keys() | there.packages.keys()):
        mine, theirs = here.packages.get(name), there.packages.get(name)
        yield _row(f"package {name}", mine, theirs, matters=mine is not None and theirs is not None)
    yield from _database(here, there)
    yield from _index(here, there)
    names = (here.settings.keys() | there.settings.keys()) - {"MEMORY_TOKEN"}  # which only the side that asks needs
    for name in sorted(names):
        mine, theirs = _setting_text(here.settings.get(name)), _setting_text(there.settings.get(name))
        yield _row(f"setting {name}", mine, theirs, matters=name in _MUST_AGREE)


def _database(here: InstallationReport, there: InstallationReport) -> Iterator[Difference]:
    yield _row("PostgreSQL", here.postgres, there.postgres, matters=False)  # the schema is made for all versions
    if here.schema_files is not None and there.schema_files is not None:
        for name in sorted(here.schema_files.keys() | there.schema_files.keys()):
            yield _row(f"schema {name}", here.schema_files.get(name), there.schema_files.get(name))
    yield _row("memories", _number_text(here.memories), _number_text(there.memories), matters=False)


def _index(here: InstallationReport, there: InstallationReport) -> Iterator[Difference]:
    mine, theirs = here.index, there.index
    yield _row("index engine", mine.engine, theirs.engine, matters=False)
    yield _row("index: text analysis", str(mine.analysis), str(theirs.analysis))
    yield _row("index: vectors", str(mine.vectors), str(theirs.vectors))
    if None not in (mine.points, theirs.points):  # only the process that has an embedded index open can count it
        yield _row("index: points", _number_text(mine.points), _number_text(theirs.points), matters=False)
    late = [index.lag_seconds is not None and index.lag_seconds > LAG_WARNING_S for index in (mine, theirs)]
    lags = [_ABSENT if index.lag_seconds is None else f"{index.lag_seconds:.1f} s" for index in (mine, theirs)]
    yield Difference(State.FAILED if any(late) else State.OK, "index: lag", *lags)
    broken = bool(mine.problem or theirs.problem)
    yield Difference(
        State.FAILED if broken else State.OK, "index: problem", mine.problem or "none", theirs.problem or "none"
    )


def _row(what: str, here: str | None, there: str | None, *, matters: bool = True) -> Difference:
    state = State.OK if here == there else State.FAILED if matters else State.WARNING
    return Difference(state, what, _ABSENT if here is None else here, _ABSENT if there is None else there)


def _setting_text(setting: Setting | None) -> str | None:
    if setting is None:
        return None
    return ("set" if setting.given else "not set") if setting.secret else setting.value


def _number_text(number: int | None) -> str | None:
    return None if number is None else f"{number:,}"


def _minor(version: str) -> list[str]:
    return version.split(".")[:2]
