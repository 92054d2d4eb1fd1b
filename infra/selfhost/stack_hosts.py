"""The hosts of a stack, for commands that run beside Pulumi: what its file says, without a passphrase."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path

from pydantic import ValidationError

from infra import stack_file
from infra.command_errors import CannotDo
from infra.command_line import filled
from infra.selfhost.config import Hosts

DEFAULT_STACK = "selfhost"


def add_stack(parser: ArgumentParser) -> None:
    """Declare which stack a command is about."""
    parser.add_argument(
        "--stack",
        "-s",
        type=filled,
        default=DEFAULT_STACK,
        metavar="NAME",
        help=f"The stack (default: {DEFAULT_STACK}).",
    )


def hosts_of(stack: str) -> Hosts:
    """Return the hosts of a stack. Raises CannotDo."""
    file = stack_file.read(stack_file.project_folder(Path.cwd()), stack)
    if not file.exists:
        raise CannotDo(f"there is no {file.path.name} in {file.path.parent}; name the stack with --stack")
    if (target := file.values.get("target")) != "selfhost":
        raise CannotDo(f"{file.path.name} has target {target}, and these commands are about stacks of selfhost")
    try:
        return Hosts.model_validate(file.parts.get("hosts", {}))
    except ValidationError as error:
        places = sorted({".".join(map(str, ("hosts", *one["loc"]))) for one in error.errors()})
        raise CannotDo(f"{file.path.name}: {', '.join(places)} cannot be read; `pulumi preview` says why") from None
