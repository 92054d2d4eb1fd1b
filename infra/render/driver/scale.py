"""`scale`: a fixed number of instances, or as many as CPU and memory ask for."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError
from typing import Any

from app.counted import counted
from infra.command_errors import WrongUsage
from infra.command_line import Commands, add_json, count, print_json
from infra.render.deployed.choosing import CRON, STATIC, Json, Service
from infra.render.driver.common import Session, add_command

MOST = 100
_PERCENT = 70  # of CPU, where autoscaling is new and no target is given


def add(commands: Commands[Any]) -> None:
    """Declare `scale`."""
    parser = add_command(commands, "scale", "Set the number of instances, or let CPU and memory decide it.")
    parser.add_argument("instances", nargs="?", type=count, metavar="N", help="A fixed number; ends autoscaling.")
    parser.add_argument("--min", type=count, metavar="N", help="Autoscaling: at least so many.")
    parser.add_argument("--max", type=count, metavar="N", help="Autoscaling: at most so many.")
    _add_targets(parser)
    add_json(parser)
    parser.set_defaults(run=run)


def _add_targets(parser: ArgumentParser) -> None:
    for name, what in (("cpu", "CPU"), ("memory", "memory")):
        about = f"Autoscaling: more instances above this share of {what}, 1 to 90; off: whatever it is."
        parser.add_argument(f"--{name}", type=_percentage, metavar="PERCENT", help=about)


def _percentage(value: str) -> int:
    """Take a share in percent; 0 stands for off."""
    if value == "off":
        return 0
    if not (value.isdecimal() and 1 <= int(value) <= 90):
        raise ArgumentTypeError(f"got {value[:40]!r}, takes 1 to 90, or off")
    return int(value)


def run(session: Session) -> int:
    """Scale one service."""
    args, service = session.args, session.one_service
    automatic = [name for name in ("min", "max", "cpu", "memory") if getattr(args, name) is not None]
    if (args.instances is None) == (not automatic):
        raise WrongUsage("give a number of instances, or --min and --max")
    before = service.details.get("autoscaling") or {}
    settings = _settings(session, before) if automatic else {}
    _check(service, max(args.instances or 1, settings.get("max", 1)), bool(automatic))
    if automatic:
        session.api.services.autoscale(service.id, settings)
        done = f"{settings['min']} to {settings['max']} instances, by {_targets(settings)}"
    else:
        if before.get("enabled"):
            session.api.services.stop_autoscaling(service.id)
            session.say(f"{service.name}: autoscaling ends")
        session.api.services.scale(service.id, args.instances)
        done = counted(args.instances, "instance")
    if args.json:
        print_json({"service": service.name, "instances": args.instances, "autoscaling": settings or None})
    else:
        print(f"{service.name}: {done}; the next `pulumi up` sets what the stack says")
    return 0


def _settings(session: Session, before: Json) -> Json:
    """Return all of autoscaling: what is not given stays."""
    args = session.args
    low, high = args.min or before.get("min") or 1, args.max or before.get("max")
    if high is None:
        raise WrongUsage("autoscaling is off; give --max to turn it on")
    if low > high:
        raise WrongUsage(f"--min {low} is over --max {high}")
    old = before.get("criteria") or {"cpu": {"enabled": True, "percentage": _PERCENT}}
    criteria = {name: _criterion(getattr(args, name), old.get(name) or {}) for name in ("cpu", "memory")}
    if not any(one["enabled"] for one in criteria.values()):
        raise WrongUsage("neither --cpu nor --memory is left to decide; give one, or a number of instances")
    return {"enabled": True, "min": low, "max": high, "criteria": criteria}


def _criterion(given: int | None, before: Json) -> Json:
    if given is None:
        return {"enabled": bool(before.get("enabled")), "percentage": before.get("percentage") or _PERCENT}
    return {"enabled": given > 0, "percentage": given or before.get("percentage") or _PERCENT}


def _targets(settings: Json) -> str:
    on = {name: one["percentage"] for name, one in settings["criteria"].items() if one["enabled"]}
    return " and ".join(f"{'CPU' if name == 'cpu' else name} over {percent} %" for name, percent in on.items())


def _check(service: Service, most: int, automatic: bool) -> None:
    """Raise WrongUsage for what Render would refuse or ignore."""
    if service.type in (CRON, STATIC):
        raise WrongUsage(f"{service.name} is a {service.type.replace('_', ' ')}, which has no instances to scale")
    if most > MOST:
        raise WrongUsage(f"{most} instances: Render runs at most {MOST} of a service")
    if service.details.get("disk") and (most > 1 or automatic):
        raise WrongUsage(f"{service.name} has a disk, and with it one instance")
    if service.details.get("plan") == "free" and (most > 1 or automatic):
        raise WrongUsage(f"{service.name} is on the free plan, and so has one instance")
