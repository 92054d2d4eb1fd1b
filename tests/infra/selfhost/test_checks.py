"""What is refused before anything is touched, with promtool and amtool on PATH and without."""

from __future__ import annotations

import shutil
from dataclasses import replace

import pytest
import yaml

from infra.errors import RulesError
from infra.selfhost import alertmanager, program, prometheus, rules
from infra.selfhost.checks import check_alertmanager, check_prometheus, expression_problems
from tests.support.stacks import selfhost_values

TARGETS = {"claude-memory": ["app-1:8080"], "qdrant": ["qdrant-1:6333"], "alerts": ["alerts:8081"]}
MAIN = prometheus.configuration(TARGETS, "alertmanager:9093")
FILES = tuple(prometheus.CREDENTIALS.values())


@pytest.fixture(params=["with the tools", "without"])
def tools(request, monkeypatch, tmp_path):
    """Both tools on PATH, or neither."""
    if request.param == "without":
        monkeypatch.setenv("PATH", str(tmp_path))
    elif shutil.which("promtool") is None or shutil.which("amtool") is None:
        pytest.skip("promtool and amtool are not installed (Debian: prometheus, prometheus-alertmanager)")


@pytest.fixture
def no_tools(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))


def with_rule(**changes):
    """Return the rules file with one rule changed, as YAML."""
    rule = replace(rules.RULES[0], **changes)
    return yaml.safe_dump({"groups": [{"name": "g", "rules": [rule.to_yaml()]}]})


def routed(**changes):
    """Return alertmanager.yml with a route of its own for somebody."""
    tree = yaml.safe_load(alertmanager.configuration("alerts:8081"))
    tree["route"]["routes"][0] |= changes
    return yaml.safe_dump(tree)


@pytest.mark.usefixtures("tools")
def test_what_the_programs_make_is_accepted():
    check_prometheus(MAIN, rules.rules_file(), FILES)
    check_alertmanager(alertmanager.configuration("alerts:8081"))


@pytest.mark.usefixtures("tools")
@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("up == ", "ClaudeMemoryMCPDown: "),
        ("sum(up", "ClaudeMemoryMCPDown: "),
        ("rate(up) > 0", "ClaudeMemoryMCPDown: "),
        ("claude_memory_memorys > 1", "ClaudeMemoryMCPDown: there is no metric claude_memory_memorys"),
        ("rate(claude_memory_request_duration_seconds[5m]) > 1", "there is no metric claude_memory_request_duration"),
        ("max_over_time((up + nobody)[5m:1m]) > 0", "there is no metric nobody"),
        ("quantile(scalar(nobody), up) > 0", "there is no metric nobody"),
        ("-absent(nobody) < 0", "there is no metric nobody"),
        ('{job="node"} == 0', "there is no metric None"),
    ],
)
def test_a_bad_expression_or_an_unknown_metric_is_refused_with_the_rule_it_stands_in(expression, said):
    with pytest.raises(RulesError, match=r"Prometheus would be refused; nothing was changed") as refused:
        check_prometheus(MAIN, with_rule(expression=expression), FILES)

    assert said in str(refused.value)


def test_every_problem_is_listed():
    both = yaml.safe_load(with_rule(expression="nobody > 1"))
    both["groups"] += yaml.safe_load(with_rule(expression="sum(("))["groups"]

    with pytest.raises(RulesError) as refused:
        check_prometheus(MAIN, yaml.safe_dump(both), FILES)

    assert len(str(refused.value).splitlines()) == 3


@pytest.mark.usefixtures("tools")
@pytest.mark.parametrize(
    "wrong", [{"receiver": "nobody"}, {"routes": [{"matchers": ['topic="disk"'], "receiver": "nobody"}]}]
)
def test_an_unknown_receiver_is_refused_at_any_depth(wrong):
    with pytest.raises(RulesError, match=r"Alertmanager would be refused[\s\S]*there is no receiver 'nobody'"):
        check_alertmanager(routed(**wrong))


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed (Debian: prometheus)")
def test_with_promtool_on_path_its_word_counts():
    with pytest.raises(RulesError, match=r"description"):
        check_prometheus(MAIN, with_rule(description="{{ $labels.instance "), FILES)


@pytest.mark.skipif(shutil.which("amtool") is None, reason="amtool is not installed (Debian: prometheus-alertmanager)")
def test_with_amtool_on_path_its_word_counts():
    with pytest.raises(RulesError, match=r"not a valid duration"):
        check_alertmanager(routed(group_wait="soon"))


@pytest.mark.usefixtures("no_tools")
def test_without_them_what_only_they_know_passes():
    check_prometheus(MAIN, with_rule(description="{{ $labels.instance "), FILES)
    check_alertmanager(routed(group_wait="soon"))


@pytest.mark.usefixtures("no_tools")
@pytest.mark.parametrize("broken", ["rules", "routes"])
def test_a_program_with_broken_files_declares_nothing(broken, monkeypatch):
    def touched(*_):
        raise AssertionError("a resource was declared")

    monkeypatch.setattr(program, "Engines", touched)
    if broken == "rules":
        monkeypatch.setattr(rules, "RULES", (replace(rules.RULES[0], expression="nobody == 0"),))
    else:
        wrong = routed(receiver="nobody")
        monkeypatch.setattr(alertmanager, "configuration", lambda _: wrong)

    with pytest.raises(RulesError, match=r"nobody"):
        program.run(selfhost_values())


def test_a_good_expression_has_no_problems():
    assert expression_problems('sum by (job) (rate(claude_memory_requests_total{outcome="ok"}[5m]))') == []
