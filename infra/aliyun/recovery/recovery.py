"""Takes into the state what an interrupted `pulumi up` made, so that the next `up` goes on."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from infra.aliyun.recovery.engine import Engine
from infra.aliyun.recovery.ids import Finder
from infra.aliyun.recovery.state import Pending, State


class Outcome(StrEnum):
    """What became of a thing that was about to be made."""

    TAKEN_OVER = "taken over"  # it is there, and now in the state as well
    NOT_THERE = "not there"  # it was not made, or making it again changes nothing; the next `up` does


@dataclass(frozen=True)
class Found:
    """A thing that was about to be made. id: of one that is there."""

    kind: str
    name: str
    outcome: Outcome
    id: str = ""


def recover(engine: Engine, finder: Callable[[str, str], Finder]) -> list[Found]:
    """Return what was found; nothing after an `up` that was not interrupted. Raises ApiError, CannotDo.

    finder: takes region and account; called only when there is something to find. A recovery that is interrupted
    itself can be repeated.
    """
    state = State(json.loads(engine.exported()))
    pending = state.pending
    if not state.interrupted and not state.unread:
        return []
    if state.interrupted:
        _take_over(engine, state, finder)
    taken = {one.urn for one in state.unread}
    absent = [Found(one.kind, one.name, Outcome.NOT_THERE) for one in pending if one.urn not in taken]
    return read_again(engine, state) + absent


def read_again(engine: Engine, state: State) -> list[Found]:
    """Refresh, which drops what is not there; return what became of what was put into the state. Raises CannotDo."""
    engine.refresh()
    there = State(json.loads(engine.exported())).ids
    return [_found(one, there) for one in state.unread]


def _take_over(engine: Engine, state: State, finder: Callable[[str, str], Finder]) -> None:
    pending = state.pending
    if pending:
        engine.say(f"an interrupted run of pulumi was about to make {_listed(pending)}; looking for it")
    ids = _ids(state, pending, finder(*state.where)) if pending else {}
    state.take_over(ids)
    engine.put(json.dumps(state.exported))


def _ids(state: State, pending: Sequence[Pending], finder: Finder) -> dict[str, str]:
    """Return the id of each thing that may be there, by URN."""
    found = {one.urn: finder.id_of(one, state.known(one.type)) for one in pending}
    return {urn: id_ for urn, id_ in found.items() if id_ is not None and state.ids.get(urn) != id_}


def _found(one: Pending, there: dict[str, str]) -> Found:
    id_ = there.get(one.urn, "")
    return Found(one.kind, one.name, Outcome.TAKEN_OVER if id_ else Outcome.NOT_THERE, id_)


def _listed(pending: Sequence[Pending]) -> str:
    return ", ".join(f"{one.kind} {one.name}" for one in pending)
