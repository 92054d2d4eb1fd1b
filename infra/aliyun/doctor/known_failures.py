"""Failures that show in the logs of a function: what the line means, and what to do. To extend it, add to the table.

Lines are those of Function Compute ("Custom runtime: error handling", "Function time out after"), of Python and of the
app itself.
"""

from __future__ import annotations

from collections.abc import Iterable

from infra.known_failures import KnownFailure, Recognised, find_known, known_failure

_UP = "`python -m infra.aliyun release`"
# The ids that stand for a cause of 412.
SLOW, PORT, DEPENDENCIES, COMMAND = "start too slow", "port", "missing module", "start command"
EXITED = "exited at the start"

START = (
    known_failure(
        PORT,
        r"health check failed on port (?P<port>\d+) in (?P<seconds>[\d.]+) seconds",
        "nothing listened on port {port} within {seconds} s: the process listens elsewhere, or it has ended or hangs",
        "function.port is the port the app gets as PORT; set neither PORT nor HOST otherwise. The lines before it say"
        " whether the process ended",
    ),
    known_failure(
        COMMAND,
        r"CAFileNotFound|the file \S+ (?:is|does) not exist|code (?:2|13), message: ?(?:no such file|permission)",
        "the start command, or the file in it, is not in the code package",
        f"function.command is [python, mcp_server.py] unless you brought another; `bundle`, then {_UP}",
    ),
    known_failure(
        DEPENDENCIES,
        r"(?:ModuleNotFoundError|ImportError|mcp_server\.py): (?:No module named|cannot import name)"
        r" '?(?P<module>[\w.]+)",
        "Python does not find {module}",
        "add its package to requirements/app.in and run `./dev lock`; for a layer, function.python must be that of the"
        f" layer; then {_UP}",
    ),
    known_failure(
        "other platform",
        r"version `GLIBC_|invalid ELF header|exec format error|cannot open shared object file",
        "a package was built for another system than Debian 12 on x86-64",
        f"delete build/aliyun and run `bundle`, which takes wheels for the function's own platform; then {_UP}",
    ),
    known_failure(
        EXITED,
        r"CAExited|Function instance exited unexpectedly",
        "the process ended while it started",
        "the lines before it say why, with what `claude-memory doctor --start` prints after a failed start",
    ),
    known_failure(
        "wrong setting",
        r"(?P<count>\d+) wrong settings?: (?P<name>[A-Z_]+)",
        "the app does not start: {count} wrong in its settings, the first is {name}",
        "the line says what each takes; `pulumi config set {name} …`, then `pulumi up`",
    ),
    known_failure(
        "no token",
        r"AUTH=required, but there is no token",
        "the app does not start: there is no access token",
        "`pulumi config set --secret adminToken …`, then `pulumi up`",
    ),
)
RUNNING = (
    known_failure(
        "time-out",
        r"Function time(?:d)? out after (?P<seconds>\d+)?",
        "a request took as long as the function may",
        "an SSE stream ends so after function.timeoutS, and its client connects again: that is no fault. Requests over"
        " /mcp: `logs --request-id ID` shows what they waited for",
    ),
    known_failure(
        "out of memory",
        r"out of memory|OOM ?Killed|memory (?:limit|usage) (?:is )?exceed|code 137\b|^\s*MemoryError\b",
        "an instance ran out of memory and was ended",
        "raise function.memoryMb (and function.cpu with it: 1 to 4 GB a CPU), or fewer function.sessions an instance",
    ),
    known_failure(
        "process ended",
        r"Process exited unexpectedly before completing request",
        "the process ended while it answered, often for want of memory",
        "see the memory below, and the lines before it; function.memoryMb",
    ),
    known_failure(
        "throttled",
        r"ResourceThrottled|ConcurrencyLimit|TooManyRequests|ResourceExhausted",
        "requests were refused: no instance was free, and no more were allowed",
        "raise function.reserved or the account's quota in the console",
    ),
    known_failure(
        "disk full",
        r"No space left on device|ENOSPC",
        "an instance's disk is full",
        "function.diskMb: 10240, or QDRANT_URL in place of the index in each instance",
    ),
)
OUTSIDE = (
    known_failure(
        "rerank key",
        r"refuses the key \(.*; check RERANK_API_KEY",
        "the rerank service refuses the key",
        "`pulumi config set --secret RERANK_API_KEY …` (DASHSCOPE_API_KEY for DashScope), then `pulumi up`",
    ),
    known_failure(
        "bad key",
        r"does not know the key|invalid_api_key|Incorrect API key|InvalidApiKey",
        "DashScope does not know the key",
        "`pulumi config set --secret DASHSCOPE_API_KEY …`, then `pulumi up`",
    ),
    known_failure(
        "PostgreSQL login",
        r"refused the login|refuses the login|password authentication failed",
        "PostgreSQL refuses the login",
        "correct DATABASE_URL; with the key postgres, databasePassword and `pulumi up`",
    ),
    known_failure(
        "PostgreSQL away",
        r"PostgreSQL (?:does|did) not answer|could not translate host name|Name or service not known",
        "PostgreSQL is not reached",
        "from a private network only: keys network and postgres; elsewhere it must let the function's addresses in",
    ),
)
FAILURES: tuple[KnownFailure, ...] = (*START, *RUNNING, *OUTSIDE)


def recognised(lines: Iterable[str]) -> list[Recognised]:
    """Return the known failures that show in lines, in the table's order."""
    return find_known(lines, FAILURES)
