"""PromQL expressions: the metrics they name, and what is wrong with them."""

from __future__ import annotations

from typing import Any

import promql_parser

from app.metrics import CATALOGUE
from infra.monitoring.rules import OTHER_METRICS


def expression_problems(expression: str) -> list[str]:
    """Return what is wrong with an expression: its syntax, or metrics that do not exist."""
    try:
        tree = promql_parser.parse(expression)
    except ValueError as error:
        return [str(error)]
    known = OTHER_METRICS | {name for metric in CATALOGUE for name in metric.series}
    return [f"there is no metric {name}" for name in sorted(metric_names(tree) - known)]


def metric_names(tree: Any) -> set[str]:
    """Return the names of all metrics in a parsed expression."""
    if isinstance(tree, promql_parser.VectorSelector):
        return {str(tree.name)}
    if isinstance(tree, promql_parser.MatrixSelector):
        return metric_names(tree.vector_selector)
    parts = [getattr(tree, part, None) for part in ("lhs", "rhs", "expr", "param")] + list(getattr(tree, "args", []))
    return {name for part in parts if part is not None for name in metric_names(part)}
