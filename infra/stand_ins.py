"""Validates a configuration past its first wrong values: stand-ins take their place, so that later rules run too."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ValidationError

M = TypeVar("M", bound=BaseModel)
# One of these passes the rule of each required text: of tokens, passwords, account numbers.
_FORMS = ("cm_Stand-in-1".ljust(46, "0"), "cm_Stand-in-1".ljust(20, "0"), "0" * 16)
_WORD = re.compile(r"\w+")
_PATH = re.compile(r"[A-Za-z_]\w*(?:\.\w+)*")
# "the key cron or worker", "leave cron out", "(qdrant: {nodes: 3})"
_SPOKEN_OF = re.compile(r"\bkeys? (\w+(?:(?:, | or | and )\w+)*)|\bleave (\w+) out\b|\b(\w+): \{")
_ROUNDS = 5  # one for each level that a wrong value is deep, and one for the stand-in of a required key


@dataclass(frozen=True, kw_only=True)
class Validated(Generic[M]):
    """What validation found.

    options: with stand-ins if there are problems; None if a wrong key has no stand-in.
    replaced: the path of each replaced key, with dots.
    """

    options: M | None
    problems: list[str]
    replaced: frozenset[str]


def validated(model: type[M], given: Mapping[str, Any], lines: Callable[[Any], Iterable[str]]) -> Validated[M]:
    """Validate values by key. lines: returns the problems that a detail of pydantic stands for."""
    problems: list[str] = []
    replaced: set[str] = set()
    values = dict(given)
    options = None
    for _ in range(_ROUNDS):
        try:
            options = model.model_validate(values)
            break
        except ValidationError as error:
            details = error.errors()
        problems += certain((line for detail in details for line in lines(detail)), replaced)
        wrong = [_settable(detail) for detail in details if detail["loc"]]
        if not wrong:  # only rules between keys are broken, and each has had its say
            options = _without_rules(model).model_validate(values)
            break
        replaced |= {".".join(path) for path in wrong}
        values = _with_stand_ins(model, values, wrong)
    return Validated(options=options, problems=problems, replaced=frozenset(replaced))


def certain(problems: Iterable[str], replaced: Iterable[str]) -> list[str]:
    """Return the problems that name no replaced key: a stand-in may have caused the others.

    problems: each begins with its own key or keys and a colon. replaced: paths with dots.
    """
    paths = list(replaced)
    return [problem for problem in problems if not any(_names(problem, path) for path in paths)]


def _names(problem: str, path: str) -> bool:
    """Whether a problem names a key, or a part of it.

    A key whose name is an English word counts only where the text means the key, as "function" in "database and
    function meet" does not: in a path, where it is spoken of as a key, and beside or below the problem's own key.
    """
    head, _, prose = problem.partition(":")
    own = _PATH.findall(head)
    spoken_of = [name for words in _SPOKEN_OF.findall(prose) for name in _PATH.findall("".join(words))]
    named = (*own, *spoken_of, *(name for name in _PATH.findall(prose) if not (name.isalpha() and name.islower())))
    if any(name == path or name.startswith(f"{path}.") for name in named):
        return True
    *parents, last = path.split(".")
    if not parents or last not in (words := set(_WORD.findall(prose))):
        return False
    near = {scope for name in own for scope in (name, name.rpartition(".")[0]) if scope}
    return any(path.startswith(f"{scope}.") for scope in near) or words.issuperset(parents)


def _settable(detail: Any) -> tuple[str, ...]:
    """Return the path to replace: a list as a whole, and the object that lacks a key."""
    path: list[str] = []
    for part in detail["loc"]:
        if isinstance(part, int):
            return tuple(path)
        path.append(part)
    return tuple(path[:-1] if detail["type"] == "missing" and len(path) > 1 else path)


def _with_stand_ins(model: type[M], given: Mapping[str, Any], wrong: list[tuple[str, ...]]) -> dict[str, Any]:
    """Return values without the wrong ones, so that defaults apply, and with stand-ins for keys without default."""
    values = deepcopy(dict(given))
    required = {field.alias or name for name, field in model.model_fields.items() if field.is_required()}
    for *parents, key in wrong:
        place: Any = values
        for parent in parents:
            place = place.get(parent, {})
        place.pop(key, None)
        if not parents and key in required:
            form = next((form for form in _FORMS if _takes(model, key, form)), None)
            values |= {} if form is None else {key: form}
    return values


def _takes(model: type[M], key: str, value: str) -> bool:
    """Whether a key's own rule accepts a value."""
    try:
        model.model_validate({key: value})
    except ValidationError as error:
        return not any(detail["loc"][:1] == (key,) for detail in error.errors())
    return True


def _without_rules(model: type[M]) -> type[M]:
    """Return a model with the same keys, without the rules between them."""
    rules = model.__pydantic_decorators__.model_validators
    return type(model.__name__, (model,), {"__module__": model.__module__, **dict.fromkeys(rules, lambda self: self)})
