"""Which stacks a checkout has, by their files; imports nothing, so that a wrong name is refused at once."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

_FILE = re.compile(r"Pulumi\.(?P<stack>[^/]+)\.yaml")


class NoStack(Exception):
    """There is no file for a stack of this name, or no stack was named."""


def stack_files(root: Path) -> dict[str, Path]:
    """Return the files of all stacks of a checkout, by the stack's name."""
    found = {path: _FILE.fullmatch(path.name) for path in sorted(root.glob("Pulumi.*.yaml"))}
    return {match["stack"]: path for path, match in found.items() if match is not None}


def chosen(root: Path, named: Sequence[str], everything: bool) -> list[str]:
    """Return the stacks that are meant, each once. Raises NoStack."""
    files = stack_files(root)
    there = ", ".join(files) or "none"
    if everything:
        return list(files)
    for stack in named:
        if stack not in files:
            raise NoStack(f"there is no stack {stack}: no file Pulumi.{stack}.yaml; there are {there}")
    if not named:
        raise NoStack(f"which stack? Name one, or --all; there are {there}")
    return list(dict.fromkeys(named))
