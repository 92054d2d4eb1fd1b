"""`suspend` and `resume`: stop services without deleting them, and start them again."""

from __future__ import annotations

from typing import Any

from infra.command_errors import WrongUsage
from infra.command_line import Commands
from infra.render.deployed.waiting import Watched
from infra.render.driver.common import Session, add_command
from infra.render.driver.deploying import add_wait, finish


def add(commands: Commands[Any]) -> None:
    """Declare `suspend` and `resume`."""
    parser = add_command(commands, "suspend", "Stop services until they are resumed; disks and variables stay.")
    parser.set_defaults(run=suspend)
    parser = add_command(commands, "resume", "Start suspended services, which deploys them.")
    add_wait(parser)
    parser.set_defaults(run=resume)


def suspend(session: Session) -> int:
    """Suspend what is not suspended."""
    for service in session.named_services:
        if service.is_suspended:
            print(f"{service.name} is suspended already")
            continue
        session.api.services.suspend(service.id)
        print(f"{service.name} is suspended; `resume --service {service.name}` starts it again")
    return 0


def resume(session: Session) -> int:
    """Resume what is suspended by a user, and wait for the deploys that this starts."""
    started = []
    for service in session.named_services:
        if not service.is_suspended:
            print(f"{service.name} is not suspended")
            continue
        suspenders = set(service.answer.get("suspenders") or []) - {"user"}
        if suspenders:
            raise WrongUsage(
                f"{service.name} was suspended by {', '.join(sorted(suspenders))}, which no call takes back;"
                " see the dashboard, under Billing first"
            )
        before = session.api.deploys.latest(service.id)
        session.api.services.resume(service.id)
        deploy = session.api.deploys.latest(service.id)
        if deploy and (before is None or deploy["id"] != before["id"]):
            started.append(Watched(service, deploy))
        print(f"{service.name} is resumed")
    return finish(session, started)
