"""Users from the command line: list, quotas, deletion; with or without a running server."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from typing import Any

from app.memory.types import Use
from app.ops.progress import Bar
from app.runtime.command_database import Answer, ask_database
from app.settings.loading import load_settings
from app.store.backups import Backups
from app.store.database import Database
from app.store.users import UnknownUser, UserRow, Users


@dataclass(frozen=True, slots=True)
class Deletion:
    """What a deletion removed, or would. rows: how many named the user, by table; backups: those that may hold them."""

    user: str
    dry_run: bool
    rows: dict[str, int]
    backups: list[dict[str, Any]]

    def to_json(self) -> dict[str, Any]:
        """Return everything as JSON values."""
        return asdict(self)


def listing(data_dir: str | None) -> list[UserRow]:
    """Return all users, by name."""
    return _ask(data_dir, lambda db: Users(db).list())


def quota(
    data_dir: str | None, user: str, memories: int | None, bytes_: int | None, *, default: bool
) -> tuple[Use, bool]:
    """Set what is given, or return to the settings' quota, also for a user who has yet to come.

    Return the quota in force with how much of it is used, and whether the user has anything besides a quota.
    """

    async def set_and_show(db: Database) -> tuple[Use, bool]:
        users = Users(db)
        if default:
            await users.drop_quota(user)
        elif memories is not None or bytes_ is not None:
            await users.set_quota(user, memories, bytes_)
        return await users.use(user), await users.known(user, by_quota=False)

    return _ask(data_dir, set_and_show)


def delete(data_dir: str | None, user: str, *, dry_run: bool, agreed: Callable[[dict[str, int]], bool]) -> Deletion:
    """Delete a user with all its rows, if `agreed` says yes to them. Raises NotFound and Conflict."""

    async def count_and_delete(db: Database) -> Deletion:
        users = Users(db)
        rows = await users.rows(user)
        if not rows:
            raise UnknownUser(user)
        backups = [backup.to_json() for backup in await Backups(db).list()]
        if dry_run or not await asyncio.to_thread(agreed, rows):
            return Deletion(user, True, rows, backups)
        with Bar("deleting") as bar:
            done = 0

            def count(memories: int) -> None:
                nonlocal done
                done += memories
                bar.done(done)

            await users.delete(user, count)
        return Deletion(user, False, rows, backups)

    return _ask(data_dir, count_and_delete)


def _ask(data_dir: str | None, question: Callable[[Database], Awaitable[Answer]]) -> Answer:
    return ask_database(load_settings({"memory_data_dir": data_dir}), "user", question)
