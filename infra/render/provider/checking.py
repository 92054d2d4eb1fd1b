"""What is wrong with a program's properties, all of it at once, in sentences."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from infra.render.provider.fields import Field, Flag, Kind, ListOf, MapOf, Record, Text, Variable, Whole, WriteOnly
from infra.render.provider.fingerprints import FINGERPRINT, GENERATE, WRITE_ONLY
from infra.render.provider.values import UNKNOWN, Json, Values

_IN_WORDS: dict[type, str] = {
    bool: "true or false",
    int: "a number",
    float: "a fraction",
    str: "a text",
    list: "a list",
    dict: "an object",
}


@dataclass(frozen=True)
class Problem:
    """name: the property it is about; empty if about several. secret: its value must not be shown."""

    name: str
    sentence: str
    secret: bool = False


def check_fields(what: str, fields: tuple[Field, ...], values: Values, hidden: frozenset[str]) -> Iterator[Problem]:
    """Yield the problems of each property by itself.

    what: the type in words, such as "web service". hidden: properties whose value must not be shown.
    """
    names = [one.name for one in fields]
    for name in sorted(values.keys() - set(names)):
        yield Problem(name, f"{name} is no property of a {what}{did_you_mean(name, names)}", name in hidden)
    for one in fields:
        if one.name in values:
            secret = one.name in hidden or _secretive(one.kind)
            if one.required and values[one.name] == "":
                yield Problem(one.name, f"{one.name} is empty; a {what} cannot do without it.", secret)
                continue
            for sentence in wrong(one.kind, values[one.name], one.name, secret):
                yield Problem(one.name, sentence, secret)
        elif one.required:
            yield Problem(one.name, f"{one.name} is missing; a {what} cannot do without it.")


def did_you_mean(value: str, known: list[str] | tuple[str, ...]) -> str:
    """Return the end of a sentence about a word that is spelled almost like a known one."""
    near = get_close_matches(value, known, n=1, cutoff=0.6)
    if not near:
        folded = {one.lower().replace("_", ""): one for one in known}
        near = [folded[key] for key in [value.lower().replace("_", "").replace("-", "")] if key in folded]
    return f"; did you mean {near[0]}?" if near else "."


def wrong(kind: Kind, value: Json, where: str, secret: bool = False) -> Iterator[str]:
    """Yield what is wrong with a value, and with the values inside it. Nothing is wrong with what is unknown."""
    if value is UNKNOWN:
        return
    match kind:
        case Text():
            yield from _wrong_text(kind, value, where, secret)
        case Whole():
            yield from _wrong_number(kind, value, where)
        case Flag():
            if not isinstance(value, bool):
                yield _must_be(where, "true or false", value)
        case ListOf():
            yield from _wrong_list(kind, value, where, secret)
        case MapOf():
            yield from _wrong_map(kind, value, where, secret)
        case Record():
            yield from _wrong_record(kind, value, where, secret)
        case Variable():
            yield from _wrong_variable(kind, value, where)
        case WriteOnly():
            yield from _wrong_write_only(value, where)


def _wrong_text(kind: Text, value: Json, where: str, secret: bool) -> Iterator[str]:
    if not isinstance(value, str):
        yield _must_be(where, "a text", value)
        return
    shown = "***" if secret else value
    if kind.choices and value not in kind.choices:
        listed = ", ".join(kind.choices)
        yield f"{where} must be one of {listed}, not {shown!r}{did_you_mean(value, kind.choices)}"
    elif kind.near and value not in kind.near and (hint := did_you_mean(value, kind.near)) != ".":
        yield f"{where} is {shown!r}, which is not known{hint}"
    elif kind.pattern and not re.fullmatch(kind.pattern[0], value):
        yield f"{where} is {shown!r}; it {kind.pattern[1]}."


def _wrong_number(kind: Whole, value: Json, where: str) -> Iterator[str]:
    unit = f" {kind.unit}" if kind.unit else ""
    if isinstance(value, bool) or not isinstance(value, int):
        yield _must_be(where, f"a whole number{' of' + unit if unit else ''}", value)
    elif kind.least is not None and kind.most is not None and not kind.least <= value <= kind.most:
        yield f"{where} must be from {kind.least} to {kind.most}{unit}, not {value}."
    elif kind.least is not None and value < kind.least:
        yield f"{where} must be at least {kind.least}{unit}, not {value}."


def _wrong_list(kind: ListOf, value: Json, where: str, secret: bool) -> Iterator[str]:
    if not isinstance(value, list):
        yield _must_be(where, "a list", value)
        return
    for number, one in enumerate(value):
        yield from wrong(kind.of, one, f"{where}[{number}]", secret)


def _wrong_write_only(value: Json, where: str) -> Iterator[str]:
    sealed = isinstance(value, Mapping) and set(value) == {FINGERPRINT}
    if not sealed and (not isinstance(value, str) or not value):
        yield _must_be(where, "a text that is not empty", value)


def _wrong_map(kind: MapOf, value: Json, where: str, secret: bool) -> Iterator[str]:
    if not isinstance(value, Mapping):
        yield _must_be(where, "values by name", value)
        return
    for name, one in value.items():
        if kind.pattern and not re.fullmatch(kind.pattern[0], name):
            yield f"{where} has the name {name!r}; a name {kind.pattern[1]}."
        yield from wrong(kind.of, one, f"{where}.{name}", secret)


def _wrong_record(kind: Record, value: Json, where: str, secret: bool) -> Iterator[str]:
    if not isinstance(value, Mapping):
        yield _must_be(where, "values by name", value)
        return
    names = [one.name for one in kind.fields]
    for name in sorted(value.keys() - set(names)):
        yield f"{where}.{name} is no property of {where}{did_you_mean(name, names)}"
    for one in kind.fields:
        if value.get(one.name) is not None:
            yield from wrong(one.kind, value[one.name], f"{where}.{one.name}", secret)
        elif one.required:
            yield f"{where}.{one.name} is missing."


def _wrong_variable(kind: Variable, value: Json, where: str) -> Iterator[str]:
    if isinstance(value, str):
        return
    if not isinstance(value, Mapping):
        yield _must_be(where, "a text", value)
        return
    allowed = {"value", WRITE_ONLY, FINGERPRINT} | ({GENERATE} if kind.generates else set())
    given = {name for name, one in value.items() if one is not None and one is not False}
    sources = given & {"value", GENERATE, FINGERPRINT}
    for name in sorted(given & {WRITE_ONLY, GENERATE}):
        if value[name] is not True and value[name] is not UNKNOWN:
            yield _must_be(f"{where}.{name}", "true or false", value[name])
    for name in sorted(given - allowed):
        yield f"{where} cannot have {name!r}{did_you_mean(name, sorted(allowed - {FINGERPRINT}))}"
    if len(sources) != 1:
        either = " or generateValue" if kind.generates else ""
        yield f"{where} needs one value{either}."
    if value.get("value") is not None and value["value"] is not UNKNOWN and not isinstance(value["value"], str):
        yield _must_be(f"{where}.value", "a text", value["value"])


def _must_be(where: str, expected: str, value: Json) -> str:
    return f"{where} must be {expected}, not {_IN_WORDS.get(type(value), 'null')}."


def _secretive(kind: Kind) -> bool:
    match kind:
        case Variable() | WriteOnly():
            return True
        case MapOf(of=of) | ListOf(of=of):
            return _secretive(of)
        case Record(fields=fields):
            return any(_secretive(one.kind) for one in fields)
    return False
