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
DATA_DIR = "MEMORY_DATA_DIR"
_OUR_VARIABLES = (DATA_DIR, "PYTHONPATH")


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What an entry looks like in a client's configuration.

    program, arguments, variables: names of its members; arguments None: the program's member is a list with them.
    fixed: members that the client needs besides. named: the server's name is one more.
    """

    program: str = "command"
    arguments: str | None = "args"
    variables: str = "env"
    fixed: Mapping[str, Any] = field(default_factory=dict)
    named: bool = False

    def entry(self, command: Command, environment: Environment, name: str) -> Entry:
        """Return our entry. name: of the server."""
        arguments = [*command.arguments, "stdio"]
        entry: Entry = {**self.fixed, **({"name": name} if self.named else {})}
        if self.arguments is None:
            entry[self.program] = [command.program, *arguments]
        else:
            entry |= {self.program: command.program, self.arguments: arguments}
        variables = {**command.environment, **environment}
        return entry | ({self.variables: variables} if variables else {})

    def merged(self, old: Entry, wanted: Entry) -> Entry:
        """Return our entry brought up to date; what the user or the client added to it, or changed, stays."""
        variables = old.get(self.variables)
        if not isinstance(variables, dict):  # null, or what no client can read
            variables = {}
        theirs = {name: value for name, value in variables.items() if name not in _OUR_VARIABLES}
        kept = {*self.fixed, *(("name",) if self.named else ())} & old.keys()
        chosen = {name: value for name, value in wanted.items() if name not in kept}
        entry = {**old, **chosen}
        if theirs or self.variables in old:
            entry[self.variables] = theirs | wanted.get(self.variables, {})
        return entry

    def data_dir(self, entry: object) -> str | None:
        """Return the data directory that our entry names; None for the default one, and for another entry."""
        variables = entry.get(self.variables) if isinstance(entry, dict) and is_ours(entry) else None
        found = variables.get(DATA_DIR) if isinstance(variables, dict) else None
        return found if isinstance(found, str) and found else None


PLAIN = Shape()


def is_ours(entry: object) -> bool:
    """Whether an entry runs our `stdio`, of this installation or another one, in any client's shape."""
    if not isinstance(entry, dict):
        return False
    program, arguments = entry.get("command", entry.get("cmd")), entry.get("args")
    if isinstance(program, list) and arguments is None:
        program, arguments = (program or [None])[0], program[1:]
    if not isinstance(program, str) or not isinstance(arguments, list) or arguments[-1:] != ["stdio"]:
        return False
    name = program.replace("\\", "/").rpartition("/")[2].removesuffix(".exe")
    return name == SCRIPT or arguments == [*MODULE, "stdio"]
