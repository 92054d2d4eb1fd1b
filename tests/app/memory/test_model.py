"""The whole domain against a plain dictionary: whatever is done in whatever order, search tells the truth."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from app.errors import Conflict, InvalidInput, NotFound
from app.index.embedded.engine import EmbeddedEngine
from app.index.follower import Follower
from app.memory import ports
from app.memory.types import Scope
from app.store.change_log import PostgresChangeLog
from app.store.database import Database
from app.store.postgres import PostgresStore
from tests.support.domain import change, domain_on, erase, memorize, texts_for
from tests.support.postgres import TestServer

WORDS = ["amber", "basalt", "cedar", "dune", "ember", "fjord"]
PROJECTS = [None, "p", "q"]
_runs = count()

words = st.lists(st.sampled_from(WORDS), min_size=1, max_size=3)
projects = st.sampled_from(PROJECTS)
users = st.sampled_from(["one", "two"])


class Domain(RuleBasedStateMachine):
    """Two users remember, change, archive and forget notes; `model` holds what must be there."""

    world: SimpleNamespace
    memories = Bundle("memories")

    def __init__(self) -> None:
        super().__init__()
        self.run = next(_runs)
        self.model: dict[Any, Any] = {}

    def scope(self, user: str) -> Scope:
        return Scope(f"{user} {self.run}")

    def do(self, call: Coroutine[Any, Any, Any]) -> Any:
        return self.world.runner.run(call)

    @rule(target=memories, user=users, chosen=words, project=projects)
    def remember(self, user: str, chosen: list[str], project: str | None) -> Any:
        text = " ".join(chosen)
        more = {} if project is None else {"project": project}
        id_ = self.do(memorize(self.world.domain, self.scope(user), text, **more))
        same = self.twin(user, project, text)
        if same is not None:
            assert id_ == same, "the same text again is the first memory"
            return multiple()
        self.model[id_] = {"user": user, "text": text, "project": project, "archived": False}
        return id_

    @rule(id_=memories, chosen=words)
    def change_text(self, id_: UUID, chosen: list[str]) -> None:
        if id_ not in self.model:
            return
        one, text = self.model[id_], " ".join(chosen)
        twin = self.twin(one["user"], one["project"], text)
        if twin not in (None, id_) and not one["archived"]:
            with pytest.raises(Conflict):
                self.do(change(self.world.domain, self.scope(one["user"]), id_, text=text))
            return
        self.do(change(self.world.domain, self.scope(one["user"]), id_, text=text))
        one["text"] = text

    @rule(id_=memories, archived=st.booleans())
    def archive(self, id_: UUID, archived: bool) -> None:
        if id_ not in self.model:
            return
        one = self.model[id_]
        if one["archived"] and not archived and self.twin(one["user"], one["project"], one["text"]) is not None:
            with pytest.raises(Conflict):
                self.do(change(self.world.domain, self.scope(one["user"]), id_, archived=False))
            return
        self.do(change(self.world.domain, self.scope(one["user"]), id_, archived=archived))
        one["archived"] = archived

    @rule(id_=consumes(memories))
    def forget(self, id_: UUID) -> None:
        if id_ in self.model:
            one = self.model.pop(id_)
            assert self.do(erase(self.world.domain, self.scope(one["user"]), ids=[id_])) == 1

    @rule(user=users, project=st.sampled_from(["p", "q"]))
    def forget_project(self, user: str, project: str) -> None:
        going = [id_ for id_, one in self.model.items() if (one["user"], one["project"]) == (user, project)]
        went = self.do(erase(self.world.domain, self.scope(user), project=project))
        assert went == len(going)
        for id_ in going:
            del self.model[id_]

    @rule(id_=memories)
    def another_user_can_do_nothing(self, id_: UUID) -> None:
        if id_ in self.model:
            other = self.scope({"one": "two", "two": "one"}[self.model[id_]["user"]])
            with pytest.raises(NotFound):
                self.do(change(self.world.domain, other, id_, text="taken over"))
            assert self.do(erase(self.world.domain, other, ids=[id_])) == 0

    @rule(
        user=users,
        bad=st.sampled_from([{"text": ""}, {"text": "a\x00"}, {"text": "a", "kind": "x"}, {"text": "\ud800"}]),
    )
    def bad_input_stores_nothing(self, user: str, bad: dict[str, str]) -> None:
        arguments = dict(bad)
        with pytest.raises(InvalidInput):
            self.do(memorize(self.world.domain, self.scope(user), arguments.pop("text"), **arguments))

    @rule()
    def fold(self) -> None:
        self.do(self.world.domain.store.fold_term_counts())

    @invariant()
    def search_finds_exactly_the_live_memories_that_hold_the_word(self) -> None:
        for user in ("one", "two"):
            for word in WORDS[:3]:
                found = self.do(texts_for(self.world.domain, self.scope(user), word, limit=100))
                assert sorted(found) == sorted(
                    one["text"]
                    for one in self.model.values()
                    if one["user"] == user and not one["archived"] and word in one["text"].split()
                )

    @invariant()
    def statistics_count_what_is_there(self) -> None:
        for user in ("one", "two"):
            stats = self.do(self.world.domain.store.stats(self.scope(user), None))
            assert stats.memories == sum(one["user"] == user for one in self.model.values())

    def twin(self, user: str, project: str | None, text: str) -> UUID | None:
        for id_, one in self.model.items():
            if (one["user"], one["project"], one["text"], one["archived"]) == (user, project, text, False):
                return UUID(str(id_))
        return None


def test_the_domain_keeps_its_promises_in_any_order(postgres: TestServer, run_folder: Path) -> None:
    with asyncio.Runner() as runner:

        async def open_world() -> tuple[Database, Follower, ports.Domain]:
            arguments = await runner_context.__aenter__()
            database = Database(arguments)
            await database.open()
            store = PostgresStore(database)
            folder = run_folder / "index-of-the-model"
            follower = Follower(PostgresChangeLog(database), lambda id_, space: EmbeddedEngine.open(folder, id_, space))
            await follower.start()
            await follower.wait_filled(10)
            return database, follower, domain_on(store, follower)

        async def close_world() -> None:
            await follower.stop()
            await database.close()
            await runner_context.__aexit__(None, None, None)

        runner_context = postgres.migrated()
        database, follower, domain = runner.run(open_world())
        try:
            Domain.world = SimpleNamespace(runner=runner, domain=domain)
            run_state_machine_as_test(Domain, settings=settings(max_examples=15, stateful_step_count=20, deadline=None))
        finally:
            runner.run(close_world())
