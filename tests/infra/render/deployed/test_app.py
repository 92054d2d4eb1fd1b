"""The deployed app over HTTP: what is asked, and what is said of answers that are none."""

from __future__ import annotations

import pytest

from infra.render.deployed.app import AppFailed, RoundTrip
from infra.render.deployed.app import DeployedApp as Client
from tests.standins.render.app import DeployedApp
from tests.support.render import FakeTime
from tests.support.render_stack import (
    TOKEN,
    Drive,
    Stack,
    findings,
)

pytestmark = pytest.mark.usefixtures("checkout")


@pytest.mark.parametrize(
    ("status", "said"),
    [(502, "answered 502 with nothing (zero length)"), (200, "answered 200 with nothing (zero length)")],
)
def test_an_answer_of_zero_length_is_told(status: int, said: str, stack: Stack, app: DeployedApp, drive: Drive) -> None:
    app.broken = status

    assert said in findings(drive, status=1)["the app"]["found"]


def test_an_app_that_cannot_be_reached_is_told(stack: Stack, app: DeployedApp, drive: Drive) -> None:
    stack.services["web"].details["url"] = "http://127.0.0.1:1"

    assert "does not answer (ConnectionError)" in findings(drive, status=1)["the app"]["found"]


def test_the_address_is_the_first_domain_where_renders_own_is_off(stack: Stack, app: DeployedApp, drive: Drive) -> None:
    web = stack.services["web"]
    web.details["renderSubdomainPolicy"] = "disabled"
    assert "no domain is verified" in drive("doctor").err

    domain = {"id": "cdm-1", "name": "memory.example", "verificationStatus": "verified"}
    web.domains.append(domain | {"createdAt": "2026-01-01T00:00:00Z"})
    assert "https://memory.example does not answer" in drive("doctor", "--service", "web").said


def test_a_token_goes_nowhere_in_clear(stack: Stack, app: DeployedApp, drive: Drive) -> None:
    ran = drive("doctor", "--url", "http://memory.example")

    assert (ran.status, "must begin with https://" in ran.err) == (2, True)


def test_what_the_app_answers_is_told_apart(stack: Stack, app: DeployedApp) -> None:
    asked = Client(app.url, TOKEN)

    assert asked.health()["status"] == "ok"
    assert asked.is_ready()
    assert asked.knows_token()
    assert not Client(app.url, "cm_other").knows_token()
    assert asked.report()["python"]
    assert asked.round_trips(["test_postgres"]) == {"test_postgres": RoundTrip(True, "answered")}
    app.accepted["DATABASE_URL"] = set()
    assert not asked.is_ready()


def test_a_refusal_has_its_status_and_the_apps_own_words(stack: Stack, app: DeployedApp) -> None:
    with pytest.raises(AppFailed, match="answered 401: the access token is not valid") as failure:
        Client(app.url, None).report()

    assert failure.value.status == 401


def test_the_token_is_in_no_error_and_no_representation(stack: Stack, app: DeployedApp) -> None:
    app.tokens.clear()
    asked = Client(app.url, TOKEN)
    with pytest.raises(AppFailed) as failure:
        asked.report()

    assert TOKEN not in f"{asked!r} {failure.value!r} {failure.value.__cause__!r}"


def test_only_a_process_that_began_after_a_moment_counts(stack: Stack, app: DeployedApp, fake_time: FakeTime) -> None:
    asked, clock = Client(app.url, TOKEN), fake_time.clock
    fake_time.now_s += 100
    since_s = fake_time.now()
    with pytest.raises(AppFailed, match="the process from before the deploy still answers, 60 s after"):
        asked.wait_for_process_since(since_s, clock, 60)

    app.began_s = fake_time.now()
    fake_time.now_s += 5
    assert asked.wait_for_process_since(since_s, clock, 60)["uptime_seconds"] == 5
