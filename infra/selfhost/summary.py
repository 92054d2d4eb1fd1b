"""What `pulumi up` shows of a stack at its end: how many services work, and what needs a look."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pulumi

from app.terminal import on_one_line
from infra.finding import Finding, State
from infra.selfhost import status_findings as findings
from infra.selfhost.config import Hosts, SelfhostConfig
from infra.selfhost.engine_calls import DockerHost
from infra.selfhost.prometheus_answers import PrometheusAnswers
from infra.selfhost.running import look
from infra.selfhost.status import PROMETHEUS, PROXY, WORKER

_MORE = "python -m infra.selfhost status"


def show_at_the_end(options: SelfhostConfig, last: Sequence[pulumi.Output[str]]) -> None:
    """Show it once the last resources are there; a preview, and an update that fails before, show nothing."""
    if pulumi.runtime.is_dry_run():
        return
    stack = pulumi.get_stack()
    pulumi.Output.all(*last).apply(lambda _: pulumi.log.info(summary(options.hosts, stack, options.domain)))


def summary(hosts: Hosts, stack: str, domain: str | None) -> str:
    """Return it as lines. What was replaced is still there beside its successor, so nothing counts as left over."""
    engines = DockerHost.all_of(hosts)
    view = look(engines, stack)
    services = sorted({one.service for one in view.serving})
    found = [
        *findings.services(view, services),
        *findings.reached(view.newest(PROXY), view.serving),
        *findings.backups(view.newest(WORKER)),
    ]
    prometheus = view.newest(PROMETHEUS)
    if prometheus is not None:
        found += findings.measured(PrometheusAnswers(prometheus.host, prometheus.id), engines, domain)
    return "\n".join([f"stack {stack}; `{_MORE} --stack {stack}` shows more", *_lines(found)])


def _lines(found: Iterable[Finding]) -> list[str]:
    return [f"  {one.state:<8} {one.what}: {on_one_line(one.found)}" for one in found if one.state is not State.SKIPPED]
