"""`rollback`: what an earlier deploy ran goes live again, without a build."""

from __future__ import annotations

from typing import Any

from infra.command_errors import CannotDo, WrongUsage
from infra.command_line import Commands, add_json, filled
from infra.render.api.deploys import DEACTIVATED, LIVE
from infra.render.deployed.choosing import Json, Service
from infra.render.deployed.revisions import deploy_named, revision
from infra.render.deployed.waiting import Watched
from infra.render.driver.common import Session, add_command
from infra.render.driver.deploying import add_wait, finish


def add(commands: Commands[Any]) -> None:
    """Declare `rollback`."""
    parser = add_command(commands, "rollback", "Deploy again what ran before, without a build. Variables stay as now.")
    parser.add_argument(
        "--to", type=filled, metavar="ID", help="The deploy to go back to (default: what was live before)."
    )
    add_wait(parser)
    add_json(parser)
    parser.set_defaults(run=run)


def run(session: Session) -> int:
    """Roll one service back."""
    service = session.one_service
    if service.is_suspended:
        raise WrongUsage(f"{service.name} is suspended; `resume --service {service.name}` first")
    target = _target(session, service)
    session.say(f"{service.name}: back to {target['id']} ({revision(target)})")
    deploy = session.api.deploys.rollback(service.id, target["id"])
    if service.answer.get("autoDeploy") == "yes":
        session.say(f"{service.name}: deploys of new commits stay on, so the next commit goes live again")
    return finish(session, [Watched(service, deploy)])


def _target(session: Session, service: Service) -> Json:
    wanted = session.args.to
    if wanted is not None:
        deploy = deploy_named(session.api, service, wanted, "--to")
        if deploy["status"] not in (LIVE, DEACTIVATED):
            raise WrongUsage(f"--to {wanted}: is {deploy['status']} and was never live; `deploys` lists which were")
        return deploy
    earlier = next(session.api.deploys.all(service.id, status=DEACTIVATED), None)
    if earlier is None:
        raise CannotDo(f"{service.name} has no deploy that was live before the present one")
    return earlier
