"""The embedded engine: each user's index in a folder of its own, below one folder that one process holds.

If the state beside them (`app/index/embedded/state.py`) is missing, foreign or damaged, `position` is None, and the
follower empties the engine and fills it from PostgreSQL; so it does when any file turns out to be damaged. An index of
an earlier version may answer meanwhile, from an engine and files of its own (`app/index/embedded/replacing.py`). What a
change makes is kept in memory until the next checkpoint. Searches never wait for a write, a merge or a checkpoint:
they read the parts that there are when they begin, and these never change (`app/index/embedded/partition.py`).
"""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
from collections import OrderedDict
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Self, TypeVar
from uuid import UUID

from app.datadir.space import shortage
from app.errors import IndexUnavailable
from app.index.embedded.broken import broken
from app.index.embedded.lists import count_points, lists, user_of
from app.index.embedded.opened import OpenIndex, is_small
from app.index.embedded.state import IndexState, earlier_state, hold, read_state, state_file, write_state
from app.index.engine import Deleted, EngineAway, Point
from app.memory.change_log import Space
from app.memory.ports import CandidateQuery
from app.memory.types import Candidate, Corpus

if TYPE_CHECKING:
    from app.index.embedded.partition import Parts

logger = logging.getLogger(__name__)

T = TypeVar("T")

LEFT_BYTES = 64 << 20  # of the disk, for PostgreSQL, which needs space for its log to keep answering
_WORK_INLINE = 300_000  # postings and rows that a search looks at in a millisecond or two
_LOOKUPS_INLINE = 1_000  # terms looked up in parts; so many take some milliseconds
_UNSAVED_POSTINGS = 4_000_000  # 24 MB: then they are saved though no checkpoint is due
_KEPT = 512  # users whose indexes stay open


class EmbeddedEngine:
    """An open folder. `position` is where to follow the log from, or None if it must be filled first."""

    checkpoint_every_s = 5.0  # a crash replays at most this much of the log
    uses_numpy = True

    def __init__(self, folder: Path, state: IndexState) -> None:
        """Use `open`. state: what its own looks like, whatever it holds so far."""
        self._folder, self._state = folder, state
        self._open_users: OrderedDict[str, OpenIndex] = OrderedDict()
        self._points: int | None = None  # of all users, also those not open; None until they are counted
        self._unsaved = 0  # postings without a file
        self._changing = asyncio.Lock()
        self._saving = asyncio.Lock()
        self._lock: int | None = None
        self._filled = False  # whether it was emptied, or has a state
        self.position: int | None = None
        self.rebuild_reason: str | None = None
        self.earlier: EmbeddedEngine | None = None  # the one that answers until this one replaces it
        self._is_earlier = self._is_replaced = False

    @classmethod
    async def open(
        cls, folder: Path, database: UUID, space: Space | None = None, *, keep_earlier: bool = False
    ) -> Self:
        """Open the index in a folder, made from this database.

        Raises Conflict when another process has it open, EngineAway when its disk takes not even a lock.
        space: the vectors it holds besides the words; None for none. keep_earlier: whether an index of an earlier
        version stays there as `earlier` until `take_over`.
        """
        engine = cls(folder, IndexState.new(str(database), space))
        try:
            await asyncio.to_thread(engine._open, space, keep_earlier)
        except BaseException:
            await engine.close()
            raise
        return engine

    def _open(self, space: Space | None, keep_earlier: bool) -> None:
        with broken("lock its folder"):
            self._lock = hold(self._folder)
        database = self._state.database
        state, why = read_state(self._folder, database, space)
        if state is not None and self._count_users(state) < state.users:
            state, why = None, "some of its files are lost"
        if state is not None:
            self._begin_with(state.with_vectors(space))
            self._delete_what_was_replaced()
            return
        self.rebuild_reason = why
        logger.info("rebuilding the index in %s: %s", self._folder, why)
        earlier = earlier_state(self._folder, database, space) if keep_earlier else None
        if earlier is not None and self._count_users(earlier) >= earlier.users:
            self._state = IndexState.new(database, space, earlier)
            self.earlier = EmbeddedEngine(self._folder, earlier)
            self.earlier._begin_with(earlier)
            self.earlier._is_earlier = True

    def _begin_with(self, state: IndexState) -> None:
        self._state, self.position, self._filled = state, state.position, True

    def _count_users(self, state: IndexState) -> int:
        with broken("read its folder"):
            return len(lists(self._folder / state.folder))

    def _delete_others(self) -> None:
        """Delete every folder but its own: of an index that was replaced, and of earlier versions. Raises OSError."""
        for entry in self._folder.iterdir():
            if entry.is_dir() and entry.name != self._state.folder:
                shutil.rmtree(entry)

    def _delete_what_was_replaced(self) -> None:
        try:
            self._delete_others()
        except OSError as error:  # it costs nothing but space, and the next start tries again
            logger.warning("the files of a replaced index in %s could not be deleted: %s", self._folder, error)

    @property
    def space(self) -> Space | None:
        """The space of its vectors; None while it has none."""
        return self._state.space

    @property
    def _users(self) -> Path:
        return self._folder / self._state.folder

    async def empty(self, space: Space | None = None) -> None:
        """Delete everything and start empty, with room for the vectors of `space`.

        Raises EngineAway if another index is about to replace this one anyway.
        """
        if self._is_earlier:
            raise EngineAway("the search index of an earlier version failed; a new one is being built")
        async with self._saving, self._changing:
            self._open_users.clear()
            self._state = self._state.with_vectors(space)
            self.position, self._points, self._unsaved, self._filled = None, 0, 0, True
            await asyncio.to_thread(self._empty)

    def _empty(self) -> None:
        with broken("start empty"):
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)  # someone may have moved it away
            if self.earlier is None:
                state_file(self._folder).unlink(missing_ok=True)
                self._delete_others()
            if self._users.exists():
                shutil.rmtree(self._users)
            self._users.mkdir(mode=0o700)

    @property
    def _model(self) -> str:
        return "" if self.space is None else self.space.model

    async def make_room(self, space: Space) -> None:
        """Accept vectors of a space from now on; an index that is being replaced stays without those of a new model."""
        if not self._is_earlier:
            self._state = self._state.with_vectors(space)

    async def apply(self, upserts: Sequence[Point], deletes: Sequence[Deleted]) -> None:
        """Write and delete points."""
        self._check_open()
        await self._check_space()
        by_user: dict[str, tuple[list[Point], list[UUID]]] = {}
        for point in upserts:
            by_user.setdefault(point.payload.user, ([], []))[0].append(point)
        for gone in deletes:
            by_user.setdefault(gone.user, ([], []))[1].append(gone.id)
        of_removed_users = by_user.pop("", ([], []))[1]
        for user in await self._all_users() if of_removed_users else ():
            by_user.setdefault(user, ([], []))[1].extend(of_removed_users)
        async with self._changing:
            for user, (points, ids) in by_user.items():
                await self._change(user, points, ids)
        if self._unsaved > _UNSAVED_POSTINGS:
            await self._save_all()

    async def _all_users(self) -> set[str]:
        with broken("read its lists"):
            saved = await asyncio.to_thread(lambda: {user_of(path) for path in lists(self._users)})
        return saved | set(self._open_users)

    async def _change(self, user: str, points: Sequence[Point], deleted: Sequence[UUID]) -> None:
        partition = await self._partition(user)
        if is_small(points, deleted):
            partition.note(points, deleted)
            if not is_small(partition.written.values(), partition.deleted):
                self._settle(partition)
            return
        from app.index.embedded.partition import changed

        self._settle(partition)
        parts = await asyncio.to_thread(
            changed, partition.parts, points, deleted, model=self._model, saving=partition.saving
        )
        self._put(partition, parts)

    def _settle(self, partition: OpenIndex) -> None:
        """Make a part of the small changes."""
        if not partition.written and not partition.deleted:
            return
        from app.index.embedded.partition import changed

        written, deleted = list(partition.written.values()), list(partition.deleted)
        partition.written, partition.deleted = {}, set()
        self._put(partition, changed(partition.parts, written, deleted, model=self._model, saving=partition.saving))

    def _put(self, partition: OpenIndex, parts: Parts) -> None:
        if self._points is not None:
            self._points += sum(part.points for part in parts) - sum(part.points for part in partition.parts)
        self._unsaved -= partition.unsaved
        partition.parts, partition.dirty = parts, True
        self._unsaved += partition.unsaved

    async def _parts(self, user: str) -> Parts:
        """Return a user's parts with all changes so far."""
        partition = await self._partition(user)
        self._settle(partition)
        return partition.parts

    def _check_open(self) -> None:
        if not self._filled:
            raise IndexUnavailable("the search index is not filled yet")

    async def _check_space(self) -> None:
        with broken("find its space"):
            why = shortage(self._folder, LEFT_BYTES)
        if why:
            if self.position is None:  # half filled, of no use
                await self.empty(self.space)
            raise EngineAway(f"the search index cannot grow: {why}")

    async def candidates(self, query: CandidateQuery) -> list[Candidate]:
        """Return the points with the best window scores and, if the query has a vector, those nearest to it."""
        from app.index.embedded import scan

        parts, model = await self._parts(query.user), self._model
        with broken("search"):
            terms = list(query.weights)
            return await self._search(
                parts, terms, query.dense is not None, lambda: scan.candidates(parts, query, model)
            )

    async def corpus(self, user: str, projects: Sequence[str] | None, terms: Sequence[int]) -> Corpus:
        """Return the counts of a user's memories in some projects; None for all."""
        from app.index.embedded import scan

        parts = await self._parts(user)
        with broken("count"):
            return await self._search(parts, terms, False, lambda: scan.corpus(parts, projects, terms))

    async def _search(self, parts: Parts, terms: Sequence[int], wide: bool, search: Callable[[], T]) -> T:
        from app.index.embedded.scan import work

        if not wide and len(terms) * len(parts) <= _LOOKUPS_INLINE and work(parts, terms) <= _WORK_INLINE:
            return search()
        return await asyncio.to_thread(search)

    async def count(self) -> int:
        """Return the number of points."""
        self._check_open()
        for partition in self._open_users.values():
            self._settle(partition)
        if self._points is None:
            async with self._saving, self._changing:
                open_ones = {self._stem(user).name for user in self._open_users}
                with broken("count"):
                    saved = await asyncio.to_thread(self._count, open_ones)
                self._points = saved + sum(
                    part.points for partition in self._open_users.values() for part in partition.parts
                )
        return self._points

    def _count(self, without: Collection[str]) -> int:
        return sum(count_points(path) for path in lists(self._users) if path.stem not in without)

    async def checkpoint(self, position: int, seen: str | None = None) -> None:
        """Save everything applied so far, then the position, unless another index's is the one that counts."""
        self._check_open()
        await self._check_space()
        await self._save_all()
        async with self._saving:
            if self.earlier is None and not self._is_replaced:
                with broken("save its position"):
                    await asyncio.to_thread(self._write_state, position)
        self.position = position

    def _write_state(self, position: int) -> None:
        write_state(self._folder, replace(self._state, position=position, users=self._count_users(self._state)))

    async def take_over(self, position: int, seen: str | None) -> None:
        """Save everything, and from then on be the index of the folder instead of the earlier one.

        It goes on answering until it is closed, but saves no position any more.
        """
        earlier = self.earlier
        if earlier is None:
            return
        async with earlier._saving:
            self.earlier = None
            try:
                await self.checkpoint(position, seen)
            except BaseException:
                self.earlier = earlier
                raise
            earlier._is_replaced = True

    async def give_up_earlier(self) -> None:
        """Do without the earlier index, and delete its files."""
        async with self._saving, self._changing:
            if self.earlier is not None:
                self.earlier._is_replaced, self.earlier = True, None
                await asyncio.to_thread(self._delete_earlier)

    def _delete_earlier(self) -> None:
        try:
            state_file(self._folder).unlink(missing_ok=True)  # first: no state may name files that are gone
        except OSError as error:  # the state of the new index replaces it
            logger.warning("the state of an earlier index in %s could not be deleted: %s", self._folder, error)
            return
        self._delete_what_was_replaced()

    async def delete_others(self) -> None:
        """Delete the files of an index that was replaced."""
        await asyncio.to_thread(self._delete_what_was_replaced)

    async def _save_all(self) -> None:
        async with self._saving:
            for user, partition in list(self._open_users.items()):
                if partition.dirty:
                    await self._save(user, partition)
            while len(self._open_users) > _KEPT:
                user, partition = next(iter(self._open_users.items()))
                if partition.dirty:
                    break
                del self._open_users[user]

    async def _save(self, user: str, partition: OpenIndex) -> None:
        """Save a user's index; changes go on meanwhile."""
        from app.index.embedded.partition import replaced
        from app.index.embedded.saving import save

        async with self._changing:
            self._settle(partition)
            before = partition.parts
            partition.saving, partition.dirty = len(before), False
        try:
            with broken("save"):
                saved = await asyncio.to_thread(save, self._stem(user), user, before, self._model)
        except BaseException:
            partition.saving, partition.dirty = 0, True
            raise
        async with self._changing:
            self._unsaved -= partition.unsaved
            partition.parts, partition.saving = replaced(partition.parts, before, saved), 0
            self._unsaved += partition.unsaved

    async def _partition(self, user: str) -> OpenIndex:
        self._check_open()
        if (partition := self._open_users.get(user)) is not None:
            self._open_users.move_to_end(user)
            return partition
        from app.index.embedded.saving import load

        with broken("read"):
            parts = await asyncio.to_thread(load, self._stem(user), user)
        return self._open_users.setdefault(user, OpenIndex(parts))

    def _stem(self, user: str) -> Path:
        name = blake2b(user.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
        return self._users / name[:2] / name

    async def close(self) -> None:
        """Release the lock; idempotent. What was not saved is read from the log again."""
        self._filled = False
        self._open_users.clear()
        lock, self._lock = self._lock, None
        if lock is not None:
            os.close(lock)
