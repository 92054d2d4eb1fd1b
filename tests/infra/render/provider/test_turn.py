"""What a step works with: whose workspace, how long it waits, what it keeps when it fails."""

from __future__ import annotations

import threading

import pytest

from infra.render.api.access import Access
from infra.render.api.client import RenderApi
from infra.render.provider.engine_log import Engine, ResourceLog
from infra.render.provider.turn import Memory, ProviderError, Stopped, Turn, Unfinished
from tests.standins.render.server import Server
from tests.support.render import FakeTime

URN = "urn:pulumi:test::test::render:index:EnvGroup::group"


@pytest.fixture
def turn(render: Server, fake_time: FakeTime) -> Turn:
    """A step with a key that names no workspace."""
    api = RenderApi(Access(key=render.key, url=render.url), clock=fake_time.clock)
    return Turn(URN, api, ResourceLog(Engine(""), URN), Memory(), threading.Event())


def test_the_only_workspace_of_a_key_is_the_one_and_is_asked_for_once(turn: Turn, render: Server) -> None:
    assert turn.owner({}) == render.state.owner
    assert turn.owner({}) == render.state.owner
    assert len(render.requests) == 1


def test_the_programs_workspace_goes_before(turn: Turn, render: Server) -> None:
    assert turn.owner({"ownerId": "tea-other"}) == "tea-other"
    assert render.requests == []


def test_of_several_workspaces_none_is_guessed(turn: Turn, monkeypatch: pytest.MonkeyPatch) -> None:
    two = [{"id": "tea-1", "name": "One"}, {"id": "tea-2", "name": "Two"}]
    monkeypatch.setattr(turn.api.owners, "all", lambda: iter(two))

    with pytest.raises(ProviderError, match=r"tea-1 \(One\), tea-2 \(Two\)"):
        turn.owner({})


def test_a_stop_ends_a_wait(turn: Turn) -> None:
    turn.sleep(1)
    turn.stop.set()

    with pytest.raises(Stopped, match="run pulumi up to go on"):
        turn.sleep(1)


@pytest.mark.parametrize("failure", [ProviderError("it broke"), KeyError("a mistake of ours")])
def test_what_was_made_is_kept_whatever_fails_after(turn: Turn, failure: Exception) -> None:
    with pytest.raises(Unfinished) as kept, turn.keeping("id-1", {"a": 1}, {}) as outputs:
        outputs["url"] = "x"
        raise failure

    assert (kept.value.id, kept.value.inputs, kept.value.outputs) == ("id-1", {"a": 1}, {"url": "x"})


def test_a_name_is_that_of_the_program(turn: Turn) -> None:
    assert turn.name == "group"
