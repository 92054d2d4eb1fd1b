"""Cases of outage_rules.py."""

from __future__ import annotations

from collections.abc import Mapping

from tests.infra.monitoring.series import (
    APP_1,
    APP_2,
    PG,
    PROXY,
    QDRANT_1,
    QDRANT_2,
    Alert,
    Case,
    held,
    of_app,
    of_worker,
    up,
)


def _mcp_down(subject: str) -> str:
    return f"{subject} for 30 s. Other replicas, if any, take over its calls; without the proxy no client gets through."


MCP = [
    Case(
        "one replica of two stops, and comes back",
        {APP_1: held((1, 60), (0, 60), (1, 60)), APP_2: held((1, 180))},
        {
            85: (),
            90: (Alert(_mcp_down("app-1:8080 has not answered"), {"job": "claude-memory", "instance": "app-1:8080"}),),
            120: (),
        },
    ),
    Case(
        "the proxy stops",
        {PROXY: held((1, 60), (0, 60)), APP_1: held((1, 120))},
        {
            85: (),
            90: (Alert(_mcp_down("proxy:2019 has not answered"), {"job": "proxy", "instance": "proxy:2019"}),),
        },
    ),
    Case(
        "no replica is scraped at all",
        {PROXY: held((1, 60))},
        {25: (), 30: (Alert(_mcp_down("No replica has been scraped"), {"job": "claude-memory"}),)},
    ),
    Case(
        "a replica is replaced within 25 s; a worker is another alert's business",
        {APP_1: held((1, 60), (0, 25), (1, 60)), up("worker", "worker:8080"): held((0, 145))},
        {80: (), 90: (), 140: ()},
    ),
]

_PG_DOWN = Alert("Memories can be neither stored nor found until PostgreSQL is back.")
POSTGRES = [
    Case(
        "the exporter loses it, and finds it again",
        {PG: held((1, 60), (0, 90), (1, 60)), of_app("postgres_up"): held((1, 210))},
        {115: (), 120: (_PG_DOWN,), 150: ()},
    ),
    Case(
        "it hangs: the exporter reports nothing, and only the replicas notice",
        {
            PG: held((1, 60), (None, 90)) + " stale",
            of_app("postgres_up"): held((1, 60), (0, 90)),
            of_app("postgres_up", "app-2:8080"): held((1, 60), (0, 90)),
        },
        {115: (), 120: (_PG_DOWN,)},
    ),
    Case(
        "the replicas notice first, the exporter later: one alert, counted from the first",
        {PG: held((1, 80), (0, 90)), of_app("postgres_up"): held((1, 60), (0, 40), (None, 70))},
        {115: (), 120: (_PG_DOWN,), 165: (_PG_DOWN,)},
    ),
    Case(
        "one replica has lost it, another has not",
        {
            PG: held((1, 300)),
            of_app("postgres_up"): held((0, 300)),
            of_app("postgres_up", "app-2:8080"): held((1, 300)),
        },
        {120: (), 295: ()},
    ),
    Case(
        "a restart of 55 s",
        {PG: held((1, 60), (0, 55), (1, 60)), of_app("postgres_up"): held((1, 60), (0, 55), (1, 60))},
        {110: (), 120: (), 170: ()},
    ),
    Case(
        "all replicas have lost it, though a worker has not",
        {PG: held((1, 120)), of_app("postgres_up"): held((0, 120)), of_worker("postgres_up"): held((1, 120))},
        {55: (), 60: (_PG_DOWN,)},
    ),
]

_QDRANT_DOWN = Alert(
    "Qdrant, or one of its nodes, is down. Until it is back, searches are answered from PostgreSQL: "
    "slower with many memories, but nothing is lost."
)
QDRANT = [
    Case(
        "one node of two stops, and comes back",
        {QDRANT_1: held((1, 210)), QDRANT_2: held((1, 60), (0, 90), (1, 60))},
        {115: (), 120: (_QDRANT_DOWN,), 150: ()},
    ),
    Case(
        "it answers Prometheus, but no replica",
        {
            QDRANT_1: held((1, 180)),
            of_app("qdrant_up"): held((1, 60), (0, 120)),
            of_app("postgres_up"): held((1, 180)),
        },
        {115: (), 120: (_QDRANT_DOWN,)},
    ),
    Case(
        "replicas notice first: one alert, counted from the first",
        {
            QDRANT_1: held((1, 65), (0, 90)),
            of_app("qdrant_up"): held((1, 60), (0, 30), (None, 65)),
            of_app("postgres_up"): held((1, 60), (1, 30), (None, 65)),
        },
        {115: (), 120: (_QDRANT_DOWN,)},
    ),
    Case(
        "a worker that does not feed it does not count",
        {
            QDRANT_1: held((1, 180)),
            of_app("qdrant_up"): held((1, 60), (0, 120)),
            of_app("postgres_up"): held((1, 180)),
            of_worker("qdrant_up"): held((1, 180)),
            of_worker("postgres_up"): held((1, 180)),
        },
        {115: (), 120: (_QDRANT_DOWN,)},
    ),
    Case(
        "one replica has lost it, another has not",
        {
            QDRANT_1: held((1, 300)),
            **{of_app("postgres_up", one): held((1, 300)) for one in ("app-1:8080", "app-2:8080")},
            of_app("qdrant_up"): held((0, 300)),
            of_app("qdrant_up", "app-2:8080"): held((1, 300)),
        },
        {295: ()},
    ),
    Case(
        "replicas that have been waiting for PostgreSQL since their start know nothing of it",
        {QDRANT_1: held((1, 300)), of_app("qdrant_up"): held((0, 300)), of_app("postgres_up"): held((0, 300))},
        {295: ()},
    ),
    Case(
        "a restart of 55 s",
        {QDRANT_1: held((1, 60), (0, 55), (1, 60))},
        {110: (), 120: (), 170: ()},
    ),
]

_EMBEDDINGS_DOWN = Alert(
    "For 10 min searches have matched words only, or new memories have no vectors; nothing is lost."
)
EMBEDDINGS = [
    Case(
        "the process that calls it gets no answer; the others have not called it",
        {
            of_app("embeddings_up"): held((1, 900)),
            of_worker("embeddings_up"): held((1, 60), (0, 660), (1, 180)),
        },
        {655: (), 660: (_EMBEDDINGS_DOWN,), 720: ()},
    ),
    Case(
        "one process after the other: one alert, counted from the first",
        {
            of_app("embeddings_up"): held((1, 60), (0, 300), (1, 400)),
            of_worker("embeddings_up"): held((1, 300), (0, 460)),
        },
        {655: (), 660: (_EMBEDDINGS_DOWN,)},
    ),
    Case("it is down for 9 minutes", {of_app("embeddings_up"): held((1, 60), (0, 540), (1, 120))}, {595: (), 700: ()}),
    Case("there is none", {APP_1: held((1, 720))}, {715: ()}),
]

_RERANK_DOWN = Alert("For 10 min searches have given their results in the order without it; nothing is lost.")
RERANK = [
    Case(
        "one of two servers is refused, then has a new key",
        {
            of_app("rerank_up"): held((1, 900)),
            of_worker("rerank_up"): held((1, 60), (0, 660), (1, 180)),
        },
        {655: (), 660: (_RERANK_DOWN,), 720: ()},
    ),
    Case("it is late for 9 minutes", {of_app("rerank_up"): held((1, 60), (0, 540), (1, 120))}, {595: (), 700: ()}),
    Case("there is none", {APP_1: held((1, 720))}, {715: ()}),
]

_NO_LEADER = Alert("Until a worker leads again, the index is not fed, nothing expires and no backup is made.")
WORKER = [
    Case(
        "the leader stops, and for a while no one takes over",
        {
            of_worker("worker_leader"): held((1, 60), (0, 150), (1, 60)),
            of_worker("worker_leader", "worker-2:8080"): held((0, 270)),
        },
        {175: (), 180: (_NO_LEADER,), 210: ()},
    ),
    Case("there is no worker", {APP_1: held((1, 180))}, {115: (), 120: (_NO_LEADER,)}),
    Case(
        "it disappears while it is not the leader: counted from the first",
        {of_worker("worker_leader"): held((1, 60), (0, 60), (None, 120)) + " stale"},
        {175: (), 180: (_NO_LEADER,)},
    ),
    Case(
        "another takes over",
        {
            of_worker("worker_leader"): held((1, 60), (0, 240)),
            of_worker("worker_leader", "worker-2:8080"): held((0, 65), (1, 235)),
        },
        {180: (), 295: ()},
    ),
    Case("none for less than 2 min", {of_worker("worker_leader"): held((0, 115), (1, 60))}, {115: (), 170: ()}),
]

_NO_KEY = Alert("Nothing reaches memU, and with MEMORY_BACKEND=memu searches find what waits here alone.")
MEMU_KEY = [
    Case(
        "the process that sends is refused, then has a new key",
        {
            of_worker("memu_key_refused"): held((0, 60), (1, 90), (0, 60)),
            of_app("memu_key_refused"): held((0, 210)),
        },
        {115: (), 120: (_NO_KEY,), 150: ()},
    ),
    Case("refused for less than a minute", {of_app("memu_key_refused"): held((1, 55), (0, 60))}, {60: (), 110: ()}),
    Case("memU is not used", {APP_1: held((1, 120))}, {115: ()}),
]

OUTAGE_CASES: Mapping[str, list[Case]] = {
    "ClaudeMemoryMCPDown": MCP,
    "ClaudeMemoryPostgresDown": POSTGRES,
    "ClaudeMemoryQdrantDown": QDRANT,
    "ClaudeMemoryEmbeddingsDown": EMBEDDINGS,
    "ClaudeMemoryRerankDown": RERANK,
    "ClaudeMemoryWorkerWithoutLeader": WORKER,
    "ClaudeMemoryMemuKeyRefused": MEMU_KEY,
}
