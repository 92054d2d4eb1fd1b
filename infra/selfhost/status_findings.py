"""What there is to say of a whole stack beside its services: what is wrong, missing, old, full, or left over."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from app import metrics
from app.counted import counted
from app.endpoints import HEALTH
from app.settings.fields import BACKUP_TOO_OLD_HOURS
from infra.command_errors import CannotDo
from infra.finding import Finding, failed, ok, skipped, warning
from infra.monitoring.rule import DAY_S, HOUR_S, MINUTE_S, Severity
from infra.monitoring.threshold_rules import THRESHOLDS
from infra.selfhost.app_settings import PORT
from infra.selfhost.engine_calls import DockerHost
from infra.selfhost.names import short
from infra.selfhost.prometheus_answers import PrometheusAnswers
from infra.selfhost.running import MISSING, Running, View
from infra.selfhost.twins import Twins

_VERIFIED_WITHIN_DAYS = 31
_RUNBOOK = "docs/runbook.md"
_CALLS = f"{PORT}/tcp"
_REACHED_WITHIN_S = 3


def services(view: View, expected: Sequence[str]) -> Iterator[Finding]:
    """Yield what is to be said of hosts that do not answer, and of the services that are to run on the others."""
    for host, why in view.unseen.items():
        yield failed(f"host {host}", why, "check the address and the host; its services were not seen")
    if not expected:
        return
    newest = {name: view.newest(name) for name in expected}
    bad = [f"{short(name)} {_words(one)}" for name, one in newest.items() if one is None or not one.works]
    found = f"{len(newest) - len(bad)} of {len(newest)} healthy"
    if bad:
        yield failed("services", f"{found}; {', '.join(bad)}", "python -m infra.selfhost logs SERVICE")
    else:
        yield ok("services", found)


def reached(proxy: Running | None, containers: Sequence[Running]) -> Iterator[Finding]:
    """Yield which replicas the proxy reaches of those on other hosts: a firewall may be in between."""
    if proxy is None or not proxy.works:
        return
    addresses = sorted(
        f"{port.address}:{port.number}"
        for one in containers
        if one.works and one.host.name != proxy.host.name
        for port in one.ports
        if port.inside == _CALLS and port.address and not port.address.startswith("127.")
    )
    if not addresses:
        return
    with ThreadPoolExecutor(len(addresses)) as pool:
        reasons = pool.map(lambda address: _why_unreached(proxy, address), addresses)
        lost = {address: why for address, why in zip(addresses, reasons, strict=True) if why}
    found = f"the proxy reaches {len(addresses) - len(lost)} of {counted(len(addresses), 'replica')} on other hosts"
    if lost:
        said = "; ".join(f"{address}: {why}" for address, why in lost.items())
        yield failed("between hosts", f"{found} ({said})", f"let {proxy.host.name} connect to it: a firewall?")
    else:
        yield ok("between hosts", found)


def _why_unreached(proxy: Running, address: str) -> str:
    """Return why the proxy does not reach an address; "" if it does."""
    limits = ("-T", str(_REACHED_WITHIN_S), "-t", "1")
    try:
        proxy.host.run("exec", proxy.id, "wget", "-q", *limits, "-O", "/dev/null", f"http://{address}{HEALTH}")
    except CannotDo as error:
        return str(error).rpartition(": ")[2]
    return ""


def _words(one: Running | None) -> str:
    if one is None:
        return MISSING
    if one.out_of_memory:
        return f"{one.state}, out of memory"
    return f"{one.state} with status {one.exit_status}" if one.state == "exited" else one.state


def orphans(view: View, declared: Collection[str]) -> Finding:
    """Return which containers of services no one asked for: of services that run twice, or that are not declared."""
    twice = [name for name, count in Counter(one.service for one in view.serving).items() if count > 1]
    unknown = sorted({one.service for one in view.serving} - set(declared))
    found = [f"{short(name)} is there twice" for name in twice] + [f"{short(name)} is not declared" for name in unknown]
    if found:
        return failed(
            "orphans", ", ".join(found), "python -m infra.selfhost orphans; if an update runs now, wait for it"
        )
    return ok("orphans", "none")


def backups(worker: Running | None) -> Iterator[Finding]:
    """Yield the age of the newest backup and of the newest verification, as the worker's list has them."""
    if worker is None or worker.state == "exited":
        yield skipped("backup", "the worker does not run")
        return
    try:
        listed = json.loads(worker.host.run("exec", worker.id, "claude-memory", "backups", "list", "--json"))
        taken = [_age_s(one["taken_at"]) for one in listed]
        verified = [_age_s(one["verified_at"]) for one in listed if one["verified_at"]]
    except CannotDo as error:
        yield skipped("backup", str(error))
        return
    except (ValueError, KeyError, TypeError):
        yield skipped("backup", "the worker's list of backups cannot be read")
        return
    if not taken:
        yield warning("backup", "none yet", f"{_RUNBOOK}#claudememorybackupmissing")
        return
    newest = f"{duration(min(taken))} old, {counted(len(taken), 'backup')}"
    too_old = min(taken) > BACKUP_TOO_OLD_HOURS * HOUR_S
    yield failed("backup", newest, f"{_RUNBOOK}#claudememorybackuptooold") if too_old else ok("backup", newest)
    if verified and min(verified) < _VERIFIED_WITHIN_DAYS * DAY_S:
        yield ok("verification", f"{duration(min(verified))} ago")
    else:
        last = f"{duration(min(verified))} ago" if verified else "never"
        yield warning("verification", last, "claude-memory verify FILE")


def standby(twins: Twins) -> Finding:
    """Return which server is the primary, and how far behind the other one is."""
    primary = twins.primary()
    if primary is None:
        return failed("standby", "no server is the primary", "python -m infra.selfhost promote")
    try:
        behind = twins.behind_bytes()
    except CannotDo as error:
        return failed("standby", str(error), f"{_RUNBOOK}#claudememorystandbymissing")
    first = f"{short(primary.service)} is the primary"
    if behind is None:
        return warning("standby", f"{first}; the other does not copy it", f"{_RUNBOOK}#claudememorystandbymissing")
    return ok("standby", f"{first}; the other is {behind / 1e6:.1f} MB behind")


def measured(prometheus: PrometheusAnswers, hosts: Sequence[DockerHost], domain: str | None) -> Iterator[Finding]:
    """Yield the alerts that fire, the certificate, and the fullest disk of each host; all as Prometheus knows them."""
    try:
        yield from _alerts(prometheus)
        yield from _targets(prometheus)
        yield _certificate(prometheus, domain)
        yield from _disks(prometheus, hosts)
    except CannotDo as error:
        yield failed("monitoring", str(error), "python -m infra.selfhost logs prometheus")


def _alerts(prometheus: PrometheusAnswers) -> Iterator[Finding]:
    firing = prometheus.firing()
    told = [one for one in firing if one.severity is not Severity.NONE]
    for one in sorted(told, key=lambda one: (one.severity is not Severity.CRITICAL, one.name)):
        where = ", ".join(one.labels[name] for name in ("instance", "mountpoint", "target") if name in one.labels)
        found = f"{one.summary}{f' ({where})' if where else ''}"
        judged = failed if one.severity is Severity.CRITICAL else warning
        yield judged(f"alert {one.name}", found, f"{_RUNBOOK}#{one.name.lower()}")
    if len(told) == len(firing):
        yield failed("watchdog", "it does not fire: alerting is broken", f"{_RUNBOOK}#claudememorywatchdog")
    elif not told:
        yield ok("alerts", "none but the watchdog fires")


def _targets(prometheus: PrometheusAnswers) -> Iterator[Finding]:
    """Yield the targets that Prometheus cannot read; the alert about them takes minutes."""
    down = prometheus.unread()
    if down:
        said = "; ".join(f"{instance}: {why.rpartition(': ')[2]}" for instance, why in sorted(down.items()))
        yield warning("targets", f"Prometheus cannot read {said}", "let monitoring connect to it: a firewall?")


def _certificate(prometheus: PrometheusAnswers, domain: str | None) -> Finding:
    if domain is None:
        return ok("certificate", "none: without a domain the proxy serves loopback alone")
    found = prometheus.series(f"max({metrics.CERTIFICATE_EXPIRY.name})")
    if not found:
        return warning("certificate", f"{domain}: not measured", "the worker looks every five minutes; see its log")
    left_s = found[0][1] - time.time()
    if left_s <= 0:
        return failed("certificate", f"{domain}: expired", f"{_RUNBOOK}#claudememorycertificateexpiring")
    return ok("certificate", f"{domain}: {duration(left_s)} left")


def _disks(prometheus: PrometheusAnswers, hosts: Sequence[DockerHost]) -> Iterator[Finding]:
    [disk] = [one for one in THRESHOLDS if one.topic == "disk"]
    fullest: dict[str, tuple[float, str]] = {}
    for labels, percent in prometheus.series(disk.expression):
        host = _host_of(labels, hosts)
        fullest[host] = max(fullest.get(host, (0.0, "")), (percent, labels.get("mountpoint", "")))
    for host, (percent, mountpoint) in sorted(fullest.items()):
        found = f"{percent:.0f} % at {mountpoint}"
        judged = failed if percent > disk.limits[1] else warning if percent > disk.limits[0] else None
        what = f"disk of {host}"
        yield judged(what, found, f"{_RUNBOOK}#{disk.names[0].lower()}") if judged else ok(what, found)
    if not fullest:
        yield skipped("disk", "not measured yet; Prometheus asks every few seconds")


def _host_of(labels: Mapping[str, str], hosts: Sequence[DockerHost]) -> str:
    """Return the host of an exporter: its address, or the alias of the one on Prometheus' own engine."""
    address = labels.get("instance", "").rpartition(":")[0]
    for host in hosts:
        if host.address == address:
            return host.name
    return next((host.name for host in hosts if "monitoring" in host.roles), address)


def _age_s(text: str) -> float:
    moment = datetime.fromisoformat(text)
    return (datetime.now(UTC) - moment.astimezone(UTC)).total_seconds()


def duration(seconds: float) -> str:
    """Return a length of time in its largest unit."""
    for unit_s, unit in ((DAY_S, "d"), (HOUR_S, "h"), (MINUTE_S, "min")):
        if seconds >= 2 * unit_s:
            return f"{seconds // unit_s:.0f} {unit}"
    return f"{max(0.0, seconds):.0f} s"
