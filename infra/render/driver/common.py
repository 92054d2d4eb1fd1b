"""What commands share: options, and the session with Render."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from infra import stack_file
from infra.command_errors import CannotDo, WrongUsage
from infra.command_line import Commands, filled
from infra.hiding import Hider
from infra.render.api.access import KEY, KEY_VARIABLE, OWNER, URL, find_access
from infra.render.api.client import RenderApi
from infra.render.api.clock import Clock
from infra.render.deployed import variables
from infra.render.deployed.choosing import Service, choose, owner_id
from infra.render.deployed.names import DEFAULT_STACK, role_of
from infra.render.deployed.variables import Variables
from infra.stack_file import StackFile

TOKEN_VARIABLE = "MEMORY_TOKEN"  # noqa: S105 - the name of a variable


@dataclass
class Session:
    """A command under way: what it was given, and the API."""

    args: Namespace
    environment: Mapping[str, str]
    clock: Clock

    @property
    def stack(self) -> str:
        """The stack's name."""
        return str(self.args.stack or DEFAULT_STACK)

    @cached_property
    def stack_file(self) -> StackFile:
        """What the stack's file says. Raises CannotDo."""
        return stack_file.read(stack_file.project_folder(Path.cwd()), self.stack)

    @cached_property
    def api(self) -> RenderApi:
        """The API. Raises NoAccess, CannotDo."""
        values = self.stack_file.values
        configured = {
            KEY: self._stack_key(),
            URL: values.get(URL),
            OWNER: self.args.owner or values.get(OWNER),
        }
        return RenderApi(find_access(configured, self.environment), clock=self.clock, on_wait=self._tell_wait)

    @cached_property
    def owner(self) -> str:
        """The workspace's id. Raises WrongUsage, RenderError."""
        return owner_id(self.api, self.api.owner)

    @cached_property
    def services(self) -> list[Service]:
        """The services the command is about. Raises CannotDo, RenderError."""
        return choose(self.api, self.owner, self.stack, self.args.service)

    @property
    def named_services(self) -> list[Service]:
        """The same for a command that changes them: either services or the stack must be named. Raises WrongUsage."""
        if not self.args.service and self.args.stack is None:
            raise WrongUsage(f"name a --service, or --stack {self.stack} to mean all of its services")
        return self.services

    @property
    def one_service(self) -> Service:
        """The one service the command is about. Raises WrongUsage."""
        if len(self.args.service) != 1:
            raise WrongUsage("name one --service")
        return self.services[0]

    def services_by_id(self, ids: Iterable[str]) -> list[Service]:
        """Return services by id, also those the command is not about. Raises RenderError."""
        known = {one.id: one for one in self.services}
        found = []
        for id_ in dict.fromkeys(ids):
            if id_ not in known:
                answer = self.api.services.get(id_)
                known[id_] = Service(answer, role_of(self.stack, answer["name"]))
            found.append(known[id_])
        return found

    @cached_property
    def variables(self) -> Variables:
        """The variables of the services. Raises RenderError."""
        return variables.read(self.api, self.owner, self.services)

    @cached_property
    def hider(self) -> Hider:
        """Takes the secrets of the services, and those of this command, out of what others wrote."""
        own = {self.environment.get(name, "") for name in (KEY_VARIABLE, TOKEN_VARIABLE)}
        return Hider(self.variables.secrets() | own)

    def say(self, text: str) -> None:
        """Tell how it goes; results alone go to stdout."""
        print(text, file=sys.stderr, flush=True)

    def on_stage(self, service: Service, says: str, after_s: float) -> None:
        """Tell of a deploy's stage."""
        self.say(f"{after_s:5.0f} s  {service.name} {says}")

    def _stack_key(self) -> str | None:
        if KEY not in self.stack_file.secrets:
            return None
        try:
            return self.stack_file.secret(KEY)
        except CannotDo as error:
            if not self.environment.get(KEY_VARIABLE):
                raise CannotDo(f"the stack's {KEY} cannot be read: {error}; or set {KEY_VARIABLE}") from None
            self.say(f"the stack's {KEY} cannot be read ({error}); {KEY_VARIABLE} is used")
            return None

    def _tell_wait(self, wait_s: float, why: str) -> None:
        self.say(f"waits {wait_s:.0f} s: {why}")


# Options ---------------------------------------------------------------------------------------


def add_command(commands: Commands[Any], name: str, about: str) -> ArgumentParser:
    """Declare a command with the options that all have; `about` stands in the list and above its own help."""
    parser: ArgumentParser = commands.add_parser(name, help=about, description=about)
    add_choice(parser)
    return parser


def add_choice(parser: ArgumentParser) -> None:
    """Declare which services are meant."""
    parser.add_argument(
        "--service",
        action="append",
        default=[],
        metavar="NAME",
        help="Name, id, or role in the stack, such as web; can be repeated.",
    )
    parser.add_argument(
        "--stack", type=filled, metavar="NAME", help=f"The stack whose services are meant (default: {DEFAULT_STACK})."
    )
    parser.add_argument("--owner", metavar="NAME", help="Workspace, by name or id (RENDER_OWNER).")


def add_app(parser: ArgumentParser) -> None:
    """Declare how the deployed app is reached."""
    parser.add_argument("--url", type=filled, metavar="URL", help="Address of the app (default: the web service's).")
    parser.add_argument(
        "--token-file",
        type=Path,
        metavar="FILE",
        help="Holds an access token with the scope admin (default: MEMORY_TOKEN, or the app's own ADMIN_TOKEN).",
    )
