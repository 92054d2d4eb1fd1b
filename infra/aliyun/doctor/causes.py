"""The four causes of 412 on Function Compute, one by one.

Function Compute answers 412 when it cannot start an instance: its API's error codes CAExited, "the function either
cannot be started or exited", and CAFileNotFound. Users report 412 for a start that takes too long, too, and for an SSE
path that differs from the function's. So: the start, the path, the port, and what the start needs.
"""

from __future__ import annotations

from collections.abc import Iterator

from app.endpoints import SSE
from infra.aliyun.doctor.evidence import Evidence
from infra.aliyun.doctor.known_failures import COMMAND, DEPENDENCIES, EXITED, PORT
from infra.finding import Finding, failed, ok, skipped, warning

PRECONDITION = 412
_SLOW_S = 10.0  # of a first answer; the platform gives up after 120 s, a client often before 30
_NOT_ASKED = "what is stored of the function could not be asked"
_EVERY_ADDRESS = ("0.0.0.0", "::", "*")  # noqa: S104 - what the app must listen on


def causes(evidence: Evidence) -> Iterator[Finding]:
    """Yield what is found of each cause, in the order in which they are to be dealt with."""
    answers = evidence.answers
    codes = [one.code for one in (answers.health, answers.sse) if one.status == PRECONDITION]
    if codes:
        said = f"the function answers 412{f' ({codes[0]})' if codes[0] else ''}"
        yield failed("412", said, "the causes stand below, each with what to do")
    elif answers.health.status:
        yield ok("412", f"not answered: /health gives {answers.health.status}, {SSE} {answers.sse.status}")
    else:
        yield failed("412", f"no answer at all ({answers.health.said})", "check the address and the network")
    yield _start(evidence)
    yield _path(evidence)
    yield _port(evidence)
    yield _needs(evidence)


def _start(evidence: Evidence) -> Finding:
    what, health = "412, cause 1: a slow start", evidence.answers.health
    check = evidence.runtime_config.get("healthCheckConfig") or {}
    if health.status == PRECONDITION and health.seconds > _SLOW_S:
        remedy = "`logs` shows the measured steps of the start; provisioned instances are started before a client comes"
        return failed(what, f"refused after {health.seconds:.1f} s", remedy)
    if health.status == 200 and health.seconds > _SLOW_S:
        return warning(
            what,
            f"/health took {health.seconds:.1f} s",
            "if it was the first request for a while, `provisioned: {instances: 1}` avoids the wait",
        )
    if check and check.get("httpGetUrl") != "/health":
        return warning(what, f"its health check asks {check.get('httpGetUrl')}", "function.healthCheck.path: /health")
    if health.status == 200:
        return ok(what, f"/health answered in {health.seconds:.2f} s")
    return skipped(what, f"/health answered {health.status or 'nothing'}, after {health.seconds:.1f} s")


def _path(evidence: Evidence) -> Finding:
    what, sse, first = "412, cause 2: the SSE path", evidence.answers.sse, evidence.answers.first
    stored = evidence.affinity.get("sseEndpointPath")
    if evidence.function is not None and stored != SSE:
        found = f"the function's affinity has {stored or 'no path'}, the app serves {SSE}"
        return failed(what, found, "someone changed it by hand: `pulumi up --refresh` puts it back")
    if sse.status == 200 and not first.startswith("event: endpoint"):
        found = f"the first event on {SSE} is {first.splitlines()[0][:60] if first else 'none'}, not endpoint"
        return failed(what, found, "the gateway takes the session from it: does another server answer, or a proxy?")
    if sse.status == 200:
        return ok(what, f"{SSE} on both sides; `event: endpoint` came first, after {sse.seconds:.2f} s")
    if sse.status == 404:
        return failed(what, f"{SSE} answers 404", "is it this app? function.command is [python, mcp_server.py]")
    if sse.status in (401, 403):
        found = f"{SSE} answers {sse.status}: the token is not accepted"
        return skipped(what, found, "give one with --token-file FILE")
    if stored is None:
        return skipped(what, f"{SSE} answers {sse.status or 'nothing'}")
    return ok(what, f"{SSE} in the function's affinity")


def _port(evidence: Evidence) -> Finding:
    what, stored = "412, cause 3: the port", evidence.runtime_config.get("port")
    given, host = evidence.variable("PORT"), evidence.variable("HOST")
    if evidence.function is not None and given is not None and str(stored) != given:
        found = f"the function's port is {stored}, the app listens on {given}"
        return failed(what, found, "someone changed it by hand: `pulumi up --refresh`")
    if evidence.function is not None and host is not None and host not in _EVERY_ADDRESS:
        return failed(what, f"the app listens on {host} alone", "remove HOST: the program sets 0.0.0.0")
    known = evidence.failures.get(PORT)
    if known is not None and evidence.answers.health.status != 200:
        return failed(what, known.what, known.remedy)
    if evidence.function is None:
        return ok(what, "answers") if evidence.answers.health.status == 200 else skipped(what, _NOT_ASKED)
    return ok(what, f"{stored} on both sides")


def _needs(evidence: Evidence) -> Finding:
    what = "412, cause 4: what the start needs"
    for id_ in (COMMAND, DEPENDENCIES, "other platform", "wrong setting", "no token", EXITED):
        known = evidence.failures.get(id_)
        if known is not None:
            make = warning if evidence.answers.health.status == 200 else failed
            over = ", before it last started" if evidence.answers.health.status == 200 else ""
            return make(what, f"{known.what}{over}", known.remedy)
    if evidence.records is None:
        return skipped(what, "the logs could not be read")
    return ok(what, f"nothing missing in {len(evidence.records)} records of the logs")
