"""`scale`: a fixed number, autoscaling, and what cannot be scaled."""

from __future__ import annotations

import pytest

from tests.standins.render.server import Server
from tests.support.render_stack import (
    Drive,
    Stack,
)

CPU_ONLY = {"cpu": {"enabled": True, "percentage": 70}, "memory": {"enabled": False, "percentage": 70}}


def test_a_number_of_instances_is_set(stack: Stack, drive: Drive) -> None:
    ran = drive("scale", "3", "--service", "web")

    assert (ran.status, stack.services["web"].details["numInstances"]) == (0, 3)
    assert ran.out == "claude-memory-web: 3 instances; the next `pulumi up` sets what the stack says\n"


def test_a_number_ends_autoscaling_which_would_ignore_it(stack: Stack, drive: Drive) -> None:
    web = stack.services["web"]
    web.details["autoscaling"] = {"enabled": True, "min": 1, "max": 3, "criteria": CPU_ONLY}

    assert drive("scale", "2", "--service", "web").status == 0
    assert ("autoscaling" in web.details, web.details["numInstances"]) == (False, 2)


def test_autoscaling_is_turned_on_by_cpu(stack: Stack, drive: Drive) -> None:
    ran = drive("scale", "--min", "1", "--max", "3", "--service", "web")

    assert stack.services["web"].details["autoscaling"] == {"enabled": True, "min": 1, "max": 3, "criteria": CPU_ONLY}
    assert "1 to 3 instances, by CPU over 70 %" in ran.out


def test_what_is_not_given_of_autoscaling_stays(stack: Stack, drive: Drive) -> None:
    web = stack.services["web"]
    web.details["autoscaling"] = {"enabled": True, "min": 2, "max": 5, "criteria": CPU_ONLY}

    ran = drive("scale", "--memory", "80", "--cpu", "off", "--service", "web", "--json")
    criteria = {"cpu": {"enabled": False, "percentage": 70}, "memory": {"enabled": True, "percentage": 80}}
    assert ran.json["autoscaling"] == web.details["autoscaling"]
    assert web.details["autoscaling"] == {"enabled": True, "min": 2, "max": 5, "criteria": criteria}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        pytest.param([], "give a number of instances", id="nothing"),
        pytest.param(["2", "--max", "3"], "give a number of instances", id="both"),
        pytest.param(["--min", "2"], "give --max", id="no maximum"),
        pytest.param(["--min", "4", "--max", "3"], "is over", id="min over max"),
        pytest.param(["--max", "3", "--cpu", "off"], "neither --cpu nor --memory", id="nothing decides"),
        pytest.param(["--max", "3", "--cpu", "95"], "takes 1 to 90", id="target too high"),
        pytest.param(["101"], "at most 100", id="too many"),
        pytest.param(["0"], "takes a number over 0", id="none"),
        pytest.param(["2", "--service", "backup"], "name one --service", id="two services"),
    ],
)
def test_wrong_usage_of_scale_changes_nothing(
    arguments: list[str], said: str, stack: Stack, drive: Drive, render: Server
) -> None:
    ran = drive("scale", "--service", "web", *arguments)

    assert (ran.status, said in ran.err, render.changes()) == (2, True, []), ran.err


@pytest.mark.parametrize(
    ("role", "details", "said"),
    [
        pytest.param("backup", {}, "has no instances", id="cron job"),
        pytest.param("web", {"plan": "free"}, "free plan", id="free"),
        pytest.param("qdrant", {"disk": {"id": "dsk-1"}}, "has a disk", id="disk"),
    ],
)
def test_what_cannot_have_more_instances_is_told_before_a_call(
    role: str, details: dict[str, object], said: str, stack: Stack, drive: Drive, render: Server
) -> None:
    stack.services[role].details.update(details)

    ran = drive("scale", "2", "--service", role)
    assert (ran.status, said in ran.err, render.changes()) == (2, True, [])
