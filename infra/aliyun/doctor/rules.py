"""What else keeps clients away: conditions of the session affinity, time-outs, memory, other failures in the logs."""

from __future__ import annotations

import json
from collections.abc import Iterator

from infra.aliyun.doctor.evidence import Evidence, Json
from infra.aliyun.doctor.known_failures import COMMAND, DEPENDENCIES, EXITED, PORT
from infra.finding import Finding, failed, ok, skipped, warning

_METHODS = {"GET", "POST", "DELETE"}
_FULL = 0.85  # of the memory: from here on it is worth a look
_OF_412 = {COMMAND, DEPENDENCIES, EXITED, PORT, "other platform", "wrong setting", "no token"}
_BY_HAND = "someone changed it by hand: `pulumi up --refresh`"


def affinity(evidence: Evidence) -> Iterator[Finding]:
    """Yield whether requests of an SSE session reach its instance ("Configure MCP SSE affinity", Applicability)."""
    function = evidence.function
    if function is None:
        yield skipped("SSE sessions", "what is stored of the function could not be asked")
        return
    if function.get("sessionAffinity") != "MCP_SSE":
        yield failed("SSE sessions", f"the affinity is {function.get('sessionAffinity') or 'off'}", _BY_HAND)
        return
    if not str(function.get("runtime", "")).startswith("custom"):
        yield failed("SSE sessions", f"the runtime is {function.get('runtime')}, built in", "function.runtime")
    sessions = int(evidence.affinity.get("sessionConcurrencyPerInstance") or 0)
    concurrency = int(function.get("instanceConcurrency") or 0)
    if sessions > concurrency:
        found = f"{sessions} sessions an instance, and {concurrency} requests at a time"
        yield failed("SSE sessions", found, "function.sessions takes at most function.concurrency")
    else:
        yield ok("SSE sessions", f"{sessions} an instance, of {concurrency} requests at a time")
    yield from _trigger(evidence)


def _trigger(evidence: Evidence) -> Iterator[Finding]:
    http = [one for one in evidence.triggers or () if one.get("triggerType") == "http"]
    if evidence.triggers is None:
        return
    if not http:
        yield failed("HTTP trigger", "there is none: only through one, or a domain, do sessions work", "`pulumi up`")
        return
    config = _config(http[0])
    missing = sorted(_METHODS - set(config.get("methods") or ()))
    if missing:
        yield failed("HTTP trigger", f"does not let {', '.join(missing)} through", "`pulumi up --refresh`")
    elif config.get("authType") != "anonymous":
        found = f"asks for {config.get('authType')} at the gateway, which MCP clients cannot give"
        yield failed("HTTP trigger", found, "`pulumi up --refresh`: the app asks for tokens itself")
    else:
        yield ok("HTTP trigger", f"lets {', '.join(sorted(_METHODS))} through")


def _config(trigger: Json) -> Json:
    told = trigger.get("triggerConfig") or {}
    try:
        read = json.loads(told) if isinstance(told, str) else told
    except ValueError:
        read = {}
    return read if isinstance(read, dict) else {}


def limits(evidence: Evidence) -> Iterator[Finding]:
    """Yield what the logs say of time-outs, memory and other failures."""
    if evidence.records is None:
        yield skipped("logs", "could not be read")
        return
    yield _timeouts(evidence)
    yield _memory(evidence)
    others = [known for id_, known in evidence.failures.items() if id_ not in {*_OF_412, "time-out", "out of memory"}]
    for known in others:
        yield warning("logs", f"{known.what} ({known.count} times): {known.last.strip()[:120]}", known.remedy)
    if not evidence.failures:
        yield ok("logs", f"no known failure in {len(evidence.records)} records")


def _timeouts(evidence: Evidence) -> Finding:
    timeout_s = (evidence.function or {}).get("timeout")
    limit = f"; the function's limit is {timeout_s} s" if timeout_s else ""
    known = evidence.failures.get("time-out")
    if known is not None:
        return warning("time-outs", f"{known.count} requests took all their time{limit}", known.remedy)
    return ok("time-outs", f"none{limit}")


def _memory(evidence: Evidence) -> Finding:
    known = evidence.failures.get("out of memory")
    if known is not None:
        return failed("memory", known.what, known.remedy)
    used = [number for one in evidence.records or () if (number := _number(one.get("memoryusagemb")))]
    limit_mb = _number(str((evidence.function or {}).get("memorySize") or ""))
    if not used:
        return skipped("memory", "no request's use of it is in the logs")
    found = f"at most {max(used):.0f} MB{f' of {limit_mb:.0f}' if limit_mb else ''} in {len(used)} requests"
    if limit_mb and max(used) > _FULL * limit_mb:
        return warning("memory", found, "raise function.memoryMb (1 to 4 GB a CPU), or fewer function.sessions")
    return ok("memory", found)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0
