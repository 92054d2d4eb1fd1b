"""The words in which a type of resource is described: its properties, their kinds, where they are in the API."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from infra.render.provider.values import UNKNOWN, Json, Values

# What a change of a property needs to take effect.
Effect = Literal["nothing", "deploy", "rebuild"]


@dataclass(frozen=True, kw_only=True)
class Text:
    """A text.

    choices: the closed list, if there is one. near: known values, to suggest a spelling.
    alike: returns the same text for values that mean the same to Render.
    pattern: a regular expression, and the end of the sentence for what does not match it.
    """

    choices: tuple[str, ...] = ()
    near: tuple[str, ...] = ()
    alike: Callable[[str], str] | None = None
    pattern: tuple[str, str] | None = None


@dataclass(frozen=True, kw_only=True)
class Whole:
    """A whole number within limits."""

    least: int | None = None
    most: int | None = None
    unit: str = ""


@dataclass(frozen=True)
class Flag:
    """True or false."""


@dataclass(frozen=True, kw_only=True)
class ListOf:
    """ordered: the order means something; otherwise any order is the same."""

    of: Kind
    ordered: bool = False


@dataclass(frozen=True, kw_only=True)
class MapOf:
    """Values of one kind by name. open: there may be other names as well, and they are left alone."""

    of: Kind
    pattern: tuple[str, str] | None = None
    open: bool = False


@dataclass(frozen=True, kw_only=True)
class Record:
    """Named parts, each a property of its own kind."""

    fields: tuple[Field, ...]


@dataclass(frozen=True, kw_only=True)
class Variable:
    """A secret text: itself, {"value": ..., "writeOnly": true}, or (generates) {"generateValue": true}."""

    generates: bool = False


@dataclass(frozen=True)
class WriteOnly:
    """A secret text that Render never answers and the state never holds."""


Kind = Text | Whole | Flag | ListOf | MapOf | Record | Variable | WriteOnly


@dataclass(frozen=True, kw_only=True)
class Field:
    """A property of a resource.

    at: where a body has it, parts joined with dots; empty: a call of its own sends it, or it stays in the stack.
    returned: where an answer has it, if elsewhere; None: no answer has it.
    encode, decode: between the property and the API's form.
    matches: whether Render's value is what the program's became, where it is never the same (program's, Render's).
    default: what Render takes if nothing is said; removing the property from a program returns to it. None: no such
    value is known, and a removed property is left as it is.
    replaces: why a change needs a new resource, in words; empty: it does not.
    effect: what a running service needs before it sees a change.
    local: for the provider alone; no request sends it, and a change of it changes nothing.
    trigger: no request sends it either, but a change of it does something. Importing cannot know it.
    """

    name: str
    kind: Kind = field(default_factory=Text)
    required: bool = False
    at: str = ""
    returned: str | None = ""
    encode: Callable[[Json], Json] | None = None
    decode: Callable[[Json], Json] | None = None
    matches: Callable[[Json, Json], bool] | None = None
    default: Json = None
    replaces: str = ""
    effect: Effect = "nothing"
    local: bool = False
    trigger: bool = False


@dataclass(frozen=True, kw_only=True)
class Output:
    """What Render adds. stable: an update leaves it as it is."""

    name: str
    at: str
    secret: bool = False
    stable: bool = True


def blank(value: Json) -> bool:
    """Whether a value says nothing: Render answers null, "" and [] where nothing was set."""
    return value is None or (isinstance(value, str | list | Mapping) and not value)


def canonical(kind: Kind, value: Json) -> Json:
    """Return a value in a form in which equal means the same to Render."""
    if value is UNKNOWN or value is None:
        return value
    match kind:
        case Text(alike=alike) if alike and isinstance(value, str):
            return alike(value)
        case ListOf(of=of, ordered=ordered) if isinstance(value, list):
            items = [canonical(of, one) for one in value]
            return items if ordered else sorted(items, key=lambda one: json.dumps(one, sort_keys=True, default=repr))
        case MapOf(of=of) if isinstance(value, Mapping):
            return {name: canonical(of, one) for name, one in value.items()}
        case Record(fields=fields) if isinstance(value, Mapping):
            parts = {part.name: said(part, value.get(part.name)) for part in fields}
            return {name: part for name, part in parts.items() if not blank(part)}
        case Variable() if isinstance(value, Mapping):
            return {name: one for name, one in value.items() if one}
    return value


def trimmed(kind: Kind, value: Json) -> Json:
    """Return an answer's value with only what the kind knows: Render adds ids and newer parts."""
    match kind:
        case Record(fields=fields) if isinstance(value, Mapping):
            parts = {one.name: trimmed(one.kind, value.get(one.name)) for one in fields}
            return {name: part for name, part in parts.items() if not blank(part)}
        case ListOf(of=of) if isinstance(value, list):
            return [trimmed(of, one) for one in value]
    return value


def said(one: Field, value: Json) -> Json:
    """Return what a property says, None where it says no more than Render's default."""
    found = canonical(one.kind, value)
    return None if blank(found) or found == canonical(one.kind, one.default) else found


def same(one: Field, left: Json, right: Json) -> bool:
    """Whether two values of a property mean the same. What is unknown is like nothing else."""
    return bool(said(one, left) == said(one, right))


def became(one: Field, wanted: Json, live: Json) -> bool:
    """Whether what Render says is what the program's value became."""
    return same(one, wanted, live) or bool(one.matches and not blank(live) and one.matches(wanted, live))


def by_open_name(fields: tuple[Field, ...]) -> dict[str, Field]:
    """Return the fields whose values have names of which a program need not name all, by name."""
    return {one.name: one for one in fields if isinstance(one.kind, MapOf) and one.kind.open}


def by_name(fields: tuple[Field, ...]) -> dict[str, Field]:
    """Return the fields by name."""
    return {one.name: one for one in fields}


def dig(answer: Json, path: str) -> Json:
    """Return what is at a dotted path of an answer, None if nothing is."""
    for part in path.split("."):
        if not isinstance(answer, Mapping):
            return None
        answer = answer.get(part)
    return answer


def put(body: Values, path: str, value: Json) -> None:
    """Set what is at a dotted path of a body; objects that meet there are merged."""
    *above, last = path.split(".")
    for part in above:
        body = body.setdefault(part, {})
    if isinstance(value, dict) and isinstance(body.get(last), dict):
        body[last].update(value)
    else:
        body[last] = value


def body_of(fields: tuple[Field, ...], values: Values) -> Values:
    """Return the body of a request that says these values."""
    body: Values = {}
    for one in fields:
        if one.at and one.name in values:
            value = values[one.name]
            put(body, one.at, one.encode(value) if one.encode else value)
    return body


def answered(fields: tuple[Field, ...], answer: Json) -> Iterator[tuple[Field, Json]]:
    """Yield the fields that an answer tells, with what it says."""
    for one in fields:
        if one.returned is None or not (one.returned or one.at):
            continue
        value = dig(answer, one.returned or one.at) if one.returned != "." else answer
        yield one, one.decode(value) if one.decode else value
