"""Failures that show in logs and events: what the line means, and what to do. The table is all there is to extend.

Lines are those of Render (`==> …`), of its router (`[GET]200 …`), of builds, of Python and of the app itself.
"""

from __future__ import annotations

from collections.abc import Iterable

from infra.known_failures import KnownFailure, Recognised, find_known, known_failure

_REBUILD = "`deploy --mode rebuild`"


START = (
    known_failure(
        "app not in the image",
        r"No module named '?app'?(\.|\s|$)",
        "the image does not hold the app",
        f"build app/Dockerfile with the repository's root as context (dockerContext: .), then {_REBUILD}",
    ),
    known_failure(
        "missing module",
        r"(?:ModuleNotFoundError|ImportError): (?:No module named|cannot import name) "
        r"'?(?!app['.\s])(?P<module>[\w.]+)",
        "Python does not find {module}",
        f"add its package to requirements/app.in, run `./dev lock`, commit, then {_REBUILD}; is it there already, the"
        " image is older: `deploy --clear-cache`",
    ),
    known_failure(
        "bound to loopback",
        r"(?:listening on|running on|bound to|Listening at:?) (?:https?://)?(?:127\.0\.0\.1|localhost)"
        r"|open ports?.*(?:127\.0\.0\.1|localhost)",
        "the app listens on 127.0.0.1, where Render cannot reach it",
        "`env set HOST=0.0.0.0`, and AUTH=required with it, then `deploy --mode deploy`",
    ),
    known_failure(
        "no open port",
        r"No open (?:HTTP )?ports? (?:were )?detected|Port scan timeout",
        "the service opened no port that Render could reach",
        "`claude-memory serve` has to listen on HOST=0.0.0.0 and on the PORT that Render gives, so PORT must not be set"
        " to another; what serves nothing is a background worker",
    ),
    known_failure(
        "port in use",
        r"Address already in use|EADDRINUSE",
        "two processes of one instance want the same port",
        "unset METRICS_PORT or give it another number than PORT",
    ),
    known_failure(
        "open to everybody",
        r"can be reached from outside, and no token is asked for",
        "the app does not start: everybody could use it",
        "`env set AUTH=required`, and set ADMIN_TOKEN (`rotate ADMIN_TOKEN --generate`)",
    ),
    known_failure(
        "no token",
        r"AUTH=required, but there is no token",
        "the app does not start: there is no access token",
        "set ADMIN_TOKEN, and let the pre-deploy command be `claude-memory init`, which makes it valid",
    ),
    known_failure(
        "wrong setting",
        r"(?P<count>\d+) wrong settings?: (?P<name>[A-Z_]+)",
        "the app does not start: {count} wrong in its settings, the first is {name}",
        "the line says what each takes; `env set {name}=…`, then `deploy --mode deploy`",
    ),
)
RUNNING = (
    known_failure(
        "out of memory",
        r"out of memory|OOMKilled|exited with (?:status|code) 137\b|^\s*MemoryError\b",
        "it ran out of memory and was ended",
        "`metrics` shows how much it takes; a larger plan in the stack, or an outside Qdrant (QDRANT_URL) in place of"
        " the embedded index",
    ),
    known_failure(
        "crash loop",
        r"exited (?:with (?:status|code) (?!0\b)|early)|Instance failed|it starts again in",
        "the process keeps ending",
        "the lines before each end say why: `logs --kind app --lines 300`; `rollback` brings back what ran before",
        at_least=3,
    ),
    known_failure(
        "health check",
        r"health ?check\w* (?:has )?(?:failed|timed out|timeout|did not)|failed its health check|Timed out after",
        "its health check was not answered in time",
        "healthCheckPath must be /health, which answers as soon as the port is open; on a small plan see `metrics`",
    ),
    known_failure(
        "disk full",
        r"No space left on device|cannot write to its disk|ENOSPC",
        "a disk is full",
        "enlarge it in the stack (disks only grow), or delete backups: `claude-memory backups prune`",
    ),
)
OUTSIDE = (
    known_failure(
        "rerank key",
        r"refuses the key \(.*; check RERANK_API_KEY",
        "the rerank service refuses the key",
        "`rotate RERANK_API_KEY --from-file FILE` with a valid one (DASHSCOPE_API_KEY for DashScope)",
    ),
    known_failure(
        "bad key",
        r"does not know the key|invalid_api_key|Incorrect API key|InvalidApiKey",
        "the embedding service does not know the key",
        "`rotate EMBEDDING_API_KEY --from-file FILE` with a valid one (DASHSCOPE_API_KEY for DashScope)",
    ),
    known_failure(
        "embedding account",
        r"denies access \((?P<said>[^)]*)\)|the quota at \S+ is used up",
        "the embedding service refuses the account: arrears, a quota, or a model it may not use",
        "see the service's console; searches go on by words meanwhile",
    ),
    known_failure(
        "no such model",
        r"has no model (?P<model>'[^']*')",
        "the embedding service has no model {model}",
        "correct EMBEDDING_MODEL or EMBEDDING_BASE_URL: `env set EMBEDDING_MODEL=…`",
    ),
    known_failure(
        "memU key",
        r"refuses the key \(.*; check MEMU_API_KEY",
        "memU refuses the key",
        "`rotate MEMU_API_KEY --from-file FILE` with a valid one",
    ),
    known_failure(
        "zero-length answer of a service",
        r"answered without a vector for each text|Expecting value: line 1 column 1 \(char 0\)|\(JSONDecodeError\)"
        r"|(?:IncompleteRead\(0 bytes|without sending complete message body|Empty reply from server)",
        "an outside service answered with nothing",
        "`doctor` calls each for real; check EMBEDDING_BASE_URL, and a proxy on the way that cuts answers off",
    ),
    known_failure(
        "zero-length answer",
        r"\[(?:GET|POST)\]\s*200 .*responseBytes=0\b",
        "the app answered requests with nothing",
        "see what it logged then: `logs --kind app --level error`; an answer that streams must not be compressed or"
        " buffered by a proxy before it",
    ),
    known_failure(
        "Qdrant key",
        r"Qdrant refuses the key",
        "Qdrant does not know the key",
        "QDRANT_API_KEY of the app and QDRANT__SERVICE__API_KEY of Qdrant must be the same: `rotate QDRANT_API_KEY"
        " --generate` sets both",
    ),
    known_failure(
        "Qdrant away",
        r"Qdrant: |Qdrant answered 5\d\d",
        "Qdrant does not answer",
        "`status` says whether it runs; QDRANT_URL must be its internal address, in the same region",
    ),
    known_failure(
        "PostgreSQL login",
        r"refused the login|refuses the login|password authentication failed",
        "PostgreSQL refuses the login",
        "`rotate DATABASE_URL --from-file FILE` with its present internal connection string",
    ),
    known_failure(
        "PostgreSQL address",
        r"could not translate host name|Name or service not known|Temporary failure in name resolution|gaierror",
        "a host name is not known there",
        "internal addresses work within one region and workspace alone; take the external one, or move the service",
    ),
    known_failure(
        "PostgreSQL TLS",
        r"SSL(?:/TLS)? (?:connection is )?required|no pg_hba.conf entry .*(?:no encryption|SSL off)",
        "PostgreSQL asks for TLS",
        "take the internal connection string, or add ?sslmode=require to DATABASE_URL",
    ),
    known_failure(
        "PostgreSQL connections",
        r"too many (?:connections|clients)|remaining connection slots",
        "PostgreSQL has no connection left",
        "fewer instances (`scale`), or a larger plan of PostgreSQL",
    ),
    known_failure(
        "PostgreSQL away",
        r"PostgreSQL does not answer|PostgreSQL did not answer",
        "PostgreSQL does not answer",
        "`status` says whether it is available; a free one ends when it expires",
    ),
    known_failure(
        "PostgreSQL rights",
        r"refused to set up the schema",
        "the user of DATABASE_URL may not set up the schema",
        "it must own the database and may create roles: take the one Render made with the database",
    ),
)
BUILD = (
    known_failure(
        "no Dockerfile",
        r"failed to (?:read|solve).*dockerfile|Dockerfile: no such file",
        "the build does not find the Dockerfile",
        "dockerfilePath must be app/Dockerfile and dockerContext . (the repository's root)",
    ),
    known_failure(
        "hashes",
        r"DO NOT MATCH THE HASHES|hash mismatch",
        "a package is not the one that was locked",
        f"run `./dev lock`, commit requirements/, then {_REBUILD}",
    ),
    known_failure(
        "architecture",
        r"exec format error",
        "the image was built for another processor",
        "build it with `docker build --platform linux/amd64`",
    ),
    known_failure(
        "image",
        r"manifest unknown|pull access denied|failed to (?:pull|resolve)|image pull failed|ImagePullBackOff",
        "the image cannot be pulled",
        "check its name and tag (`deploy --image REF`), and the registry credential of a private one",
    ),
)
FAILURES: tuple[KnownFailure, ...] = (*START, *RUNNING, *OUTSIDE, *BUILD)


def recognised(lines: Iterable[str]) -> list[Recognised]:
    """Return the known failures that show in lines, in the table's order."""
    return find_known(lines, FAILURES)


def event_text(event: dict[str, object]) -> str | None:
    """Return a failure that Render noted as an event in the words of its log; None for other events."""
    details = event.get("details")
    if not isinstance(details, dict):
        return None
    if event.get("type") == "image_pull_failed":
        return f"image pull failed: {details.get('message') or details.get('imageURL') or ''}"
    reason = details.get("reason")
    if not isinstance(reason, dict):
        return None
    failure = reason.get("failure") if isinstance(reason.get("failure"), dict) else reason
    said = dict(failure or {})
    if said.get("oomKilled"):
        return f"Ran out of memory (limit {dict(said['oomKilled']).get('memoryLimit', 'unknown')})"
    if said.get("unhealthy"):
        return f"Health check failed: {said['unhealthy']}"
    if said.get("timedOutSeconds"):
        return f"Timed out after {said['timedOutSeconds']} s: {said.get('timedOutReason') or 'no reason given'}"
    if said.get("nonZeroExit"):
        return f"Exited with status {said['nonZeroExit']}"
    return "Application exited early" if said.get("earlyExit") else None
