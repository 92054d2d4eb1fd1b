"""`status`: the page of a whole stack."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from tests.infra.selfhost.conftest import Ran
from tests.support.engine_answers import DIGEST, WATCHDOG, AnsweringHost, container, monitored

Command = Callable[..., Ran]
SERVICES = (
    *("alertmanager", "alerts", "app-1", "app-2", "app-worker", "data-node", "postgres", "postgres-exporter"),
    *("prometheus", "proxy", "qdrant-1"),
)
GOOD = {**monitored(WATCHDOG), "backups list": "[]"}


def host(*changed: dict[str, Any], without: str = "", said: dict[str, str] | None = None) -> AnsweringHost:
    """Return an engine on which the whole stack runs, but for one service, and with some of another state."""
    others = {one["Config"]["Labels"]["claude-memory.service"].removeprefix("memory-") for one in changed}
    plain = [container(name) for name in SERVICES if name != without and name not in others]
    return AnsweringHost(containers=[*plain, *changed], said={**GOOD, **(said or {})})


def test_a_stack_that_works_is_one_row_for_each_service_and_succeeds(command: Command) -> None:
    ran = command("status", hosts=[host()])

    assert (ran.status, ran.err) == (0, "")
    assert f"postgres data healthy 18.1 {DIGEST[:19]}" in ran.said
    assert "ok services 11 of 11 healthy" in ran.said
    assert "warning backup none yet" in ran.said


def test_for_machines_it_is_json_with_whole_digests(command: Command) -> None:
    shown = command("status", "--json", hosts=[host()]).json

    assert (shown["stack"], shown["ok"]) == ("selfhost", True)
    assert [row["service"] for row in shown["services"]] == sorted(SERVICES)
    assert {row["image"] for row in shown["services"]} == {DIGEST}
    assert {one["what"]: one["state"] for one in shown["findings"]}["orphans"] == "ok"


def test_a_service_that_is_missing_has_a_row_and_fails_the_command(command: Command) -> None:
    ran = command("status", "--json", hosts=[host(without="app-2")])

    assert ran.status == 1
    [row] = [row for row in ran.json["services"] if row["service"] == "app-2"]
    assert (row["state"], row["host"], row["up_s"]) == ("missing", "data", None)


def test_a_service_that_runs_twice_has_two_rows_and_fails_the_command(command: Command) -> None:
    twice = [container("app-1", Id="1"), container("app-1", Id="2")]

    ran = command("status", "--json", hosts=[host(*twice)])

    assert ran.status == 1
    assert [row["service"] for row in ran.json["services"]].count("app-1") == 2
    assert {one["what"]: one["found"] for one in ran.json["findings"]}["orphans"] == "app-1 is there twice"


def test_a_host_that_does_not_answer_fails_the_command_and_nothing_is_said_of_its_services(command: Command) -> None:
    ran = command("status", hosts=[AnsweringHost(away=True)])

    assert ran.status == 1
    assert "Connection refused" in ran.said
    assert "missing" not in ran.said
    assert "healthy" not in ran.said


def test_what_containers_and_alerts_say_does_not_act_on_a_terminal(command: Command) -> None:
    bad = "\x1b]0;owned\x07\u202e"
    labels = {"alertname": bad, "severity": "critical", "instance": bad}
    alert = {"labels": labels, "annotations": {"summary": bad}, "state": "firing"}
    hostile = host(container("app-1", State={"Status": bad}), said={**monitored(WATCHDOG, alert), "backups list": bad})

    for form in ((), ("--json",)):
        ran = command("status", *form, hosts=[hostile])
        assert ran.status == 1
        assert not {"\x1b", "\x07", "\u202e"} & set(ran.out + ran.err)
        assert "owned" in ran.out
    assert json.loads(ran.out)["ok"] is False


def test_a_stack_without_a_file_and_one_for_another_target_are_refused(command: Command, project: Any) -> None:
    (project / "Pulumi.elsewhere.yaml").write_text(
        "config:\n  claude-memory:target: render\n  claude-memory:app: {repo: https://github.com/example/x}\n"
    )

    unknown, other = command("status", "-s", "selfhosted"), command("status", "-s", "elsewhere")

    assert (unknown.status, other.status) == (2, 2)
    assert "did you mean selfhost?" in unknown.err
    assert "is for the target render" in other.err


def test_a_wrong_configuration_is_told(command: Command, project: Any) -> None:
    with (project / "Pulumi.selfhost.yaml").open("a") as file:
        file.write("  claude-memory:replicas: 99\n")

    ran = command("status")

    assert ran.status == 1
    assert "replicas: got '99'" in ran.err
