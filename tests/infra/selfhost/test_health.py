"""Health checks: the command and its timing as the provider takes them."""

from __future__ import annotations

import json
import re
from pathlib import Path

from infra.selfhost.health import Health, app_check, wget


def test_a_check_runs_its_command_without_a_shell() -> None:
    assert Health(command=["pg_isready", "--host", "127.0.0.1"]).args().tests == [
        "CMD",
        "pg_isready",
        "--host",
        "127.0.0.1",
    ]


def test_times_have_a_unit() -> None:
    given = Health(command=["true"], every_s=7, timeout_s=2, retries=4, start_s=9).args()

    assert (given.interval, given.timeout, given.retries, given.start_period) == ("7s", "2s", 4, "9s")


def test_a_failed_container_is_noticed_within_half_a_minute() -> None:
    health = Health(command=["true"])

    assert (health.every_s + health.timeout_s) * health.retries <= 30
    assert health.start_s < 60, "the time in which a service must become healthy"


def test_an_http_check_asks_the_container_itself() -> None:
    assert wget(9090, "/-/ready").command[-1] == "http://127.0.0.1:9090/-/ready"
    assert app_check(8000, "/ready").command[-1] == "http://127.0.0.1:8000/ready"


def test_the_apps_check_is_the_one_of_its_image_and_starts_python_with_nothing_else() -> None:
    recipe = (Path(__file__).parents[3] / "app" / "Dockerfile").read_text(encoding="utf-8")
    [own] = re.findall(r"^ +CMD (\[.*healthcheck.*\])$", recipe, re.MULTILINE)

    assert app_check(8000, "/ready").command == json.loads(own)
    assert json.loads(own)[:3] == ["python3", "-I", "-S"]
