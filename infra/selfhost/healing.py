"""Finds what earlier updates left on the engines, before any resource is touched; an `up` removes what it safely can.

Safe is what this very state began to make, or what hangs on a network that it made. A running container that another
state may have made ends the update: beside it, PostgreSQL would be started a second time on the same files.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pulumi

from infra.command_errors import CannotDo
from infra.errors import NotHealed, StrangersError
from infra.selfhost import orphans
from infra.selfhost.config import Hosts
from infra.selfhost.found import Found, look, run_twice
from infra.selfhost.orphans import Orphan
from infra.selfhost.state import State, exported
from infra.stack_file import project_folder

_SELF_MANAGED = "organization"  # what the engine says where the state is not at Pulumi
Tell = Callable[[str], None]


def heal(stack: str, hosts: Hosts) -> State:
    """Heal the stack whose program runs, and return its state; an empty one if that cannot be read.

    Raises StrangersError, or NotHealed where something cannot be removed.
    """
    state: State | None = None
    try:
        state = exported(project_folder(Path.cwd()), _qualified(stack))
    except CannotDo as error:
        pulumi.log.warn(f"what interrupted updates left is not looked for, the state cannot be read: {error}")
    try:
        heal_by(state, stack, hosts, preview=pulumi.runtime.is_dry_run(), warn=pulumi.log.warn, inform=pulumi.log.info)
    except CannotDo as error:
        raise NotHealed(str(error)) from None
    return state or State()


def heal_by(state: State | None, stack: str, hosts: Hosts, *, preview: bool, warn: Tell, inform: Tell) -> None:
    """Heal a stack by its state; without one, only tell which services run twice. Raises StrangersError, CannotDo."""
    found = look(hosts, stack, state.begun if state else ())
    if state is None:
        _tell_of_doubles(found, warn)
        return
    unknown = orphans.orphans_of(found, state)
    strangers = [one.found for one in unknown if not one.left and one.found.service and one.found.runs]
    if strangers:
        raise StrangersError(stack, [str(one) for one in strangers])
    left = [one for one in unknown if one.left]
    if preview:
        _tell(left, warn)
    else:
        _remove(left, inform)
    if gone := orphans.gone(found, state):
        warn(f"Docker no longer has what the state knows: {', '.join(gone)}; run `pulumi refresh`, then `pulumi up`")


def _tell(left: Sequence[Orphan], warn: Tell) -> None:
    for one in left:
        warn(f"an interrupted update left {one.found}; the next `pulumi up` removes it")


def _remove(left: Sequence[Orphan], inform: Tell) -> None:
    for one in left:
        inform(f"removes what an interrupted update left: {one.found}")
        orphans.remove(one)


def _tell_of_doubles(found: Sequence[Found], warn: Tell) -> None:
    for service, several in run_twice(found).items():
        warn(
            f"{service} runs {len(several)} times: {'; '.join(map(str, several))};"
            " `python -m infra.selfhost orphans` tells which is left"
        )


def _qualified(stack: str) -> str:
    """Return the stack's name as the CLI finds it in any organization."""
    organization = pulumi.get_organization()
    return stack if organization == _SELF_MANAGED else f"{organization}/{pulumi.get_project()}/{stack}"
