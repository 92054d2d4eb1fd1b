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
        runbook="""
            Critical, 30 s: a replica or the proxy does not answer, or no replica is scraped.
            [P0](#p0-no-one-gets-through) if it is the proxy or the last replica.

            ```sh
            services
            docker logs --tail 50 "$(at app-1)"
            claude-memory status --url "$server"
            ```

            - It exits at once: its last line says why and what to do (a wrong setting, no token yet, a schema newer
              than the version).
            - `Exited (137)`: it ran out of memory and was killed. Raise `limits: {app: …}` of the stack,
              `pulumi up -s selfhost`.
            - It runs but does not answer: `docker restart "$(at app-1)"`. No memory is lost.
        """,
    ),
    Rule(
        name="ClaudeMemoryPostgresDown",
        topic="postgres",
        # of two servers one is a standby, which no call needs
        expression=f'max(pg_up{{job="{POSTGRES_JOB}"}}) == 0 or max({metrics.POSTGRES_UP.name}{{{_APP}}}) == 0',
        for_s=60,
        severity=Severity.CRITICAL,
        summary="PostgreSQL does not answer",
        description="Memories can be neither stored nor found until PostgreSQL is back.",
        runbook="""
            Critical, 1 min: nothing can be stored or found. [P0](#p0-no-one-gets-through).

            ```sh
            docker logs --tail 50 "$(at postgres)"
            docker exec "$(at postgres)" df -h /var/lib/postgresql
            docker restart "$(at postgres)"
            ```

            - `No space left on device`: [ClaudeMemoryDiskAlmostFull](#claudememorydiskalmostfull).
            - `password authentication failed`: [a password was changed in only one place](#tokens-and-passwords).
            - Once it is back, replicas notice within 3 s; do not restart them.
            - It no longer starts: [restore](#restore). Where there is a standby: `python -m infra.selfhost promote`.
        """,
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
        runbook="""
            Critical, 1 min: searches are answered from PostgreSQL, slower with many memories. Nothing is lost, and the
            index catches up by itself. [P1](#p1-degraded).

            ```sh
            docker logs --tail 50 "$(at qdrant-1)"
            docker restart "$(at qdrant-1)"
            claude-memory reindex --dry-run
            ```

            - It answers, but the alert stays: the collection is missing or still being filled, which is the worker's
              task; see its log.
            - Its data is damaged or lost: start it empty, then `claude-memory reindex`.
        """,
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
        runbook="""
            Warning, 10 min: the service of `EMBEDDING_MODEL`, or the model on this machine, does not answer. Searches
            match words only, and new memories get their vectors later, by themselves; nothing is lost.

            ```sh
            claude-memory doctor
            docker logs --tail 50 "$(at app-worker)"
            ```

            - The line `embeddings` of `doctor` says why: a refused key (`EMBEDDING_API_KEY`), no credit, no
              connection to the internet.
            - A model on this machine: `claude-memory model remove e5-small`, then `model add e5-small`.
            - If it will take long: unset `EMBEDDING_MODEL`; the vectors stay in the database.
        """,
    ),
    Rule(
        name="ClaudeMemoryRerankDown",
        topic="rerank",
        expression=f"min({metrics.RERANK_UP.name}) == 0",
        for_s=600,
        severity=Severity.WARNING,
        summary="The rerank service does not answer",
        description="For 10 min searches have given their results in the order without it; nothing is lost.",
        runbook="""
            Warning, 10 min: the service of `RERANK_MODEL` refuses, does not answer, or not within `RERANK_SECONDS`.
            Searches give their results in the order without it. One of them tries it every ten seconds, and waits.

            ```sh
            claude-memory doctor
            ```

            - The line `rerank` of `doctor` says why: a refused key (`RERANK_API_KEY`), no credit, no connection to the
              internet, too slow.
            - `claude_memory_reranks_total` counts searches by outcome. Many are `late`: choose a faster model, or raise
              `RERANK_SECONDS`.
            - If it will take long: unset `RERANK_MODEL`.
        """,
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
        runbook="""
            Critical, 2 min: the index is not fed, memories do not expire, no backups are made. [P1](#p1-degraded).

            ```sh
            docker logs --tail 50 "$(at app-worker)"
            docker restart "$(at app-worker)"
            ```

            - Within seconds it logs "this worker leads", or why not. It needs a direct connection to PostgreSQL, not a
              pooler.
            - For redundancy run a second worker on the same database; it takes over when the leader stops.
        """,
    ),
    Rule(
        name="ClaudeMemoryMemuKeyRefused",
        topic="memu",
        expression=f"max({metrics.MEMU_KEY_REFUSED.name}) == 1",
        for_s=60,
        severity=Severity.CRITICAL,
        summary="memU refuses the key",
        description="Nothing reaches memU, and with MEMORY_BACKEND=memu searches find what waits here alone.",
        runbook="""
            Critical, 1 min: memU answers, and refuses `MEMU_API_KEY`. Writes wait in PostgreSQL; nothing is lost.

            ```sh
            claude-memory doctor
            ```

            - Make a new key in memU's console, set it, and restart the servers and workers (`pulumi up` for a stack).
            - The key is right: the account may be closed or in arrears; memU's console says.
        """,
    ),
)
