"""`env diff`: what Render has, against the stack's file or a local `.env`, name by name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from infra.command_errors import CannotDo
from infra.command_line import Commands, add_json, print_json
from infra.render.blueprint.declared import declared_variables
from infra.render.deployed.app_settings import is_secret_name, same, shown
from infra.render.doctor.here import read_env
from infra.render.driver.common import Session, add_command
from infra.tables import print_table

HIDDEN = "***"
_DIFFERENT = ("differs", "missing", "extra")

Values = Mapping[str, str | None]  # None: a secret of the stack, which Pulumi alone reads


@dataclass(frozen=True)
class Row:
    """A variable on both sides, in services where it is the same on each side.

    verdict: same, differs, missing (on Render), extra (only there), set (on both sides, and not compared).
    """

    name: str
    render: str
    other: str
    verdict: str
    services: Sequence[str]


def add(what: Commands[Any]) -> None:
    """Declare `env diff`."""
    parser = add_command(what, "diff", "Compare with the stack's file, or with a local .env. Exit status 0 either way.")
    parser.add_argument("--env-file", type=Path, metavar="FILE", help="Compare with this .env, secrets by value, too.")
    parser.add_argument("--values", action="store_true", help="Show values of settings that are no secrets.")
    parser.add_argument("--all", action="store_true", help="Show also what is the same.")
    add_json(parser)
    parser.set_defaults(run=run)


def run(session: Session) -> int:
    """Print the differences."""
    there = {one.name: session.variables.of(one.id) for one in session.services}
    file: Path | None = session.args.env_file
    if file is None:
        other, where = _of_stack(session, there), session.stack_file.path.name
    else:
        there = {one.name: there[one.name] for one in session.services if one.runs_the_app}
        other, where = _of_file(file, there), str(file)
    rows = list(_rows(there, other, bool(session.args.values)))
    differing = [row for row in rows if row.verdict in _DIFFERENT]
    if session.args.json:
        print_json([asdict(row) for row in rows])
        return 0
    listed = rows if session.args.all else differing
    if listed:
        table = [(row.name, row.render, row.other, row.verdict, _in(row, there)) for row in listed]
        print_table(("name", "on Render", where, "", "in"), table)
    print(f"{len(rows)} compared with {where}: {len(rows) - len(differing)} the same or set, {len(differing)} not")
    return 0


def _in(row: Row, there: Mapping[str, Values]) -> str:
    return "all" if len(row.services) == len(there) > 1 else ", ".join(row.services)


def _of_stack(session: Session, there: Mapping[str, Values]) -> dict[str, Values]:
    """Return what the stack's program gives each service. Raises CannotDo."""
    stack = session.stack_file
    if not stack.exists:
        raise CannotDo(f"{stack.path.name} is not in {stack.path.parent}; compare with a .env by --env-file FILE")
    declared = declared_variables(stack.path)
    return {service: declared.get(service, {}) for service in there}


def _of_file(file: Path, there: Mapping[str, Values]) -> dict[str, Values]:
    """Return what a .env gives each service: what it has itself, and what no service has. Raises CannotDo."""
    if not file.exists():
        raise CannotDo(f"{file} is not there")
    given = {name.upper(): value for name, value in read_env(file).items()}
    known = {name for values in there.values() for name in values}
    return {
        service: {name: value for name, value in given.items() if name in values or name not in known}
        for service, values in there.items()
    }


def _rows(there: Mapping[str, Mapping[str, str]], other: Mapping[str, Values], show: bool) -> Iterator[Row]:
    """Yield a row for each variable, or several where services do not agree."""
    for name in sorted({name for side in (there, other) for values in side.values() for name in values}):
        found: dict[tuple[str, str, str], list[str]] = {}
        for service, ours in there.items():
            theirs = other[service]
            if name in ours or name in theirs:
                verdict = _verdict(name, ours, theirs)
                sides = (_shown(name, ours, show), _shown(name, theirs, show), verdict)
                found.setdefault(sides, []).append(service)
        for (render, wanted, verdict), services in found.items():
            yield Row(name, render, wanted, verdict, services)


def _verdict(name: str, ours: Mapping[str, str], theirs: Values) -> str:
    if name not in theirs:
        return "extra"
    if name not in ours:
        return "missing"
    wanted = theirs[name]
    if wanted is None:
        return "set"
    return "same" if same(name, ours[name], wanted) else "differs"


def _shown(name: str, values: Values, show: bool) -> str:
    if name not in values:
        return "-"
    value = values[name]
    if value is None:
        return "set"
    return shown(name, value) if show and not is_secret_name(name) else HIDDEN
