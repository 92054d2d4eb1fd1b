"""`logs`: which lines are shown, and what is hidden in them."""

from __future__ import annotations

import json

import pytest

from tests.standins.render import deploys
from tests.standins.render.server import Server
from tests.support.render import FakeTime
from tests.support.render_stack import (
    DATABASE,
    EMBEDDING,
    KEY,
    Drive,
    Stack,
)


@pytest.fixture
def written(stack: Stack, render: Server, fake_time: FakeTime) -> Stack:
    """Some lines of two services, a second apart."""
    render.state.logs.clear()
    for role, kind, level, message in (
        ("web", "build", "info", "==> Building"),
        ("web", "app", "info", "listening on http://0.0.0.0:10000"),
        ("worker", "app", "error", "the worker was killed; it starts again in 5 s"),
        ("web", "request", "info", "[GET]200 memory.example/health responseBytes=120"),
    ):
        fake_time.now_s += 1
        deploys.log(render.state, stack.services[role], kind, message, level=level)
    return stack


def messages(drive: Drive, *arguments: str) -> list[str]:
    ran = drive("logs", "--json", *arguments)
    assert ran.status == 0, ran.err
    return [json.loads(line)["message"] for line in ran.out.splitlines()]


def test_the_last_lines_of_all_services_come_oldest_first(written: Stack, drive: Drive) -> None:
    ran = drive("logs")

    lines = ran.out.splitlines()
    assert [line.split(" ", 3)[1:3] for line in lines] == [
        ["claude-memory-web", "[build]"],
        ["claude-memory-web", "[app]"],
        ["claude-memory-worker", "[app]"],
        ["claude-memory-web", "[request]"],
    ]
    assert lines[1].endswith("listening on http://0.0.0.0:10000")
    assert lines[1].startswith("2027-01-15T")


@pytest.mark.parametrize(
    ("arguments", "count"),
    [
        pytest.param(["--kind", "app"], 2, id="kind"),
        pytest.param(["--kind", "app", "--kind", "build"], 3, id="two kinds"),
        pytest.param(["--level", "error"], 1, id="level"),
        pytest.param(["--text", "listening"], 1, id="text"),
        pytest.param(["--service", "worker"], 1, id="service"),
        pytest.param(["--lines", "2"], 2, id="the last two"),
        pytest.param(["--since", "2s"], 3, id="the last two seconds"),
        pytest.param(["--instance", "srv-other"], 0, id="instance"),
    ],
)
def test_a_filter_leaves_lines_out(arguments: list[str], count: int, written: Stack, drive: Drive) -> None:
    assert len(messages(drive, *arguments)) == count


def test_lines_older_than_an_hour_are_found(written: Stack, drive: Drive, fake_time: FakeTime) -> None:
    fake_time.now_s += 3 * 3600

    assert len(messages(drive)) == 4


def test_more_lines_than_a_page_come_without_a_gap(stack: Stack, drive: Drive, render: Server) -> None:
    render.state.logs.clear()
    for number in range(250):
        deploys.log(render.state, stack.services["web"], "app", f"line {number}")
        render.state.logs[-1]["timestamp"] = f"2027-01-15T07:{number // 60:02}:{number % 60:02}.000000Z"

    assert messages(drive, "--lines", "220") == [f"line {number}" for number in range(30, 250)]


def test_services_in_two_regions_are_asked_apart(written: Stack, drive: Drive, render: Server) -> None:
    written.services["worker"].details["region"] = "oregon"

    assert len(messages(drive)) == 4
    asked = [one.query["resource"] for one in render.requests if one.path == "/logs"]
    assert [written.services["worker"].id] in asked


def test_the_lines_of_a_deploy_are_those_of_its_time(stack: Stack, drive: Drive, fake_time: FakeTime) -> None:
    fake_time.now_s += 600
    old = stack.services["web"].deploys[-1]["id"]
    stack.services["web"].outcomes.append("build_failed")
    stack.deploy("web")
    fake_time.now_s += 600
    stack.deploy("worker")

    assert messages(drive, "--service", "web", "--kind", "deploy") == ["==> build_in_progress", "==> build_failed"]
    assert messages(drive, "--service", "web", "--deploy", old) == [
        "==> build_in_progress",
        "==> update_in_progress",
        "==> live",
    ]


def test_secrets_and_control_characters_are_taken_out(stack: Stack, drive: Drive, render: Server) -> None:
    render.state.logs.clear()
    said = f"connects to {DATABASE} with {EMBEDDING}, {KEY}; password pw-81f05c2d"
    deploys.log(render.state, stack.services["web"], "app", f"\x1b[31m{said}\x1b[0m\x1b]0;title\x07\a [bold]x[/bold]")

    (message,) = messages(drive)
    assert message == "connects to *** with ***, ***; password ***0;title [bold]x[/bold]"
    assert "\x1b" not in drive("logs").out


def test_following_does_not_go_with_the_lines_of_a_deploy(stack: Stack, drive: Drive) -> None:
    assert drive("logs", "--follow", "--kind", "deploy").status == 2


def test_a_deploy_is_named_with_its_service(stack: Stack, drive: Drive) -> None:
    assert "name one --service" in drive("logs", "--deploy", "dep-1").err


def test_that_no_line_fits_is_said(stack: Stack, drive: Drive) -> None:
    ran = drive("logs", "--text", "nothing like this")

    assert (ran.status, ran.out, ran.err) == (0, "", "no line fits in the last 7 days; see --since\n")
