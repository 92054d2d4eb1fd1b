"""What is wrong with an expression, and which metrics it names."""

from __future__ import annotations

import promql_parser
import pytest

from infra.monitoring.promql import expression_problems, metric_names


def test_a_good_expression_has_no_problems() -> None:
    assert expression_problems('sum by (job) (rate(claude_memory_requests_total{outcome="ok"}[5m]))') == []


@pytest.mark.parametrize("expression", ["up == ", "sum(up", "rate(up) > 0"])
def test_an_expression_that_prometheus_cannot_parse_is_a_problem(expression: str) -> None:
    [problem] = expression_problems(expression)

    assert problem
    assert "there is no metric" not in problem


@pytest.mark.parametrize(
    ("expression", "problem"),
    [
        ("claude_memory_memorys > 1", "there is no metric claude_memory_memorys"),
        (
            "rate(claude_memory_request_duration_seconds[5m]) > 1",  # of a histogram there are only its series
            "there is no metric claude_memory_request_duration_seconds",
        ),
        ("max_over_time((up + unheard_of)[5m:1m]) > 0", "there is no metric unheard_of"),
        ("quantile(scalar(unheard_of), up) > 0", "there is no metric unheard_of"),
        ("-absent(unheard_of) < 0", "there is no metric unheard_of"),
        ('{job="node"} == 0', "there is no metric None"),
    ],
)
def test_an_unknown_metric_is_found_wherever_it_stands(expression: str, problem: str) -> None:
    assert expression_problems(expression) == [problem]


def test_the_metrics_of_all_parts_of_an_expression_are_named() -> None:
    tree = promql_parser.parse("sum(rate(a[5m])) / on (job) (b + -c) > max_over_time(d[5m:1m])")

    assert metric_names(tree) == {"a", "b", "c", "d"}
