"""Real calls to what the app uses, made by the deployed app itself: PostgreSQL, the search index, outside services."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from infra.finding import Finding, failed, ok, skipped, warning
from infra.hiding import Hider
from infra.render.deployed.app import AppFailed, DeployedApp, RoundTrip
from infra.render.doctor.known_failures import recognised

NAMES = {
    "test_postgres": "PostgreSQL",
    "test_index": "search index",
    "test_embeddings": "embedding service",
    "test_rerank": "rerank service",
    "test_memu_connection": "memU",
}
_USED_WITH = {  # settings
    "test_embeddings": "EMBEDDING_MODEL",
    "test_rerank": "RERANK_MODEL",
    "test_memu_connection": "MEMU_API_KEY",
}


def check_health(app: DeployedApp, hider: Hider) -> Iterator[Finding]:
    """Yield how the app says it is. Raises AppFailed if it does not answer at all."""
    health = app.health()
    parts = health.get("components") or {}
    for name, part in sorted(parts.items()):
        if part.get("status") != "ok":
            detail = hider.clean(str(part.get("detail") or part.get("status")))
            yield warning(f"part {name}", f"{part.get('status')}: {detail}", _remedy(detail))
    found = f"{health.get('status')}, version {health.get('version')}, up {health.get('uptime_seconds', 0):.0f} s"
    if health.get("status") == "ok" and app.is_ready():
        yield ok("health", found)
    else:
        yield warning("health", found, "it is not ready to answer calls; the parts say why")


def call_services(app: DeployedApp, variables: Mapping[str, str], hider: Hider) -> Iterator[Finding]:
    """Yield how a real call to each outside service went."""
    asked = [name for name in NAMES if name not in _USED_WITH or _USED_WITH[name] in variables]
    try:
        results = app.round_trips(asked)
    except AppFailed as error:
        remedy = "give a token with --token-file or MEMORY_TOKEN" if error.status in (401, 403) else ""
        make = skipped if remedy else failed
        yield make("outside services", hider.clean(str(error)), remedy)
        return
    for name in asked:
        yield _told(NAMES[name], results.get(name), hider)
    if "test_embeddings" not in asked:
        yield ok(NAMES["test_embeddings"], "none: EMBEDDING_MODEL is not set, search goes by words")


def _told(what: str, trip: RoundTrip | None, hider: Hider) -> Finding:
    if trip is None:
        return failed(what, "the app did not report it", "is it an older version? see the version above")
    detail = hider.clean(trip.detail)
    return ok(what, detail) if trip.ok else failed(what, detail, _remedy(detail))


def _remedy(detail: str) -> str:
    return "; ".join(one.remedy for one in recognised([detail])[:1])
