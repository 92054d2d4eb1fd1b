"""What `pulumi up` shows at its end."""

from __future__ import annotations

import pulumi
import pytest

from infra.plan import declared, plan_of
from infra.selfhost import program, summary
from infra.selfhost.config import Hosts
from infra.selfhost.engine_calls import DockerHost
from infra.selfhost.mock_outputs import mock_outputs
from infra.selfhost.state import State
from tests.support.engine_answers import WATCHDOG, AnsweringHost, container, monitored
from tests.support.stacks import selfhost_values

SERVICES = ("app-1", "app-worker", "postgres", "prometheus")


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> AnsweringHost:
    made = AnsweringHost(
        containers=[container(name) for name in SERVICES], said={**monitored(WATCHDOG), "backups list": "[]"}
    )
    monkeypatch.setattr(DockerHost, "all_of", lambda _: [made])
    return made


def test_it_is_a_line_for_each_thing_and_the_command_that_shows_more(host: AnsweringHost) -> None:
    lines = summary.summary(Hosts(), "production", None).splitlines()

    assert lines[0] == "stack production; `python -m infra.selfhost status --stack production` shows more"
    assert "  ok       services: 4 of 4 healthy" in lines
    assert "  warning  backup: none yet" in lines


def test_a_container_that_was_just_replaced_counts_as_nothing(host: AnsweringHost) -> None:
    host.containers.append(container("app-1", Id="old", Created="2020", State={"Status": "exited"}))

    said = summary.summary(Hosts(), "production", None)
    assert "services: 4 of 4 healthy" in said
    assert "twice" not in said


def test_what_others_wrote_stays_on_its_line(host: AnsweringHost) -> None:
    labels = {"alertname": "A", "severity": "warning"}
    alert = {"labels": labels, "annotations": {"summary": "two\nlines\x1b[2J"}, "state": "firing"}
    host.said.update(monitored(WATCHDOG, alert))

    assert "  warning  alert A: two\\nlines\\u001b[2J" in summary.summary(Hosts(), "production", None).splitlines()


@pytest.mark.parametrize(("preview", "shown"), [(False, 1), (True, 0)])
def test_an_update_shows_it_once_and_a_preview_does_not(
    host: AnsweringHost, monkeypatch: pytest.MonkeyPatch, preview: bool, shown: int
) -> None:
    said: list[str] = []
    monkeypatch.setattr(pulumi.log, "info", lambda text, *_: said.append(text))
    monkeypatch.setattr(pulumi.runtime, "is_dry_run", lambda: preview)
    monkeypatch.setattr(program, "check_engines", lambda _: None)
    monkeypatch.setattr(program, "heal", lambda *_: State())

    declared("test", lambda: program.run(selfhost_values()), mock_outputs)

    assert len([text for text in said if "services: 4 of 4 healthy" in text]) == shown


def test_nothing_of_it_runs_where_a_plan_is_made(host: AnsweringHost) -> None:
    plan_of(selfhost_values())

    assert host.asked == []
