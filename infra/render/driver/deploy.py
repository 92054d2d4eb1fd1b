"""`deploy`: what was saved, or the newest commit or image, goes live."""

from __future__ import annotations

from argparse import Namespace
from typing import Any

from infra.command_errors import WrongUsage
from infra.command_line import Commands, add_json, filled, print_json
from infra.render.api.deploys import Mode
from infra.render.deployed.choosing import Json, Service
from infra.render.deployed.waiting import Watched
from infra.render.driver.common import Session, add_command
from infra.render.driver.deploying import add_wait, finish

SAVE = "save"
# What a command says, and the API's word for it.
MODES: dict[str, Mode] = {"deploy": "deploy_only", "rebuild": "build_and_deploy"}


def add(commands: Commands[Any]) -> None:
    """Declare `deploy`."""
    parser = add_command(commands, "deploy", "Deploy, and wait until it is live.")
    parser.add_argument(
        "--mode",
        choices=(SAVE, *MODES),
        help="save: keep --image or --branch for the next deploy; deploy: what was built last, with the variables as"
        " they are now; rebuild: build anew first. Default: rebuild from a repository, deploy of an image.",
    )
    parser.add_argument("--image", type=filled, metavar="REF", help="Run this image from now on.")
    parser.add_argument("--branch", type=filled, metavar="NAME", help="Build this branch from now on.")
    parser.add_argument("--commit", type=filled, metavar="SHA", help="Build this commit, once.")
    parser.add_argument("--clear-cache", action="store_true", help="Build without what earlier builds left.")
    add_wait(parser)
    add_json(parser)
    parser.set_defaults(run=run)


def run(session: Session) -> int:
    """Save what is given, then deploy."""
    args = session.args
    services = session.named_services
    _check(session, services)
    for service in services:
        body = _body(session, service)
        if body:
            session.api.services.update(service.id, body)
            session.say(f"{service.name}: saved")
    if args.mode == SAVE:
        if args.json:
            print_json([{"service": one.name, "saved": _given(args)} for one in services])
        else:
            print("saved; the next deploy takes it")
        return 0
    return finish(session, [Watched(service, _started(session, service)) for service in services])


def _given(args: Namespace) -> Json:
    return {name: getattr(args, name) for name in ("image", "branch") if getattr(args, name)}


def _started(session: Session, service: Service) -> Json:
    args = session.args
    if args.commit or args.clear_cache:
        return session.api.deploys.start(service.id, commit_id=args.commit, clear_cache=args.clear_cache or None)
    mode = args.mode or ("deploy" if service.is_image else "rebuild")
    return session.api.deploys.start(service.id, mode=MODES[mode])


def _body(session: Session, service: Service) -> Json:
    """Return what is to be saved."""
    body: Json = {}
    if session.args.image:
        image = {"ownerId": session.owner, "imagePath": session.args.image}
        credential = service.answer.get("registryCredential")
        body["image"] = image | ({"registryCredentialId": credential["id"]} if credential else {})
    if session.args.branch:
        body["branch"] = session.args.branch
    return body


def _check(session: Session, services: list[Service]) -> None:
    """Raise WrongUsage before anything is changed."""
    args = session.args
    if args.mode == SAVE and not (args.image or args.branch):
        raise WrongUsage("--mode save: nothing to save; give --image or --branch (variables: `env set`)")
    if args.mode in (SAVE, "deploy") and (args.commit or args.clear_cache):
        raise WrongUsage(f"--commit and --clear-cache build anew, and --mode {args.mode} does not; use --mode rebuild")
    for service in services:
        if args.image and not service.is_image:
            raise WrongUsage(f"--image: {service.name} is built from a repository; use --branch or --commit")
        if (args.branch or args.commit) and service.is_image:
            raise WrongUsage(f"{service.name} runs an image; use --image")
        if args.mode == "rebuild" and service.is_image:
            raise WrongUsage(
                f"--mode rebuild: {service.name} runs an image, which is built elsewhere; use --mode deploy"
            )
        if service.is_suspended and args.mode != SAVE:
            raise WrongUsage(f"{service.name} is suspended; `resume --service {service.name}` starts and deploys it")
