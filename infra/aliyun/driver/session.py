"""What commands share: options, and the session with the stack, its function and its logs."""

from __future__ import annotations

import json
import sys
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from infra import pulumi_cli, stack_file
from infra.aliyun.api.access import ID_VARIABLES, SECRET_VARIABLES, TOKEN_VARIABLES, Keys, find_keys
from infra.aliyun.api.functions import Functions
from infra.aliyun.api.logs import LogStore
from infra.aliyun.api.transport import Transport
from infra.aliyun.deployed import outputs
from infra.aliyun.deployed.outputs import Outputs
from infra.command_errors import CannotDo
from infra.command_line import Commands, filled
from infra.hiding import Hider
from infra.reaching import read_token
from infra.stack_file import StackFile

DEFAULT_STACK = "aliyun"
TOKENS = ("CLAUDE_MEMORY_TOKEN", "ADMIN_TOKEN")  # variables of the environment, the first one first
_OWN_KEYS = ("accessKeyId", "accessKeySecret")


@dataclass
class Session:
    """A command under way.

    now, sleep: seconds since 1970, and a wait of some seconds. scheme: of the APIs' addresses; tests have no TLS.
    """

    args: Namespace
    environment: Mapping[str, str]
    now: Callable[[], float] = time.time
    sleep: Callable[[float], object] = time.sleep
    scheme: str = "https"

    @property
    def stack(self) -> str:
        """The stack's name."""
        return str(self.args.stack or DEFAULT_STACK)

    @cached_property
    def folder(self) -> Path:
        """Where the project is."""
        return stack_file.project_folder(Path.cwd())

    @cached_property
    def stack_file(self) -> StackFile:
        """What the stack's file says. Raises CannotDo."""
        return stack_file.read(self.folder, self.stack)

    @cached_property
    def outputs(self) -> Outputs:
        """The stack's outputs. Raises CannotDo."""
        return outputs.read(self.folder, self.stack)

    @cached_property
    def keys(self) -> Keys:
        """Keys to the APIs: the stack's own, or the environment's. Raises NoKeys, CannotDo."""
        own = None
        if set(_OWN_KEYS) <= self.stack_file.secrets:
            own = (self.stack_file.secret(_OWN_KEYS[0]), self.stack_file.secret(_OWN_KEYS[1]))
        found = find_keys(own, self.environment)
        if found is None:
            raise CannotDo(
                "the keys come from a profile or a role, which only `pulumi` reads; for this command set"
                f" {ID_VARIABLES[0]} and {SECRET_VARIABLES[0]}, and {TOKEN_VARIABLES[0]} with temporary ones"
            )
        return found

    @cached_property
    def functions(self) -> Functions:
        """The functions of the stack's account. Raises CannotDo."""
        found = self.outputs
        return Functions(keys=self.keys, region=found.region, account_id=found.account_id, transport=self.transport())

    @cached_property
    def logs(self) -> LogStore:
        """The stack's log store. Raises CannotDo."""
        found = self.outputs
        return LogStore(
            keys=self.keys,
            region=found.region,
            project=found.log_project,
            store=found.log_store,
            transport=self.transport(),
            now=self.now,
            sleep=self.sleep,
        )

    @cached_property
    def token(self) -> str | None:
        """The token that the app is asked with: given, in the environment, or the stack's own. Raises CannotDo."""
        if self.args.token_file is not None:
            return read_token(self.args.token_file)
        given = next((self.environment[name].strip() for name in TOKENS if self.environment.get(name, "").strip()), "")
        if given or getattr(self.args, "url", None):
            return given or None  # a stack's own token goes to its own address only
        return self.stack_file.secret("adminToken") if "adminToken" in self.stack_file.secrets else None

    @cached_property
    def hider(self) -> Hider:
        """Takes the stack's secrets, and those of this command, out of what others wrote.

        Raises CannotDo when the stack's cannot be read: nothing that may hold them is shown then.
        """
        names = (*TOKENS, *SECRET_VARIABLES, *TOKEN_VARIABLES)
        own = {self.environment[name] for name in names if self.environment.get(name)}
        return Hider(own | self._stack_secrets())

    def say(self, text: str) -> None:
        """Tell how it goes; results alone go to stdout."""
        print(text, file=sys.stderr, flush=True)

    def transport(self) -> Transport:
        """Return what sends calls to the APIs."""
        return Transport(sleep=self.sleep, scheme=self.scheme)

    def _stack_secrets(self) -> set[str]:
        if not self.stack_file.secrets:
            return set()
        try:
            told = json.loads(pulumi_cli.answer(self.folder, self.stack, "config", "--show-secrets", "--json"))
        except ValueError:
            raise CannotDo("pulumi config --show-secrets: printed something that is no JSON") from None
        return {str(one.get("value", "")) for one in told.values() if isinstance(one, dict) and one.get("secret")}


def add_command(commands: Commands[Any], name: str, about: str) -> ArgumentParser:
    """Declare a command with the option that all have; `about` stands in the list and above its own help."""
    parser: ArgumentParser = commands.add_parser(name, help=about, description=about)
    parser.add_argument("--stack", type=filled, metavar="NAME", help=f"The stack (default: {DEFAULT_STACK}).")
    return parser


def add_token(parser: ArgumentParser) -> None:
    """Declare --token-file."""
    parser.add_argument(
        "--token-file",
        type=Path,
        metavar="FILE",
        help=f"Holds an access token (default: {TOKENS[0]}, {TOKENS[1]}, or the stack's adminToken).",
    )
