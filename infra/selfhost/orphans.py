"""Tells what Docker has of a stack that Pulumi's state does not know, and removes it.

`pulumi up` that is killed leaves what it was just making: Docker has it, and the state has only that it was begun. A
container goes on holding its ports, or runs beside its successor.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from infra.command_errors import CannotDo
from infra.selfhost.docker_cli import answer
from infra.selfhost.found import Found, Kind
from infra.selfhost.state import State

_STOP_S = 60  # as long as PostgreSQL may take; docs/selfhost.md, an interrupted `pulumi up`
_GONE = "No such"


@dataclass(frozen=True, kw_only=True)
class Orphan:
    """left: an update of this state made it, so nothing else can need it. Otherwise another state may know it."""

    found: Found
    left: bool

    @property
    def why(self) -> str:
        """Where it comes from, in words."""
        return "left by an interrupted update" if self.left else "this state did not make it"


def orphans_of(found: Iterable[Found], state: State) -> list[Orphan]:
    """Return what the state does not know, in the order in which it can be removed."""
    kinds = list(Kind)
    unknown = [one for one in found if not _is_known(one, state)]
    return sorted(
        (Orphan(found=one, left=_is_left(one, state)) for one in unknown),
        key=lambda one: (kinds.index(one.found.kind), one.found.name),
    )


def gone(found: Iterable[Found], state: State) -> list[str]:
    """Return the names of containers that the state knows and Docker does not have."""
    there = {one.id for one in found}
    return sorted(name for id_, name in state.containers.items() if id_ not in there)


def remove(orphan: Orphan) -> None:
    """Stop and remove it; a volume with data is never one. Raises CannotDo."""
    found = orphan.found
    match found.kind:
        case Kind.CONTAINER:
            _unless_gone(found, "stop", "--time", str(_STOP_S), found.id)
            _unless_gone(found, "rm", "--force", "--volumes", found.id)  # volumes without a name alone
        case Kind.VOLUME:
            _unless_gone(found, "volume", "rm", found.id)
        case Kind.NETWORK:
            _unless_gone(found, "network", "rm", found.id)


def _unless_gone(found: Found, *arguments: str) -> None:
    try:
        answer(found.host, *arguments, timeout_s=_STOP_S + 30)
    except CannotDo as error:
        if _GONE not in str(error):
            raise


def _is_known(found: Found, state: State) -> bool:
    match found.kind:
        case Kind.CONTAINER:
            return found.id in state.containers
        case Kind.VOLUME:
            return found.name in state.volumes
        case Kind.NETWORK:
            return found.name in state.networks


def _is_left(found: Found, state: State) -> bool:
    """Whether this state made it: it was begun under this name, or hangs on a network or volume of this state alone."""
    return found.name in state.begun or bool(found.uses & state.own)
