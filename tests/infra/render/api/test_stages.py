"""The stages of a deploy have words, and are looked at often at first."""

from __future__ import annotations

from itertools import islice

from infra.render.api.deploys import FAILED, LIVE, RUNNING, WAITING
from infra.render.api.stages import FAILED_WHILE, STAGES, pauses


def test_every_stage_that_is_not_an_end_has_words_and_so_has_every_failure() -> None:
    assert set(STAGES) == {*WAITING, *RUNNING, LIVE}
    assert set(FAILED_WHILE) == FAILED


def test_pauses_grow_to_five_seconds_and_go_on() -> None:
    waited = list(islice(pauses(), 100))

    assert waited == sorted(waited)
    assert (waited[0], waited[-1]) == (1, 5)
