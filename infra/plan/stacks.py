"""The stacks of a checkout by their files, with made-up values in place of secrets that are missing or encrypted.

So a plan needs no secret and no passphrase. Made-up values are told from real ones by their text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from infra.config import NAMESPACE, StackValues
from infra.errors import ConfigError
from infra.made_up import TEXT
from infra.plan import checked
from infra.plan.names import stack_files

_ENCRYPTED = "secure"  # the key of a value that only the passphrase opens
_MISSING = re.compile(r"`pulumi config set --secret (\w+)`")  # what a configuration's problems say of one
# Forms that secrets have, the most common first: one of these passes the rule of each.
_FORMS = (
    f"{TEXT}-Of-1-plan",  # some databases ask for capitals and digits
    f"cm_{TEXT}-of-a-plan".ljust(46, "0"),
    f"postgresql://memory:{TEXT}@db.example.org:5432/memory",
    f"https://plan.example.org/{TEXT}",
)
_LIKELY = {"adminToken": 1, "DATABASE_URL": 2, "ADMIN_DATABASE_URL": 2}


@dataclass(frozen=True, kw_only=True)
class CheckedStack:
    """A stack's configuration, as written and as its program checked it."""

    values: StackValues
    configuration: Any


def checked_stack(root: Path, stack: str) -> CheckedStack:
    """Return the configuration of a stack that has a file. Raises ConfigError, or another InfraError."""
    own = f"{NAMESPACE}:"
    given = _config(stack, stack_files(root)[stack])
    values = {key.removeprefix(own): value for key, value in given.items() if key.startswith(own)}
    secret = {key for key, value in values.items() if _is_encrypted(value)}
    made = {key: _made_up_inside(value) for key, value in values.items() if key not in secret}
    plain = {key: _written(value) for key, value in made.items()}
    return _with_secrets(stack, plain, secret, {key for key, value in made.items() if value != values[key]})


def _config(stack: str, file: Path) -> dict[str, Any]:
    """Return what a stack's file configures. Raises ConfigError for a file that is not of that form."""
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        where = getattr(error, "problem_mark", None)
        line = "" if where is None else f" in line {where.line + 1}"
        raise ConfigError(stack, [f"{file.name}: is no YAML{line}; correct it"]) from None
    config = {} if content is None else content.get("config") if isinstance(content, dict) else content
    if config is None:
        return {}
    if not isinstance(config, dict):
        raise ConfigError(stack, [f"{file.name}: takes values by their names, under config"])
    odd = [key for key in config if not isinstance(key, str)]
    if odd:
        raise ConfigError(stack, [f"{key}: is no text; write the name in quotes, as {NAMESPACE}:name" for key in odd])
    return config


def _is_encrypted(value: Any) -> bool:
    return isinstance(value, Mapping) and _ENCRYPTED in value


def _made_up_inside(value: Any) -> Any:
    """Return a value with a made-up text for each secret inside, as `pulumi config set --secret --path` puts them."""
    if _is_encrypted(value):
        return _FORMS[0]
    if isinstance(value, Mapping):
        return {key: _made_up_inside(inner) for key, inner in value.items()}
    return [_made_up_inside(inner) for inner in value] if isinstance(value, list) else value


def _with_secrets(stack: str, plain: Mapping[str, str], secret: set[str], partly: set[str]) -> CheckedStack:
    """Return values with a made-up one for each secret. Raises ConfigError with what else is wrong.

    partly: the keys of plain with a secret inside.
    """
    forms = {key: _likely(key) for key in secret}
    while True:
        made = {key: _FORMS[number] for key, number in forms.items()}
        values = StackValues(stack=stack, values={**plain, **made}, secret_keys=frozenset(made) | partly)
        try:
            return CheckedStack(values=values, configuration=checked(values))
        except ConfigError as error:
            if not _adjust(forms, error.problems, plain):
                raise


def _adjust(forms: dict[str, int], problems: Sequence[str], plain: Mapping[str, str]) -> bool:
    """Add the secrets that problems say are missing, and give those they refuse another form; whether any changed."""
    changed = False
    for problem in problems:
        refused = problem.partition(":")[0]
        if refused in forms and forms[refused] + 1 < len(_FORMS):
            forms[refused] += 1
            changed = True
        for key in _MISSING.findall(problem):
            if key not in forms and key not in plain:
                forms[key] = _likely(key)
                changed = True
    return changed


def _likely(key: str) -> int:
    return _LIKELY.get(key, 3 if key.endswith("_URL") else 0)


def _written(value: Any) -> str:
    """Return a value as the engine hands it over."""
    if isinstance(value, dict | list):
        return json.dumps(value)
    return str(value).lower() if isinstance(value, bool) else str(value)
