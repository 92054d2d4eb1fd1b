"""Logs, metrics, events and log streams."""

from __future__ import annotations

from typing import Any

import pytest

from infra.render.api.client import RenderApi
from infra.render.api.errors import NotFound
from tests.standins.render import deploys
from tests.standins.render.server import Server
from tests.support.render import FakeTime

pytestmark = pytest.mark.usefixtures("only_documented_fields")


def test_log_streams(api: RenderApi, service_id: str) -> None:
    owner = str(api.owner)
    api.log_streams.set_owner(owner, {"endpoint": "logs.example:6514", "token": "t", "preview": "drop"})
    assert api.log_streams.of_owner(owner)["endpoint"] == "logs.example:6514"
    api.log_streams.delete_owner(owner)

    api.log_streams.set_resource(service_id, {"setting": "drop"})
    assert api.log_streams.of_resource(service_id)["setting"] == "drop"
    api.log_streams.delete_resource(service_id)
    with pytest.raises(NotFound, match=f"not found: {service_id}"):
        api.log_streams.of_resource(service_id)


def test_events(api: RenderApi, service_id: str) -> None:
    api.services.restart(service_id)

    assert [one["type"] for one in api.events.all(service_id)] == ["server_restarted", "deploy_started"]


def logged(render: Server, service_id: str, fake_time: FakeTime, *messages: str, **more: Any) -> None:
    for message in messages:
        fake_time.now_s += 1
        deploys.log(
            render.state,
            render.state.service(service_id),
            more.get("kind", "app"),
            message,
            **{name: value for name, value in more.items() if name != "kind"},
        )


def test_the_latest_lines_come_oldest_first(
    api: RenderApi, render: Server, service_id: str, fake_time: FakeTime
) -> None:
    logged(render, service_id, fake_time, *map(str, range(250)))

    lines = api.logs.latest(str(api.owner), [service_id], 130, type="app")

    assert [line.message for line in lines] == [str(number) for number in range(120, 250)]
    assert lines[0].labels["type"] == "app"


def test_lines_are_filtered(api: RenderApi, render: Server, service_id: str, fake_time: FakeTime) -> None:
    logged(render, service_id, fake_time, "fine", "Out of memory", kind="app", level="error")
    logged(render, service_id, fake_time, "building", kind="build")

    owner, resources = str(api.owner), [service_id]
    assert [one.message for one in api.logs.latest(owner, resources, 9, text="memory")] == ["Out of memory"]
    assert [one.message for one in api.logs.latest(owner, resources, 9, type=["build"])][-1:] == ["building"]
    assert api.logs.values(owner, resources, "type") == ["app", "build"]


def test_following_shows_each_line_once_and_later_ones_too(
    api: RenderApi, render: Server, service_id: str, fake_time: FakeTime
) -> None:
    render.state.logs.clear()
    start_s = fake_time.now_s
    logged(render, service_id, fake_time, "one", "two")
    rounds = iter([["three"], ["four", "five"], [], None])

    def go_on() -> bool:
        new = next(rounds)
        if new is not None:
            logged(render, service_id, fake_time, *new)
        return new is not None

    lines = api.logs.follow(str(api.owner), [service_id], start_s=start_s, go_on=go_on)

    assert [line.message for line in lines] == ["one", "two", "three", "four", "five"]


def test_metrics(api: RenderApi, render: Server, service_id: str, fake_time: FakeTime) -> None:
    render.state.metrics["cpu", service_id] = [(fake_time.now_s - age, 0.5) for age in (300, 200, 100)]

    [series] = api.metrics.series("cpu", service_id, start_s=fake_time.now_s - 250, end_s=fake_time.now_s)

    assert [one["value"] for one in series["values"]] == [0.5, 0.5]
    assert series["unit"] == "cpu"
    assert api.metrics.series("memory", service_id, start_s=0, end_s=fake_time.now_s) == []


def test_a_page_of_lines_that_leads_to_itself_is_the_last(
    api: RenderApi, service_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []

    def page(path: str, /, **params: Any) -> Any:
        asked.append(params)
        return {"hasMore": True, "nextStartTime": "2027-01-01T00:00:00Z", "nextEndTime": None, "logs": []}

    monkeypatch.setattr(api, "get_repeated", page)

    assert list(api.logs.since(str(api.owner), [service_id], 0)) == []
    assert len(asked) == 2
