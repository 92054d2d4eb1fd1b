"""`env diff`: what Render has, against the stack's file or a local `.env`, name by name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from infra.render.deployed.app_settings import FIELDS, is_secret_name, same, shown
from infra.render.deployed.choosing import Service
from infra.render.deployed.errors import CannotDo
from infra.render.doctor.here import read_env
from infra.render.driver.common import Commands, Session, add_command, add_json, print_json
from infra.render.driver.tables import print_table

HIDDEN = "***"
_DIFFERENT = ("differs", "missing", "extra")
_UNKNOWN = None  # a secret of the stack, which Pulumi alone reads


@dataclass(frozen=True)
class Row:
    """A variable on both sides. verdict: same, differs, missing (on Render), extra (only there), set (not compared)."""

    name: str
    render: str
    other: str
    verdict: str


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
    other, where = _other(session)
    services = [one for one in session.services if one.runs_the_app]
    rows = list(_rows(session, services, other))
    differing = [row for row in rows if row.verdict in _DIFFERENT]
    if session.args.json:
        print_json([asdict(row) for row in rows])
        return 0
    listed = rows if session.args.all else differing
    if listed:
        print_table(("name", "on Render", where, ""), [tuple(asdict(row).values()) for row in listed])
    print(f"{len(rows)} compared with {where}: {len(rows) - len(differing)} the same, {len(differing)} not")
    return 0


def _other(session: Session) -> tuple[Mapping[str, str | None], str]:
    """Return the other side: values by name, None for those that cannot be read here; and what it is."""
    file: Path | None = session.args.env_file
    if file is not None:
        if not file.exists():
            raise CannotDo(f"{file} is not there")
        return {name.upper(): value for name, value in read_env(file).items()}, str(file)
    stack = session.stack_file
    if not stack.exists:
        raise CannotDo(f"{stack.path.name} is not in {stack.path.parent}; compare with a .env by --env-file FILE")
    secrets = {name: _UNKNOWN for name in FIELDS if stack.key_of(name)}
    return {**stack.settings, **secrets}, stack.path.name


def _rows(session: Session, services: list[Service], other: Mapping[str, str | None]) -> Iterator[Row]:
    there = {one.name: session.variables.of(one.id) for one in services}
    names = {name for values in there.values() for name in values} | other.keys()
    for name in sorted(names):
        values = {service: found[name] for service, found in there.items() if name in found}
        row = _row(name, values, other, bool(session.args.values))
        partly = 0 < len(values) < len(there)
        yield replace(row, render=f"{row.render} in {', '.join(sorted(values))} alone") if partly else row


def _row(name: str, values: Mapping[str, str], other: Mapping[str, str | None], show: bool) -> Row:
    distinct = sorted(set(values.values()))
    theirs = "-"
    if name in other:
        value = other[name]
        theirs = "set" if value is None else _shown(name, value, show)
    ours = "-"
    if len(distinct) == 1:
        ours = _shown(name, distinct[0], show)
    elif distinct:
        ours = "several values"
    return Row(name, ours, theirs, _verdict(name, distinct, other))


def _verdict(name: str, distinct: list[str], other: Mapping[str, str | None]) -> str:
    if name not in other:
        return "extra"
    if not distinct:
        return "missing"
    wanted = other[name]
    if wanted is None:
        return "set" if len(distinct) == 1 else "differs"
    return "same" if all(same(name, one, wanted) for one in distinct) else "differs"


def _shown(name: str, value: str, show: bool) -> str:
    return shown(name, value) if show and not is_secret_name(name) else HIDDEN
