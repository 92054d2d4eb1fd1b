"""A memory used for real over /mcp and /sse, and the report of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from app.endpoints import MCP, SSE
from infra.aliyun.deployed.conversation import Conversation, NoConversation, OverHttp, OverSse
from infra.aliyun.deployed.round_trip import Step, walk
from infra.aliyun.driver.session import Session
from infra.tables import print_table

WAYS: dict[str, Callable[[str, str | None], Conversation]] = {"mcp": OverHttp, "sse": OverSse}
PATHS = {"mcp": MCP, "sse": SSE}


@dataclass
class Trip:
    """A round trip over one way. error: why it did not go through; empty when it did."""

    way: str
    url: str
    steps: list[Step] = field(default_factory=list)
    error: str = ""

    @property
    def ok(self) -> bool:
        """Whether it went through."""
        return not self.error


def both_ways(session: Session, url: str, token: str | None, ways: Sequence[str] = tuple(WAYS)) -> list[Trip]:
    """Use the memory over each way, telling each step."""
    return [_trip(session, way, url, token) for way in ways]


def _trip(session: Session, way: str, url: str, token: str | None) -> Trip:
    trip = Trip(way, f"{url}{PATHS[way]}")
    session.say(f"{trip.url}")
    try:
        for step in walk(lambda: WAYS[way](url, token)):
            session.say(f"  {step.seconds * 1000:7.0f} ms  {step.what}: {step.found}")
            trip.steps.append(step)
    except NoConversation as error:
        trip.error = session.hider.clean(str(error))
    return trip


def report(trips: Sequence[Trip]) -> None:
    """Print a line for each way, and its error."""
    if not trips:
        return
    rows = []
    for trip in trips:
        total_s = sum(step.seconds for step in trip.steps)
        found = trip.error or f"{len(trip.steps)} steps in {total_s:.2f} s"
        rows.append(("ok" if trip.ok else "failed", trip.url, found))
    print_table(("", "address", "found"), rows)
