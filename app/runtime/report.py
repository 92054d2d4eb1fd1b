"""Describes an installation, to compare it with another: versions, settings, schema, index. It holds no secrets.

`GET /report` returns it, only to tokens with the scope `admin`; `doctor --remote` compares it with its own.
"""

from __future__ import annotations

import platform
import re
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, Field

from app import __version__
from app.memory.analysis import ANALYSIS_VERSION
from app.memory.bm25 import VECTORS_VERSION
from app.runtime.composition import index_setup
from app.settings.fields import Settings
from app.settings.values import is_secret, plain

if TYPE_CHECKING:
    from app.index.setup import Index
    from app.store.postgres import PostgresStore

_DISTRIBUTION = "claude-memory"
_DECLARED = ("app.in", "local.in")  # of requirements/, where the app runs from its repository
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


class Setting(BaseModel):
    """A setting. value: always null for a secret."""

    given: bool = Field(description="whether it is set, or the default holds")
    secret: bool
    value: str | None


class IndexState(BaseModel):
    """The search index; what is unknown is null."""

    engine: str = Field(description="embedded or server")
    analysis: int = Field(description="version of the text analysis")
    vectors: int = Field(description="version of the stored vectors")
    points: int | None = None
    lag_changes: int | None = None
    lag_seconds: float | None = None
    problem: str | None = None


class InstallationReport(BaseModel):
    """An installation. postgres, schema_files and memories are null while there is no database."""

    version: str
    python: str
    packages: dict[str, str] = Field(description="every dependency that is installed, with its version")
    settings: dict[str, Setting]
    postgres: str | None = None
    schema_files: dict[str, str] | None = Field(
        default=None, description="applied files, with the begin of their SHA-256"
    )
    memories: int | None = None
    index: IndexState


def installation_report(settings: Settings) -> InstallationReport:
    """Return what is known without a database."""
    return InstallationReport(
        version=__version__,
        python=platform.python_version(),
        packages=packages(),
        settings={
            name.upper(): Setting(
                given=name in settings.model_fields_set and getattr(settings, name) is not None,
                secret=is_secret(field),
                value=None if is_secret(field) else plain(getattr(settings, name)),
            )
            for name, field in Settings.model_fields.items()
        },
        index=IndexState(
            engine=index_setup(settings).name,
            analysis=ANALYSIS_VERSION,
            vectors=VECTORS_VERSION,
        ),
    )


async def add_store(report: InstallationReport, store: PostgresStore) -> None:
    """Add what the database knows. Raises StoreUnavailable."""
    report.postgres, report.schema_files = await store.schema()
    report.memories, _ = await store.size()


async def add_index(report: InstallationReport, index: Index) -> None:
    """Add the state of the index. Raises IndexUnavailable."""
    report.index.lag_changes, report.index.lag_seconds = index.lag
    report.index.problem = index.problem
    if index.problem is None:
        report.index.points = await index.count()


@cache
def packages() -> dict[str, str]:
    """Return the dependencies that are installed, direct and not, with their versions; 0.2 s the first time."""
    versions: dict[str, str] = {}
    waiting = _direct()
    while waiting:
        name = waiting.pop()
        if name in versions:
            continue
        try:
            distribution = metadata.distribution(name)
        except metadata.PackageNotFoundError:  # of another platform or Python
            continue
        versions[name] = distribution.version
        waiting += [_name(requirement) for requirement in distribution.requires or () if "extra ==" not in requirement]
    return dict(sorted(versions.items()))


def _direct() -> list[str]:
    """Return the names of the app's own requirements: from its metadata, or from its repository."""
    try:
        lines = metadata.requires(_DISTRIBUTION) or []
    except metadata.PackageNotFoundError:
        folder = Path(__file__).parents[2] / "requirements"
        files = [folder / name for name in _DECLARED if (folder / name).exists()]
        lines = [line for file in files for line in file.read_text(encoding="utf-8").splitlines()]
    return [_name(line) for line in lines if _NAME.match(line)]


def _name(requirement: str) -> str:
    match = _NAME.match(requirement.strip())
    return re.sub(r"[-_.]+", "-", match[0]).lower() if match else ""
