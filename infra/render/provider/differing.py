"""What differs between a state's inputs and a program's, property by property, and what needs a new resource."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum

from infra.render.provider.fields import (
    Field,
    Kind,
    MapOf,
    Record,
    Variable,
    became,
    by_open_name,
    canonical,
    said,
    same,
)
from infra.render.provider.fingerprints import FINGERPRINT, GENERATE, KEY, fingerprint_of
from infra.render.provider.values import Json, Values

# An input of a state that an import wrote. Importing names nothing: what a program then leaves out is left alone.
IMPORTED = "imported"


class How(Enum):
    """How a property changes."""

    ADD = "add"
    DELETE = "delete"
    UPDATE = "update"


@dataclass(frozen=True)
class Change:
    """A property that changes. new: what it becomes, Render's default if the program names it no longer."""

    field: Field
    how: How
    old: Json
    new: Json
    paths: tuple[tuple[str, How], ...]


def changes(fields: tuple[Field, ...], old: Values, new: Values, state: Values) -> Iterator[Change]:
    """Yield what changes. What neither names is left alone; what an import alone named is as well.

    state: the outputs; they tell what a property is that a program names for the first time and cannot be changed.
    """
    imported, open_ = bool(old.get(IMPORTED)), by_open_name(fields)
    for one in fields:
        if one.trigger and imported and one.name not in old:
            continue
        before, after = old.get(one.name), new.get(one.name)
        if imported and one.name in open_ and isinstance(before, Mapping) and isinstance(after, Mapping):
            before = {name: value for name, value in before.items() if name in after}
        if one.local or (one.name not in old and one.name not in new):
            continue
        if one.name not in old:
            known = one.replaces and one.name in state and became(one, after, state[one.name])
            if not known and (not imported or said(one, after) is not None):
                yield Change(one, How.ADD, None, after, ((one.name, How.ADD),))
        elif one.name not in new:
            if not imported and one.default is not None and said(one, before) is not None:
                yield Change(one, How.DELETE, before, one.default, ((one.name, How.DELETE),))
        elif not (_imported_as(one, before, after, new.get(KEY)) if imported else same(one, before, after)):
            yield Change(one, How.UPDATE, before, after, tuple(_paths(one.kind, before, after, one.name)))


def _imported_as(one: Field, before: Json, after: Json, key: str | None) -> bool:
    """Whether what an import found is what the program says, where the program keeps or makes secrets its own way."""
    if isinstance(one.kind, MapOf) and isinstance(one.kind.of, Variable) and isinstance(before, Mapping):
        before = {name: _as_kept(f"{one.name}.{name}", value, after.get(name), key) for name, value in before.items()}
    return became(one, after, before)


def _as_kept(where: str, found: Json, said: Json, key: str | None) -> Json:
    """Return the program's way of keeping a secret if it is the one that was found, which is a fingerprint."""
    if isinstance(said, Mapping):
        return said if GENERATE in said else found
    known = key and isinstance(said, str) and isinstance(found, Mapping)
    return said if known and found.get(FINGERPRINT) == fingerprint_of(key or "", where, said) else found


def _paths(kind: Kind, old: Json, new: Json, path: str) -> Iterator[tuple[str, How]]:
    """Yield where exactly two values differ, as paths that Pulumi shows."""
    if not (isinstance(old, Mapping) and isinstance(new, Mapping) and isinstance(kind, MapOf | Record)):
        yield path, How.UPDATE
        return
    parts = {one.name: one.kind for one in kind.fields} if isinstance(kind, Record) else {}
    of = kind.of if isinstance(kind, MapOf) else None
    for name in sorted(old.keys() | new.keys()):
        inner, at = of or parts.get(name), f"{path}{_step(name)}"
        if inner is None:
            continue
        if name not in new:
            yield at, How.DELETE
        elif name not in old:
            yield at, How.ADD
        elif canonical(inner, old[name]) != canonical(inner, new[name]):
            yield from _paths(inner, old[name], new[name], at)


def _step(name: str) -> str:
    return f".{name}" if re.fullmatch(r"[A-Za-z_]\w*", name) else f"[{_quoted(name)}]"


def _quoted(name: str) -> str:
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'
