"""`env list`, `set`, `unset`, `diff`: the variables of services and of their environment groups, values hidden."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from infra.command_errors import CannotDo, WrongUsage, meant
from infra.command_line import Commands, add_json, filled, print_json
from infra.render.deployed import variables
from infra.render.deployed.app_settings import is_secret_name, is_setting, shown
from infra.render.deployed.variables import Place
from infra.render.deployed.waiting import Watched
from infra.render.driver import env_diff
from infra.render.driver.common import Session, add_command
from infra.render.driver.deploying import add_wait, finish
from infra.render.driver.values import check_name, check_value, read_value, split
from infra.tables import print_table

_MODES = ("save", "deploy")


def add(commands: Commands[Any]) -> None:
    """Declare `env` and what it can do."""
    about = "List, set, unset and compare environment variables; values are hidden."
    parser: ArgumentParser = commands.add_parser("env", help=about, description=about)
    what = parser.add_subparsers(dest="what", metavar="WHAT", required=True)
    listing = add_command(what, "list", "List the variables of services and of their environment groups.")
    listing.add_argument("--values", action="store_true", help="Show values of settings that are no secrets.")
    add_json(listing)
    listing.set_defaults(run=list_)
    setting = add_command(what, "set", "Set a variable: where it is now, or in the --service or --group named.")
    setting.add_argument(
        "variable", metavar="NAME[=VALUE]", help="A secret's value, or any, comes from --from-file or standard input."
    )
    setting.add_argument("--from-file", type=Path, metavar="FILE", help="File with the value and nothing else.")
    setting.add_argument("--any-name", action="store_true", help="Take a name that looks like a misspelt setting.")
    _add_change(setting)
    setting.set_defaults(run=set_)
    unsetting = add_command(what, "unset", "Remove a variable from where it is.")
    unsetting.add_argument("variable", metavar="NAME")
    _add_change(unsetting)
    unsetting.set_defaults(run=unset)
    env_diff.add(what)


def _add_change(parser: ArgumentParser) -> None:
    parser.add_argument("--group", type=filled, metavar="NAME", help="The environment group to change.")
    parser.add_argument(
        "--mode",
        choices=_MODES,
        default="save",
        help="save: deploy nothing; deploy: deploy what runs with it (default: save).",
    )
    add_wait(parser)


def list_(session: Session) -> int:
    """Print a row for each variable and place."""
    rows = [
        (name, shown(name, place.values[name]) if session.args.values else "***", place)
        for name in session.variables.names()
        for place in session.variables.holding(name)
    ]
    if session.args.json:
        print_json(
            [
                {
                    "name": name,
                    "value": None if value == "***" else value,
                    "group" if place.is_group else "service": place.name,
                    "setting": is_setting(name),
                    "secret": is_secret_name(name),
                }
                for name, value, place in rows
            ]
        )
        return 0
    kinds = [_kind(name) for name, _, _ in rows]
    table = [(name, value, str(place), kind) for (name, value, place), kind in zip(rows, kinds, strict=True)]
    print_table(("name", "value", "set in", ""), table)
    return 0


def _kind(name: str) -> str:
    if is_setting(name):
        return "secret setting" if is_secret_name(name) else "setting"
    return "secret" if is_secret_name(name) else ""


def set_(session: Session) -> int:
    """Set a variable."""
    name, value = split(session.args.variable)
    if value is not None and session.args.from_file is not None:
        raise WrongUsage(f"{name}: give the value or --from-file, not both")
    check_name(name, session.args.any_name)
    if value is None:
        value = read_value(name, session.args.from_file)
    check_value(name, value)
    places = _places(session, name)
    for place in places:
        variables.put(session.api, place, name, value)
        print(f"{name}: set in {place}{_over_group(session, place, name)}")
    _tell_stack(session, name)
    return _deployed(session, places)


def unset(session: Session) -> int:
    """Remove a variable."""
    name = session.args.variable
    places = [place for place in _candidates(session) if name in place.values]
    if not places:
        raise CannotDo(f"{name} is not set there{meant(name, session.variables.names())}")
    for place in places:
        variables.take_away(session.api, place, name)
        print(f"{name}: removed from {place}")
    _tell_stack(session, name)
    return _deployed(session, places)


def _places(session: Session, name: str) -> list[Place]:
    """Return where to set a variable. Raises WrongUsage if nothing says."""
    candidates = _candidates(session)
    if session.args.service or session.args.group:
        return candidates
    holding = [place for place in candidates if name in place.values]
    if holding:
        return holding
    groups = [place for place in candidates if place.is_group]
    if len(groups) == 1:
        return groups
    listed = ", ".join(str(place) for place in candidates)
    raise WrongUsage(f"{name} is set nowhere yet; say where with --group or --service: {listed}")


def _candidates(session: Session) -> list[Place]:
    """Return the places that the arguments leave: the group, the services named, or all of the stack."""
    places, group = session.variables.places, session.args.group
    if group is not None:
        named = [place for place in places if place.is_group and group in (place.id, place.name)]
        if not named:
            known = [place.name for place in places if place.is_group]
            listed = f"; there are: {', '.join(known)}" if known else "; they have none"
            raise WrongUsage(f"--group {group}: no such group of these services{meant(group, known) or listed}")
        return named
    if session.args.service:
        return [place for place in places if not place.is_group]
    return places


def _over_group(session: Session, place: Place, name: str) -> str:
    groups = [one for one in session.variables.holding(name) if one.is_group and place.id in one.readers]
    return f", overriding {groups[0]}" if groups and not place.is_group else ""


def _tell_stack(session: Session, name: str) -> None:
    if name in session.stack_file.values or session.stack_file.key_of(name):
        file = session.stack_file.path.name
        session.say(f"{file} has {name} too, and the next `pulumi up` sets that: change it there as well")


def _deployed(session: Session, places: list[Place]) -> int:
    """Deploy what runs with the places, or say how."""
    readers = session.services_by_id(id_ for place in places for id_ in place.readers)
    running = [one for one in readers if not one.is_suspended]
    if session.args.mode == "save":
        names = " ".join(f"--service {one.name}" for one in running)
        if names:
            session.say(f"in force after the next deploy: `deploy --mode deploy {names}`")
        return 0
    return finish(session, [Watched(one, session.api.deploys.start(one.id, mode="deploy_only")) for one in running])
