"""What the commands about a stack share: which stack is meant, and its hosts."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from infra import stack_file
from infra.command_line import Commands
from infra.selfhost.declared import DeclaredStack, declared_stack
from infra.selfhost.engine_calls import DockerHost
from infra.selfhost.stack_hosts import add_stack


@dataclass
class Session:
    """A command under way. stack: its name, without the organization."""

    stack: str

    @classmethod
    def of(cls, args: Namespace) -> Session:
        """Return the session of a command line."""
        return cls(stack=args.stack.rpartition("/")[2])

    @cached_property
    def declared(self) -> DeclaredStack:
        """What the stack's file declares. Raises CannotDo."""
        return declared_stack(stack_file.project_folder(Path.cwd()), self.stack)

    @cached_property
    def hosts(self) -> list[DockerHost]:
        """The hosts of the stack. Raises CannotDo."""
        return DockerHost.all_of(self.declared.options.hosts)


def add_command(commands: Commands[Any], name: str, about: str) -> ArgumentParser:
    """Declare a command with the option that all have; `about` stands in the list and above its own help."""
    parser: ArgumentParser = commands.add_parser(name, help=about, description=about)
    add_stack(parser)
    return parser
