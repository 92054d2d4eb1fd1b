"""`rollback`: clients get an earlier release again, exactly as it was.

The `pulumi up` that does it still builds the checkout's bundle and puts that into the function's LATEST, which no
client reaches, and into the jobs, which have no releases.
"""

from __future__ import annotations

from typing import Any

from infra.aliyun.deployed.releases import rolled_back
from infra.aliyun.driver.releasing import add_options, carry_out
from infra.aliyun.driver.session import Session, add_command
from infra.command_line import Commands, filled


def add(commands: Commands[Any]) -> None:
    """Declare `rollback`."""
    parser = add_command(commands, "rollback", "Give all requests to an earlier release; what serves now is kept.")
    parser.add_argument(
        "release", nargs="?", type=filled, metavar="RELEASE", help="Its name (default: the one before that serves)."
    )
    add_options(parser)
    parser.set_defaults(run=run)


def run(session: Session) -> int:
    """Go back; 1 when the memory does not work afterwards."""
    wanted = rolled_back(session.outputs, session.args.release, session.args.keep)
    return carry_out(session, wanted, f"Give {wanted.serving} all requests?", lambda after: after)
