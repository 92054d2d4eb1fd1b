"""Our entry in a client's configuration: how to run this installation, and which entries are ours."""

from __future__ import annotations

import sys
import sysconfig
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Entry = dict[str, Any]
Environment = Mapping[str, str]

SCRIPT = "claude-memory"
MODULE = ("-P", "-m", "app")
_OUR_VARIABLES = ("MEMORY_DATA_DIR", "PYTHONPATH")


@dataclass(frozen=True, slots=True)
class Command:
    """How to run this installation, from any folder and with any environment."""

    program: str
    arguments: tuple[str, ...] = ()
    environment: Environment = field(default_factory=dict)


def this_command() -> Command:
    """Return how to run this installation: its console script, or in a checkout Python with the checkout on its path.

    `-P` keeps the folder that the client was started in off the path: many projects have a package `app`.
    """
    script = Path(sysconfig.get_path("scripts"), f"{SCRIPT}.exe" if sys.platform == "win32" else SCRIPT)
    if script.exists():
        return Command(str(script))
    checkout = Path(__file__).resolve().parents[2]
    return Command(sys.executable, MODULE, {"PYTHONPATH": str(checkout)})


def is_ours(entry: object) -> bool:
    """Whether an entry runs our `stdio`, of this installation or another one."""
    if not isinstance(entry, dict):
        return False
    program, arguments = entry.get("command"), entry.get("args")
    if not isinstance(program, str) or not isinstance(arguments, list) or arguments[-1:] != ["stdio"]:
        return False
    name = program.replace("\\", "/").rpartition("/")[2].removesuffix(".exe")
    return name == SCRIPT or arguments == [*MODULE, "stdio"]


def merged(old: Entry, wanted: Entry) -> Entry:
    """Return our entry brought up to date; what the user or the client added to it stays."""
    variables = old.get("env")
    if not isinstance(variables, dict):  # null, or what no client can read
        variables = {}
    theirs = {name: value for name, value in variables.items() if name not in _OUR_VARIABLES}
    entry = {**old, **wanted}
    if theirs or "env" in old:
        entry["env"] = theirs | wanted.get("env", {})
    return entry
