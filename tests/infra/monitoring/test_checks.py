"""What is refused before any resource is touched, with promtool and amtool on PATH and without."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.errors import RulesError
from infra.monitoring import alertmanager, prometheus, rules
from infra.monitoring.checks import check_alertmanager, check_monitoring, check_prometheus
from infra.monitoring.jobs import CREDENTIALS, ScrapeJob

JOBS = [ScrapeJob(name=job, addresses=["host:1"]) for job in ("claude-memory", *CREDENTIALS)]
MAIN = prometheus.configuration(JOBS, "alertmanager:9093")
FILES = tuple(CREDENTIALS.values())


@pytest.fixture(params=["with the tools", "without"])
def tools(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Both tools on PATH, or neither."""
    if request.param == "without":
        monkeypatch.setenv("PATH", str(tmp_path))
    elif shutil.which("promtool") is None or shutil.which("amtool") is None:
        pytest.skip("promtool and amtool are not installed (Debian: prometheus, prometheus-alertmanager)")


@pytest.fixture
def no_tools(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))


def with_rule(**changes: Any) -> str:
    """Return a rules file of one rule, changed."""
    rule = replace(rules.RULES[0], **changes)
    return yaml.safe_dump({"groups": [{"name": "g", "rules": [rule.to_yaml()]}]})


def with_route(**changes: Any) -> str:
    """Return alertmanager.yml with a changed route."""
    tree = yaml.safe_load(alertmanager.configuration("alerts:8081"))
    tree["route"]["routes"][0] |= changes
    return yaml.safe_dump(tree)


@pytest.mark.usefixtures("tools")
def test_our_own_rules_and_configurations_are_accepted() -> None:
    check_monitoring()


@pytest.mark.usefixtures("tools")
@pytest.mark.parametrize(
    ("expression", "problem"),
    [
        ("up == ", "ClaudeMemoryMCPDown: "),
        ("claude_memory_memorys > 1", "ClaudeMemoryMCPDown: there is no metric claude_memory_memorys"),
    ],
)
def test_a_bad_expression_or_an_unknown_metric_is_refused_with_the_name_of_its_rule(
    expression: str, problem: str
) -> None:
    with pytest.raises(RulesError, match=r"Prometheus would be refused; nothing was changed") as refused:
        check_prometheus(MAIN, with_rule(expression=expression), FILES)

    assert problem in str(refused.value)


def test_every_problem_is_listed() -> None:
    both = yaml.safe_load(with_rule(expression="unheard_of > 1"))
    both["groups"] += yaml.safe_load(with_rule(expression="sum(("))["groups"]

    with pytest.raises(RulesError) as refused:
        check_prometheus(MAIN, yaml.safe_dump(both), FILES)

    assert len(str(refused.value).splitlines()) == 3


@pytest.mark.usefixtures("tools")
@pytest.mark.parametrize(
    "wrong", [{"receiver": "no-one"}, {"routes": [{"matchers": ['topic="disk"'], "receiver": "no-one"}]}]
)
def test_an_unknown_receiver_is_refused_at_any_depth(wrong: dict[str, Any]) -> None:
    with pytest.raises(RulesError, match=r"Alertmanager would be refused[\s\S]*there is no receiver 'no-one'"):
        check_alertmanager(with_route(**wrong))


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed (Debian: prometheus)")
def test_promtool_is_asked_where_it_is_installed() -> None:
    with pytest.raises(RulesError, match=r"description"):
        check_prometheus(MAIN, with_rule(description="{{ $labels.instance "), FILES)


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed (Debian: prometheus)")
def test_a_file_that_the_configuration_names_and_no_one_provides_is_refused() -> None:
    with pytest.raises(RulesError, match=FILES[0]):
        check_prometheus(MAIN, rules.rules_file(), FILES[1:])


@pytest.mark.skipif(shutil.which("amtool") is None, reason="amtool is not installed (Debian: prometheus-alertmanager)")
def test_amtool_is_asked_where_it_is_installed() -> None:
    with pytest.raises(RulesError, match=r"not a valid duration"):
        check_alertmanager(with_route(group_wait="soon"))


@pytest.mark.usefixtures("no_tools")
def test_without_them_what_only_they_know_is_accepted() -> None:
    check_prometheus(MAIN, with_rule(description="{{ $labels.instance "), FILES)
    check_alertmanager(with_route(group_wait="soon"))


@pytest.mark.usefixtures("no_tools")
def test_both_rules_and_routes_are_part_of_the_check(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = with_route(receiver="no-one")
    monkeypatch.setattr(alertmanager, "configuration", lambda *_: wrong)
    with pytest.raises(RulesError, match=r"no-one"):
        check_monitoring()

    monkeypatch.setattr(rules, "RULES", (replace(rules.RULES[0], expression="unheard_of == 0"),))
    with pytest.raises(RulesError, match=r"unheard_of"):
        check_monitoring()
