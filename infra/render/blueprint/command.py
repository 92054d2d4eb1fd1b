"""`blueprint`: writes render.yaml of a stack, or checks one."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace, _SubParsersAction
from pathlib import Path
from typing import Any, Protocol

import yaml

from app.counted import counted
from infra.command_errors import CannotDo
from infra.errors import InfraError
from infra.render.blueprint.checks import problems
from infra.render.blueprint.scopes import resources
from infra.render.blueprint.writing import blueprint
from infra.render.deployed.names import DEFAULT_STACK

FILE = "render.yaml"
_ROOT = Path(__file__).resolve().parents[3]


class Session(Protocol):
    """What the command needs of the driver's session."""

    args: Namespace


def add(commands: _SubParsersAction[Any]) -> None:
    """Declare the command."""
    about = "Write render.yaml of a stack, for Render's own button, or check one."
    parser: ArgumentParser = commands.add_parser("blueprint", help=about, description=about)
    parser.add_argument(
        "--stack", default=DEFAULT_STACK, metavar="NAME", help=f"The stack to write (default: {DEFAULT_STACK})."
    )
    parser.add_argument("--output", metavar="FILE", help=f"Default: {FILE} beside the stack's file; - prints it.")
    parser.add_argument("--check", type=Path, metavar="FILE", help="Check this file and write nothing.")
    parser.set_defaults(run=run)


def run(session: Session) -> int:
    """Write or check; the exit status is 0. Raises CannotDo."""
    args = session.args
    try:
        if args.check is None:
            _write(args.stack, args.output)
        else:
            _check(args.check)
    except InfraError as error:
        raise CannotDo(str(error)) from None
    except OSError as error:
        raise CannotDo(f"{error.filename}: {error.strerror}") from None
    return 0


def _write(stack: str, output: str | None) -> None:
    file = _folder() / f"Pulumi.{stack.rpartition('/')[2]}.yaml"
    text, left_out = blueprint(file)
    for sentence in left_out:
        print(f"left out: {sentence}", file=sys.stderr)
    _refuse(f"the Blueprint of {file.name}", problems(yaml.safe_load(text)))
    if output == "-":
        print(text, end="")
        return
    target = file.with_name(FILE) if output is None else Path(output)
    target.write_text(text, encoding="utf-8")
    print(f"wrote {target}")


def _check(file: Path) -> None:
    try:
        tree = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}: {getattr(error, 'problem', None)}" if mark else ""
        raise CannotDo(f"{file} is not YAML{where}") from None
    if not isinstance(tree, dict) or not list(resources(tree)):
        raise CannotDo(f"{file} is not a Blueprint: it has no services")
    _refuse(str(file), problems(tree))
    print(f"{file} is good, as far as can be told without Render")


def _refuse(what: str, found: list[str]) -> None:
    """Raise CannotDo with every problem, if there are any."""
    if found:
        count = counted(len(found), "problem")
        raise CannotDo(f"{count} in {what}:" + "".join(f"\n  - {one}" for one in found))


def _folder() -> Path:
    """Return the nearest folder with a Pulumi.yaml, here or above, or this repository's."""
    here = Path.cwd()
    return next((folder for folder in (here, *here.parents) if (folder / "Pulumi.yaml").exists()), _ROOT)
