"""Projects from the command line: list, rename, merge; with or without a running server."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from app.counted import counted
from app.datadir.project_names import ProjectNames
from app.errors import Conflict, NotFound
from app.memory.types import Scope
from app.runtime.command_database import ask_database
from app.settings.fields import Settings
from app.settings.loading import load_settings
from app.store.database import Database
from app.store.projects import Moved, Projects


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """A project. repositories: those whose folders belong to it, as far as this machine knows."""

    project: str
    memories: int
    messages: int
    newest: datetime | None
    repositories: list[str]


class UnknownProject(NotFound):
    """Nothing is stored in the project, and no folder belongs to it."""

    def __init__(self, name: str) -> None:
        super().__init__(f"project {name!r}: there is no such project; claude-memory project list shows all")


def listing(data_dir: str | None, user: str | None) -> list[Project]:
    """Return the projects of a user, and those that only have folders, by name."""
    settings, scope = _settings(data_dir, user)
    rows = {row.project: row for row in ask_database(settings, "project", lambda db: Projects(db).list(scope))}
    repositories = ProjectNames(settings.data_dir).repositories()
    return [
        Project(
            project=name,
            memories=row.memories if row else 0,
            messages=row.messages if row else 0,
            newest=row.newest if row else None,
            repositories=repositories.get(name, []),
        )
        for name in sorted(rows.keys() | repositories.keys())
        for row in [rows.get(name)]
    ]


def rename(data_dir: str | None, user: str | None, old: str, new: str) -> str:
    """Give a project a name that no other one has; return what was done. Raises UnknownProject, Conflict."""
    return _moved(data_dir, user, old, new, into_another=False)


def merge(data_dir: str | None, user: str | None, old: str, new: str) -> str:
    """Move everything of a project into another one; return what was done. Raises UnknownProject, Conflict."""
    return _moved(data_dir, user, old, new, into_another=True)


def _settings(data_dir: str | None, user: str | None) -> tuple[Settings, Scope]:
    settings = load_settings({"memory_data_dir": data_dir})
    return settings, Scope(user or settings.default_user_id, settings.default_agent_id)


def _moved(data_dir: str | None, user: str | None, old: str, new: str, *, into_another: bool) -> str:
    settings, scope = _settings(data_dir, user)
    names = ProjectNames(settings.data_dir)

    async def move(db: Database) -> Moved:
        projects = Projects(db)
        known = {row.project for row in await projects.list(scope)} | names.repositories().keys()
        _check(old, new, known, into_another=into_another)
        names.rename(old, new)  # first: a session that begins now belongs to the new name
        return await projects.move(scope, old, new)

    moved = ask_database(settings, "project", move)
    same = f", {counted(moved.same, 'memory was', 'memories were')} there already" if moved.same else ""
    memories, conversations = (
        counted(moved.memories, "memory", "memories"),
        counted(moved.conversations, "conversation"),
    )
    return f"{old} is now {new}: moved {memories} and {conversations}{same}"


def _check(old: str, new: str, known: set[str], *, into_another: bool) -> None:
    if old not in known:
        raise UnknownProject(old)
    if old == new:
        raise Conflict(f"project {old!r} has that name already; nothing was changed")
    if into_another and new not in known:
        raise UnknownProject(new)
    if not into_another and new in known:
        raise Conflict(f"project {new!r} is there already; claude-memory project merge {old} {new} makes them one")
