"""What `recover`, `up`, `release` and `rollback` do first: take over what an interrupted `pulumi up` made."""

from __future__ import annotations

from infra.aliyun.api.functions import Functions
from infra.aliyun.api.listing import Listing
from infra.aliyun.driver.session import Session
from infra.aliyun.recovery.adopting import adopt
from infra.aliyun.recovery.engine import Engine
from infra.aliyun.recovery.ids import Finder
from infra.aliyun.recovery.recovery import Found, Outcome, recover
from infra.tables import print_table


def recovered(session: Session, *, adopting: bool = False) -> list[Found]:
    """Recover the stack, say so when there was something, and return what it was. Raises ApiError, CannotDo.

    adopting: take over as well what exists under the stack's names without any note of it.
    """

    def finder(region: str, account: str) -> Finder:
        keys, transport = session.keys, session.transport()
        return Finder(
            listing=Listing(keys=keys, region=region, transport=transport),
            functions=Functions(keys=keys, region=region, account_id=account, transport=transport),
        )

    engine = Engine(folder=session.folder, stack=session.stack, say=session.say, sleep=session.sleep)
    found = recover(engine, finder)
    if adopting:
        session.say("looking for what the program would create and exists already")
        found += adopt(engine)
    if found:
        taken = sum(one.outcome is Outcome.TAKEN_OVER for one in found)
        session.say(f"{taken} of {len(found)} are there and in the state now; the next `up` makes the rest")
    return found


def show(found: list[Found]) -> None:
    """Print a line for each thing."""
    print_table(("", "what", "name", "id"), [(str(one.outcome), one.kind, one.name, one.id) for one in found])
