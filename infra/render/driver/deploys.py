"""`deploys`: the last deploys of each service."""

from __future__ import annotations

from itertools import islice
from typing import Any

from infra.command_line import Commands, add_json, count, print_json
from infra.render.deployed.revisions import revision, took, when
from infra.render.driver.common import Session, add_command
from infra.tables import print_table

_SHOWN = 10


def add(commands: Commands[Any]) -> None:
    """Declare `deploys`."""
    parser = add_command(commands, "deploys", "List the last deploys, newest first.")
    parser.add_argument(
        "--limit", type=count, default=_SHOWN, metavar="N", help=f"At most N of each service (default: {_SHOWN})."
    )
    add_json(parser)
    parser.set_defaults(run=run)


def run(session: Session) -> int:
    """Print them."""
    found = [
        (service, deploy)
        for service in session.services
        for deploy in islice(session.api.deploys.all(service.id), session.args.limit)
    ]
    if session.args.json:
        print_json(
            [
                {
                    "service": service.name,
                    "id": deploy["id"],
                    "status": deploy["status"],
                    "trigger": deploy.get("trigger"),
                    "runs": revision(deploy),
                    "createdAt": deploy.get("createdAt"),
                    "finishedAt": deploy.get("finishedAt"),
                }
                for service, deploy in found
            ]
        )
        return 0
    rows = [
        (
            service.name,
            str(deploy["id"]),
            str(deploy["status"]),
            revision(deploy),
            str(deploy.get("trigger") or "-"),
            when(deploy.get("createdAt")),
            took(deploy),
        )
        for service, deploy in found
    ]
    print_table(("service", "deploy", "status", "runs", "by", "at (UTC)", "took"), rows)
    return 0
