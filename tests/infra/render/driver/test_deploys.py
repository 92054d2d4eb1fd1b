"""`deploys`: the last ones of each service."""

from __future__ import annotations

from tests.support.render import FakeTime
from tests.support.render_stack import (
    Drive,
    Stack,
)


def test_the_last_deploys_are_listed_newest_first(stack: Stack, drive: Drive, fake_time: FakeTime) -> None:
    fake_time.now_s += 60
    stack.services["web"].outcomes.append("update_failed")
    stack.deploy("web")

    ran = drive("deploys", "--service", "web")
    assert ran.status == 0
    assert ran.said.index("update_failed 59bb072 Initial commit api 2027-01-15 08:01") < ran.said.index("new_commit")
    assert len(drive("deploys", "--service", "web", "--limit", "1", "--json").json) == 1
