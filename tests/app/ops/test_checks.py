"""A check as `doctor` prints it: a finding warns when there is something to do."""

from __future__ import annotations

import pytest

from app.ops.checks import Check, State
from app.ops.upkeep import Finding


@pytest.mark.parametrize(
    ("remedy", "state"),
    [
        pytest.param(None, State.OK, id="nothing to do"),
        pytest.param("start a worker", State.WARNING, id="something to do"),
    ],
)
def test_a_finding_warns_when_there_is_something_to_do(remedy: str | None, state: State) -> None:
    check = Check.of(Finding("worker", "no worker leads", remedy))

    assert check == Check("worker", state, "no worker leads", remedy)


@pytest.mark.parametrize(
    ("sentence", "found", "remedy"),
    [
        pytest.param("no key; set A, or B; C lets all in", "no key", "set A, or B; C lets all in", id="with a remedy"),
        pytest.param("A: got 1, takes 2", "A: got 1, takes 2", "change A", id="without one"),
    ],
)
def test_a_message_that_says_what_to_do_is_split_there(sentence: str, found: str, remedy: str) -> None:
    assert Check.failed("settings", sentence, "change A") == Check("settings", State.FAILED, found, remedy)


def test_scripts_find_the_remedy_under_the_name_they_know() -> None:
    check = Check("disk", State.FAILED, "full", "free some space")

    assert check.to_json() == {"name": "disk", "state": "failed", "found": "full", "mend": "free some space"}
