"""Which services a command is about: those that are named, or all of a stack."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from infra.command_errors import CannotDo, WrongUsage, meant
from infra.render.api.client import RenderApi
from infra.render.deployed.names import RUNS_THE_APP, Role, name_of, role_of

Json = dict[str, Any]

CRON, STATIC, WEB = "cron_job", "static_site", "web_service"


@dataclass(frozen=True)
class Service:
    """A service; `answer` is what Render says of it. role: None where it is not the stack's."""

    answer: Json = field(repr=False)
    role: Role | None

    @property
    def id(self) -> str:
        return str(self.answer["id"])

    @property
    def name(self) -> str:
        return str(self.answer["name"])

    @property
    def type(self) -> str:
        return str(self.answer["type"])

    @property
    def details(self) -> Json:
        details: Json = self.answer.get("serviceDetails") or {}
        return details

    @property
    def region(self) -> str:
        return str(self.details.get("region") or "")

    @property
    def is_suspended(self) -> bool:
        return bool(self.answer.get("suspended") == "suspended")

    @property
    def is_image(self) -> bool:
        """Whether it runs an image that was built elsewhere."""
        return bool(self.details.get("runtime") == "image")

    @property
    def runs_the_app(self) -> bool:
        """Whether it reads the app's settings; one that is not the stack's is taken to."""
        return self.role is None or self.role in RUNS_THE_APP


def owner_id(api: RenderApi, given: str | None) -> str:
    """Return the id of a workspace by its id or name; without one, of the only one that the key reaches."""
    if given and given.startswith(("tea-", "usr-")):
        return given
    owners = list(api.owners.all())
    if given is None and len(owners) == 1:
        return str(owners[0]["id"])
    listed = ", ".join(f"{one['name']} ({one['id']})" for one in owners) or "none"
    if given is None:
        raise WrongUsage(f"the key reaches {len(owners)} workspaces; name one with --owner or RENDER_OWNER: {listed}")
    found = [one for one in owners if given == one["name"]]
    if len(found) == 1:
        return str(found[0]["id"])
    near = meant(given, (one["name"] for one in owners))
    raise WrongUsage(f"--owner {given}: the key reaches no workspace of this name{near or f'; there are: {listed}'}")


def choose(api: RenderApi, owner: str, stack: str, wanted: Sequence[str]) -> list[Service]:
    """Return the services named by id, name or role in the stack, or all of the stack, in the order of its roles."""
    everything = [Service(one, role_of(stack, one["name"])) for one in api.services.all(ownerId=owner)]
    if wanted:
        chosen = [_named(one, everything, stack) for one in wanted]
        return list({one.id: one for one in chosen}.values())
    order = list(Role)
    ours = sorted((one for one in everything if one.role), key=lambda one: order.index(one.role or Role.WEB))
    if not ours:
        missing = f"no service of the stack {stack} ({name_of(stack, Role.WEB)}, …) in the workspace"
        if not everything:
            raise CannotDo(f"{missing}, and none at all; `pulumi up --stack {stack}` makes them (docs/render.md)")
        raise CannotDo(
            f"{missing}; there are {_listed(everything)}; name some with --service, or another stack with --stack"
        )
    return ours


def _named(wanted: str, everything: Iterable[Service], stack: str) -> Service:
    everything = list(everything)
    for one in everything:
        if wanted in (one.id, one.name) or (one.role and wanted == one.role):
            return one
    known = [name for one in everything for name in (one.name, *([str(one.role)] if one.role else []))]
    listed = f"; there are {_listed(everything)}" if everything else "; there are none at all"
    raise WrongUsage(f"--service {wanted}: no such service in the workspace{meant(wanted, known) or listed}")


def _listed(services: Sequence[Service]) -> str:
    names = sorted(one.name for one in services)
    return ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")
