"""Rules for what does not answer: replicas, proxy, stores, the embedding service, the leading worker.

Where either of two sources may notice first, both sides of the `or` lose all labels: an alert whose labels change
starts anew.
"""

from __future__ import annotations

from app import metrics
from infra.monitoring.jobs import APP_JOB, POSTGRES_JOB, PROXY_JOB, QDRANT_JOB, WORKER_JOB
from infra.monitoring.rule import Rule, Severity

_APP = f'job="{APP_JOB}"'

OUTAGES = (
    Rule(
        name="ClaudeMemoryMCPDown",
        topic="app",
        expression=f'up{{job=~"{APP_JOB}|{PROXY_JOB}"}} == 0 or absent(up{{{_APP}}})',
        for_s=30,
        severity=Severity.CRITICAL,
        summary="The MCP server does not answer",
        description=(
            "{{ with $labels.instance }}{{ . }} has not answered{{ else }}No replica has been scraped{{ end }} for "
            "30 s. Other replicas, if any, take over its calls; without the proxy no client gets through."
        ),
    ),
    Rule(
        name="ClaudeMemoryPostgresDown",
        topic="postgres",
        expression=f'min(pg_up{{job="{POSTGRES_JOB}"}}) == 0 or max({metrics.POSTGRES_UP.name}{{{_APP}}}) == 0',
        for_s=60,
        severity=Severity.CRITICAL,
        summary="PostgreSQL does not answer",
        description="Memories can be neither stored nor found until PostgreSQL is back.",
    ),
    Rule(
        name="ClaudeMemoryQdrantDown",
        topic="qdrant",
        # A replica that has been waiting for PostgreSQL since its start cannot know the state of the index, and
        # neither can a worker that does not feed it.
        expression=(
            f'min(up{{job="{QDRANT_JOB}"}}) == 0 or max({metrics.QDRANT_UP.name}{{{_APP}}}'
            f" and on (instance) {metrics.POSTGRES_UP.name} == 1) == 0"
        ),
        for_s=60,
        severity=Severity.CRITICAL,
        summary="Qdrant does not answer",
        description=(
            "Qdrant, or one of its nodes, is down. Until it is back, searches are answered from PostgreSQL: "
            "slower with many memories, but nothing is lost."
        ),
    ),
    Rule(
        name="ClaudeMemoryEmbeddingsDown",
        topic="embeddings",
        # the minimum: only a process that has called the service knows that it is down
        expression=f"min({metrics.EMBEDDINGS_UP.name}) == 0",
        for_s=600,
        severity=Severity.WARNING,
        summary="The embedding service does not answer",
        description="For 10 min searches have matched words only, or new memories have no vectors; nothing is lost.",
    ),
    Rule(
        name="ClaudeMemoryWorkerWithoutLeader",
        topic="worker",
        expression=f"sum({metrics.WORKER_LEADER.name}) == 0 or absent({metrics.WORKER_LEADER.name})",
        for_s=120,
        severity=Severity.CRITICAL,
        summary="No worker is the leader",
        description="Until a worker leads again, the index is not fed, nothing expires and no backup is made.",
        needs=WORKER_JOB,
    ),
)
