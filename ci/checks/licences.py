"""Checks the licences of all packages by what they say of themselves (`python -m ci.checks.licences`).

licences.toml holds those that are allowed, how they are written otherwise, and packages that do not say theirs.
"""

from __future__ import annotations

import re
import sys
import tomllib
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

from ci.checks.locks import locked
from ci.errors import CiError, exit_code

RULES = Path(__file__).with_name("licences.toml")
_CLASSIFIER = "License :: "


@dataclass(frozen=True)
class Rules:
    """What licences.toml says. names: other spellings; packages: licences of packages that state none."""

    allowed: frozenset[str]
    names: dict[str, str] = field(default_factory=dict)
    packages: dict[str, str] = field(default_factory=dict)


def main() -> int:
    """Check every package of the locks by its metadata here, or by licences.toml where nothing installs it."""
    rules = read_rules()
    problems, checked, stated = [], 0, set()
    for name in sorted(locked(here=True)):
        try:
            said = metadata.metadata(name)
        except metadata.PackageNotFoundError:
            if name in rules.packages:  # nothing installs it
                checked += 1
                continue
            problems.append(f"{name}: not installed; run ./dev test once, which installs requirements/dev.txt")
            continue
        checked += 1
        expression = expression_of(said, rules)
        if expression:
            stated.add(name)
        problem = problem_of(name, expression or rules.packages.get(name), rules)
        problems += [problem] if problem else []
    problems += [
        f"licences.toml: {name} says its licence itself; its line can go" for name in stated & rules.packages.keys()
    ]
    if problems:
        raise CiError("licences:" + "".join(f"\n  {problem}" for problem in problems))
    print(f"{checked} packages, all with allowed licences")
    return 0


def read_rules(path: Path = RULES) -> Rules:
    """Return the rules of a file."""
    content = tomllib.loads(path.read_text(encoding="utf-8"))
    packages = {name: entry["licence"] for name, entry in content["packages"].items()}
    return Rules(frozenset(content["allowed"]), content["names"], packages)


def expression_of(said: Any, rules: Rules) -> str | None:
    """Return a package's licence as an SPDX expression, from the most exact thing it says; None when it says none."""
    if said.get("License-Expression"):
        return str(said["License-Expression"])
    classifiers = [one.split(" :: ")[-1] for one in said.get_all("Classifier", []) if one.startswith(_CLASSIFIER)]
    named = [rules.names.get(one, one) for one in classifiers if one != "OSI Approved"]
    if named:
        return " AND ".join(one for one in named if one)  # which of them goes for what, it does not say
    text = str(said.get("License") or "").partition("\n")[0].strip()
    return rules.names.get(text, text) or None


def problem_of(name: str, expression: str | None, rules: Rules) -> str | None:
    """Return what is wrong with a package's licence."""
    if expression is None:
        return f"{name}: states no licence; look it up, then write it under [packages] of ci/checks/licences.toml"
    if is_allowed(expression, rules.allowed):
        return None
    return f"{name}: {expression} is not allowed; drop the package, or allow the licence in ci/checks/licences.toml"


def is_allowed(expression: str, allowed: frozenset[str]) -> bool:
    """Whether an expression leaves a choice of which all parts are allowed. One with brackets is not understood."""
    choices = re.split(r"\s+OR\s+", expression)
    return any(all(part in allowed for part in re.split(r"\s+AND\s+", choice)) for choice in choices)


if __name__ == "__main__":
    sys.exit(exit_code(main))
