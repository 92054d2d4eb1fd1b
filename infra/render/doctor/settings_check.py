"""Compares settings by name and presence: what Render has, what the running process has, what the `.env` here has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from infra.finding import Finding, failed, ok, warning
from infra.render.deployed.app_settings import FIELDS, default_of, is_secret_name, misspelt, same, shown, wrong
from infra.render.doctor.here import Here

Json = dict[str, Any]

# These decide what is stored and what is found: memories of one place would not be those of the other.
DECIDES = (
    "EMBEDDING_BASE_URL",
    "EMBEDDING_DIMENSIONS",
    "EMBEDDING_MODEL",
    "EMBEDDING_PASSAGE_PREFIX",
    "EMBEDDING_QUERY_PREFIX",
    "MAX_CONVERSATION_LENGTH",
    "MEMORY_BACKEND",
    "REDACT_SECRETS",
    "REPLY_TOKEN_BUDGET",
    "RERANK_MODEL",
    "RERANK_URL",
)
# These belong to the place and differ as places do.
_OF_THE_PLACE = frozenset(
    {
        *("HOST", "PORT", "METRICS_PORT", "MEMORY_DATA_DIR", "AUTH", "LOG_LEVEL", "LOG_FORMAT", "DATABASE_URL"),
        *("ADMIN_DATABASE_URL", "ADMIN_TOKEN", "MEMORY_TOKEN", "QDRANT_URL", "PUBLIC_URL", "ALLOWED_HOSTS"),
        *("DAEMON_IDLE_MINUTES", "RENDER_DEPLOYMENT"),
    }
)


def check_variables(variables: Mapping[str, str], has_disk: bool) -> Iterator[Finding]:
    """Yield what is wrong with a service's variables by themselves."""
    for name in sorted(variables):
        if why := wrong(name, variables[name]):
            yield failed(f"setting {name}", f"its value is not taken: {why}", f"`env set {name}=…`")
        elif near := misspelt(name):
            yield warning(f"variable {name}", f"the app has no such setting{near}", f"`env unset {name}`")
    if "DATABASE_URL" not in variables and not has_disk:
        yield failed(
            "setting DATABASE_URL",
            "not set, and the service has no disk: every deploy would lose all memories",
            "`env set DATABASE_URL` with the internal connection string of PostgreSQL",
        )


def check_running(variables: Mapping[str, str], report: Json) -> Iterator[Finding]:
    """Yield what the running process does not have of its variables: they were changed after its deploy."""
    pending = sorted(name for name in variables if name in FIELDS and not _has(report, name, variables[name]))
    if pending:
        found = f"changed after the running deploy: {', '.join(pending)}"
        yield warning("settings in force", found, "`deploy --mode deploy` lets them take effect")
    else:
        yield ok("settings in force", f"all {sum(name in FIELDS for name in variables)} that are set on Render")


def compare_settings(here: Here, report: Json) -> Iterator[Finding]:
    """Yield the settings that differ from the `.env` here, by name; secrets by presence alone."""
    if not here.variables:
        yield ok("settings here", f"{here.env_file} sets none")
        return
    mine = {name.upper(): value for name, value in here.variables.items()}
    differing = 0
    for name in sorted(FIELDS.keys() - _OF_THE_PLACE):
        finding = _difference(name, mine.get(name), report)
        if finding:
            differing += 1
            yield finding
    if not differing:
        yield ok("settings here", f"those of {here.env_file} are the same there")


def _difference(name: str, mine: str | None, report: Json) -> Finding | None:
    there = _setting(report, name)
    if is_secret_name(name):
        if mine is not None and not there.get("given"):
            return warning(f"setting {name}", "set here, not there", f"`env set {name} --from-file FILE`")
        return None
    if mine is None and name not in DECIDES:
        return None
    value_here = default_of(name) if mine is None else mine
    value_there = str(there.get("value") or "")
    if same(name, value_here, value_there) or value_here == value_there:
        return None
    found = f"{shown(name, value_here) or 'not set'} here, {shown(name, value_there) or 'not set'} there"
    make = failed if name in DECIDES else warning
    return make(f"setting {name}", found, f"`env set {name}=…` there, or change it here")


def _has(report: Json, name: str, value: str) -> bool:
    there = _setting(report, name)
    if is_secret_name(name) or not there.get("given"):
        return bool(there.get("given"))
    return same(name, value, str(there.get("value") or ""))


def _setting(report: Json, name: str) -> Json:
    found: Json = (report.get("settings") or {}).get(name) or {}
    return found
