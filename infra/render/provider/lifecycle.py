"""The life of a resource, the same for every type: check, diff, create, read, update, delete.

Differences are between inputs: those of the state and those of the program. Reading folds what Render says into the
inputs of the state, in the program's own words where both mean the same. So whatever Render adds, orders or spells
in its own way is never a difference, and what a program does not name is never looked at.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from infra.render.provider.checking import Problem, check_fields
from infra.render.provider.differing import IMPORTED, Change, changes
from infra.render.provider.fields import Field, MapOf, Output, Variable, answered, blank, by_open_name, dig, trimmed
from infra.render.provider.fingerprints import FINGERPRINT, KEY, WRITE_ONLY, fingerprint_of, new_key
from infra.render.provider.sealing import folded, sealed
from infra.render.provider.turn import Memory, Turn
from infra.render.provider.values import UNKNOWN, Json, Values

# An output that says what the next update has to finish; absent if nothing.
UNFINISHED = "unfinished"
SETUP, DEPLOY = "setup", "deploy"


@dataclass(frozen=True)
class Checked:
    """inputs: as the state may hold them, None if there are problems."""

    inputs: Values | None
    problems: list[Problem]


@dataclass(frozen=True)
class Difference:
    """replaces: the reasons by property, in words. unfinished: an earlier update left something to do."""

    changes: list[Change]
    replaces: dict[str, str] = field(default_factory=dict)
    unfinished: bool = False
    warnings: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Made:
    """A resource as the state holds it."""

    id: str
    inputs: Values
    outputs: Values


class Lifecycle(ABC):
    """A type of resource. what: its name in words."""

    token: ClassVar[str]
    what: ClassVar[str]
    fields: ClassVar[tuple[Field, ...]]
    outputs: ClassVar[tuple[Output, ...]] = ()
    # Whether the old one has to go first, because Render refuses a second of the same name.
    delete_first: ClassVar[bool] = False
    # Whether every resource has a key for fingerprints, not only one with write-only values.
    keyed: ClassVar[bool] = False

    # Plain steps, without a call ---------------------------------------------------------------

    def check(self, old: Values, new: Values, hidden: frozenset[str], memory: Memory, seed: bytes) -> Checked:
        """Return the inputs as the state may hold them, or all that is wrong with them."""
        own = {KEY, IMPORTED}
        given = {name: value for name, value in new.items() if name not in own}
        problems = list(check_fields(self.what, self.fields, given, hidden))
        if new.get(IMPORTED):
            # What no answer tells, such as a token, an import cannot know; the program will say it.
            untold = {one.name for one in self.fields if one.returned is None} - given.keys()
            problems = [one for one in problems if one.name not in untold]
        broken = {one.name for one in problems}
        sound = {name: value for name, value in given.items() if name not in broken}
        problems += [*self.rules(sound), *self.moves(old, sound)]
        if problems:
            return Checked(None, problems)
        made: list[str] = [kept] if isinstance(kept := old.get(KEY) or new.get(KEY), str) else []

        def key() -> str:
            if not made:
                made.append(new_key(seed))
            return made[0]

        inputs = {
            one.name: sealed(one.kind, given[one.name], one.name, key, memory.vault)
            for one in self.fields
            if one.name in given
        }
        if self.keyed:
            key()
        return Checked(inputs | ({KEY: made[0]} if made else {}), [])

    def rules(self, values: Values) -> Iterator[Problem]:
        """Yield problems between properties; `values` holds those that are right by themselves."""
        yield from ()

    def moves(self, old: Values, new: Values) -> Iterator[Problem]:
        """Yield problems with getting from the state's inputs to the program's."""
        yield from ()

    def diff(self, old: Values, state: Values, new: Values) -> Difference:
        """Return what an update would change."""
        found = list(changes(self.fields, old, new, state))
        replaces = {one.field.name: one.field.replaces for one in found if one.field.replaces}
        return Difference(
            found,
            replaces | self.replacing(found, state),
            unfinished=bool(state.get(UNFINISHED)),
            warnings=list(self.warnings(found)),
        )

    def replacing(self, found: list[Change], state: Values) -> dict[str, str]:
        """Return further reasons for a new resource, by property."""
        return {}

    def warnings(self, found: list[Change]) -> Iterator[str]:
        """Yield what the user should know before an update."""
        yield from ()

    def foreseen(self, inputs: Values, state: Values | None, found: list[Change]) -> Values:
        """Return the outputs that a preview can promise."""
        # Render makes something else of a few properties, such as a database's name.
        own = {one.name for one in self.fields if one.matches}
        known = {
            one.name: state[one.name] if state and one.stable and one.name in state else UNKNOWN
            for one in self.outputs
            if one.name not in inputs or one.name in own
        }
        return self.shown(inputs) | known

    def shown(self, inputs: Values) -> Values:
        """Return the part of the inputs that is in the outputs as well."""
        local = {one.name for one in self.fields if one.local} | {KEY, IMPORTED}
        return {name: value for name, value in inputs.items() if name not in local}

    def told(self, answer: Json) -> Values:
        """Return the outputs that an answer of Render tells."""
        found = {one.name: dig(answer, one.at) for one in self.outputs if one.at}
        return {name: value for name, value in found.items() if value is not None}

    def refreshed(self, inputs: Values | None, answer: Json) -> Values:
        """Return the inputs after a look at Render. None: an import, which takes all that Render says."""
        found: Values = {KEY: inputs[KEY]} if inputs and KEY in inputs else {}
        if inputs is None:
            live = {one.name: trimmed(one.kind, value) for one, value in answered(self.fields, answer)}
            found = {name: value for name, value in live.items() if not blank(value)}
            return found | {IMPORTED: True}
        live = {one.name: trimmed(one.kind, value) for one, value in answered(self.fields, answer)}
        for one in self.fields:
            if one.name not in inputs:
                continue
            value = inputs[one.name]
            if one.name in live:
                value = folded(one, value, live[one.name], inputs.get(KEY))
            if value is not None:
                found[one.name] = value
        return found | ({IMPORTED: True} if inputs.get(IMPORTED) else {})

    # Names that a program need not name ---------------------------------------------------------

    def ours(self, found: Values, wanted: Values | None) -> Values:
        """Return what was found without the variables and the like that `wanted` does not name. None: all is wanted."""
        if wanted is None:
            return found
        open_ = by_open_name(self.fields)
        return {
            name: {one: part for one, part in value.items() if one in (wanted.get(name) or {})}
            if name in open_ and isinstance(value, Mapping)
            else value
            for name, value in found.items()
        }

    def joined(self, inputs: Values, before: Values) -> Values:
        """Return the inputs with the names that only `before` has, in properties that leave others alone."""
        named = {name: before[name] | (inputs.get(name) or {}) for name in by_open_name(self.fields) if name in before}
        return inputs | named

    def named_before(self, old: Values, state: Values) -> Values:
        """Return what a program has named and an update may have to remove, in properties that leave others alone.

        old: the inputs of the state. After an update that was cut short they are those of the program, and the
        outputs tell what may still be there.
        """
        sources = [] if old.get(IMPORTED) else [old]
        sources += [state] if state.get(UNFINISHED) else []
        found: Values = {}
        for name in by_open_name(self.fields):
            for one in sources:
                if one.get(name):
                    found[name] = found.get(name, {}) | one[name]
        return found

    def carried(self, state: Values, old: Values) -> Values:
        """Return the outputs of a state that an update keeps: not those that the inputs tell."""
        told = old.keys() | by_open_name(self.fields).keys()
        return {name: value for name, value in state.items() if name not in told}

    def without_values(self, made: Made) -> Made:
        """Return what an import found with fingerprints in place of the values of variables and files.

        Pulumi prints an import as code, and a program that says the same values is found to say the same.
        """
        names = [one.name for one in self.fields if isinstance(one.kind, MapOf) and isinstance(one.kind.of, Variable)]
        key = new_key(b"")
        kept = {
            name: {
                one: {WRITE_ONLY: True, FINGERPRINT: fingerprint_of(key, f"{name}.{one}", value)}
                for one, value in made.inputs[name].items()
            }
            for name in names
            if name in made.inputs
        }
        return Made(made.id, made.inputs | kept | ({KEY: key} if kept else {}), made.outputs | kept)

    # Steps that call Render --------------------------------------------------------------------

    @abstractmethod
    def create(self, turn: Turn, inputs: Values) -> Made:
        """Make it. Raises Unfinished once there is something to keep."""

    @abstractmethod
    def read(self, turn: Turn, id_: str, inputs: Values | None, state: Values) -> Made | None:
        """Look at it; None: it is gone. inputs: None for an import."""

    @abstractmethod
    def update(self, turn: Turn, id_: str, old: Values, state: Values, new: Values) -> Values:
        """Change it and return its outputs. Raises Unfinished once something was changed."""

    @abstractmethod
    def delete(self, turn: Turn, id_: str, inputs: Values, state: Values) -> None:
        """Delete it; it may be gone already."""


def effective(found: list[Change]) -> Values:
    """Return what the changed properties become."""
    return {one.field.name: one.new for one in found}


def merged(state: Values, *later: Mapping[str, Json]) -> Values:
    """Return a state with later values in place of its own."""
    found = dict(state)
    for values in later:
        found.update(values)
    return found
