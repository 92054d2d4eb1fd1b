"""For each alert rule what Prometheus sees, and which alerts fire when; test_rules.py asks promtool.

A case of each rule shows the step from quiet to firing, within one evaluation; another shows what it must not tell.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

STEP_S, LONG_STEP_S = 5, 60  # between samples, and between evaluations; the long one where hours pass
HOUR_S, DAY_S = 3_600, 86_400


@dataclass(frozen=True)
class Alert:
    """An alert that fires: its labels beside those every alert of its rule has, and its description."""

    description: str
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Case:
    """Samples by series, and what fires at moments (seconds since the first sample)."""

    what: str
    series: Mapping[str, str]
    at: Mapping[int, tuple[Alert, ...]]
    step_s: int = STEP_S


def held(*parts: tuple[float | None, int], step_s: int = STEP_S) -> str:
    """Return values, each held for so many seconds, as promtool writes them; None: no sample."""
    written = []
    for value, seconds in parts:
        samples = seconds // step_s
        written.append(f"_x{samples}" if value is None else f"{value}+0x{samples - 1}")
    return " ".join(written)


def long_held(*parts: tuple[float | None, int]) -> str:
    """Return the same where hours pass."""
    return held(*parts, step_s=LONG_STEP_S)


def counted(*parts: tuple[float, int]) -> str:
    """Return a counter that goes up by so much each second, for so many seconds each."""
    value, written = 0.0, []
    for per_second, seconds in parts:
        samples = seconds // STEP_S
        written.append(f"{value:g}+{per_second * STEP_S:g}x{samples - 1}")
        value += per_second * seconds
    return " ".join(written)


def up(job: str, instance: str) -> str:
    """Return the series that says whether a target was scraped."""
    return f'up{{job="{job}",instance="{instance}"}}'


def of_app(metric: str, instance: str = "app-1:8080") -> str:
    """Return a series of a replica."""
    return f'claude_memory_{metric}{{job="claude-memory",instance="{instance}"}}'


def of_worker(metric: str, instance: str = "worker:8080") -> str:
    """Return a series of a worker."""
    return f'claude_memory_{metric}{{job="worker",instance="{instance}"}}'


def of_receiver(metric: str, target: str, more: str = "") -> str:
    """Return a series of the alert receiver."""
    return f'claude_memory_alerts_{metric}{{job="alerts",instance="alerts:8081",target="{target}"{more}}}'


def of_node(metric: str, more: str = "") -> str:
    """Return a series of a host."""
    return f'node_{metric}{{job="node",instance="node-exporter:9100"{more}}}'


APP_1, APP_2 = up("claude-memory", "app-1:8080"), up("claude-memory", "app-2:8080")
PROXY, QDRANT_1, QDRANT_2 = up("proxy", "proxy:2019"), up("qdrant", "qdrant-1:6333"), up("qdrant", "qdrant-2:6333")
PG = 'pg_up{job="postgres",instance="postgres-exporter:9187"}'
HOST = {"job": "node", "instance": "node-exporter:9100"}
ALERTMANAGER_FAILED = (
    'alertmanager_notifications_failed_total{job="alertmanager",instance="alertmanager:9093",integration="webhook"}'
)


def _mcp_down(subject: str) -> str:
    return f"{subject} for 30 s. Other replicas, if any, carry the load; without the proxy no client gets through."


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
        {25: (), 30: (Alert(_mcp_down("No replica is known"), {"job": "claude-memory"}),)},
    ),
    Case(
        "a replica is replaced in 25 s, others are none of its business",
        {APP_1: held((1, 60), (0, 25), (1, 60)), up("worker", "worker:8080"): held((0, 145))},
        {80: (), 90: (), 140: ()},
    ),
]

_PG_DOWN = Alert("Memories can be neither stored nor found until PostgreSQL is back.")
POSTGRES = [
    Case(
        "the exporter finds it gone, and back",
        {PG: held((1, 60), (0, 90), (1, 60)), of_app("postgres_up"): held((1, 210))},
        {115: (), 120: (_PG_DOWN,), 150: ()},
    ),
    Case(
        "it hangs, so that the exporter says nothing and only the replicas notice",
        {
            PG: held((1, 60), (None, 90)) + " stale",
            of_app("postgres_up"): held((1, 60), (0, 90)),
            of_app("postgres_up", "app-2:8080"): held((1, 60), (0, 90)),
        },
        {115: (), 120: (_PG_DOWN,)},
    ),
    Case(
        "the replicas notice first, the exporter goes on: one alert, counted from the first",
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
        "all replicas have lost it; a worker's word does not change that",
        {PG: held((1, 120)), of_app("postgres_up"): held((0, 120)), of_worker("postgres_up"): held((1, 120))},
        {55: (), 60: (_PG_DOWN,)},
    ),
]

_QDRANT_DOWN = Alert(
    "Qdrant, or a node of it, is away. Searches are answered from PostgreSQL until it is back: "
    "slower with many memories; nothing is lost."
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
        "a worker that does not feed it says nothing against it",
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
        "replicas that wait for PostgreSQL since their start know nothing of it",
        {QDRANT_1: held((1, 300)), of_app("qdrant_up"): held((0, 300)), of_app("postgres_up"): held((0, 300))},
        {295: ()},
    ),
    Case(
        "a restart of 55 s",
        {QDRANT_1: held((1, 60), (0, 55), (1, 60))},
        {110: (), 120: (), 170: ()},
    ),
]

_EMBEDDINGS_DOWN = Alert("For 10 min searches went by words alone, or new memories got no vectors; nothing is lost.")
EMBEDDINGS = [
    Case(
        "the process that asks it gets no answer; the others have not asked",
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
    Case("it is away for 9 minutes", {of_app("embeddings_up"): held((1, 60), (0, 540), (1, 120))}, {595: (), 700: ()}),
    Case("there is none", {APP_1: held((1, 720))}, {715: ()}),
]

INDEX = [
    Case(
        "it falls behind, and catches up",
        {
            of_app("index_lag_seconds"): held((10, 60), (61, 150), (0, 60)),
            of_app("index_lag_seconds", "app-2:8080"): held((0, 270)),
        },
        {175: (), 180: (Alert("The oldest change not in the index is 61 s old."),), 210: ()},
    ),
    Case("it is a minute behind", {of_app("index_lag_seconds"): held((60, 600))}, {595: ()}),
    Case("a large import, done in time", {of_app("index_lag_seconds"): held((300, 115), (0, 60))}, {115: (), 170: ()}),
]

_OLD_S = 36 * HOUR_S
_NO_BACKUP = Alert("After 36 hours there is still no backup; is BACKUP_TO set, and does the worker run?")
_TIMESTAMP = "backup_last_success_timestamp_seconds"
BACKUP_OLD = [
    Case(
        "the last one was made 36 hours ago, then comes the next; one replica knows of an older one",
        {
            of_app(_TIMESTAMP): long_held((HOUR_S, 38 * HOUR_S), (38 * HOUR_S, HOUR_S)),
            of_app(_TIMESTAMP, "app-2:8080"): long_held((60, 39 * HOUR_S)),
        },
        {
            HOUR_S + _OLD_S + 600: (),
            HOUR_S + _OLD_S + 660: (Alert("It was made 1d 12h 11m 0s ago; backups are made every night."),),
            38 * HOUR_S: (),
        },
        LONG_STEP_S,
    ),
    Case(
        "one a night",
        {of_app(_TIMESTAMP): long_held(*((day * DAY_S + 2 * HOUR_S, DAY_S) for day in range(4)))},
        {day * DAY_S: () for day in range(1, 4)},
        LONG_STEP_S,
    ),
    Case("there was never one", {of_app(_TIMESTAMP): long_held((0, 3 * DAY_S))}, {2 * DAY_S: ()}, LONG_STEP_S),
]
BACKUP_MISSING = [
    Case(
        "none for 36 hours, then one",
        {of_app(_TIMESTAMP): long_held((0, 40 * HOUR_S), (40 * HOUR_S, HOUR_S))},
        {_OLD_S - 60: (), _OLD_S: (_NO_BACKUP,), 40 * HOUR_S: ()},
        LONG_STEP_S,
    ),
    Case(
        "the first one in the first night",
        {
            of_app(_TIMESTAMP): long_held((0, DAY_S), (DAY_S, 3 * DAY_S)),
            of_app(_TIMESTAMP, "app-2:8080"): long_held((0, 4 * DAY_S)),  # it has not asked again since
        },
        {_OLD_S: (), 3 * DAY_S: ()},
        LONG_STEP_S,
    ),
]

_NO_LEADER = Alert("The index is not fed, nothing expires and no backup is made until a worker leads again.")
WORKER = [
    Case(
        "the leader stops, nobody takes over, then one does",
        {
            of_worker("worker_leader"): held((1, 60), (0, 150), (1, 60)),
            of_worker("worker_leader", "worker-2:8080"): held((0, 270)),
        },
        {175: (), 180: (_NO_LEADER,), 210: ()},
    ),
    Case("there is no worker", {APP_1: held((1, 180))}, {115: (), 120: (_NO_LEADER,)}),
    Case(
        "it disappears while it does not lead: counted from the first",
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

_ENDS = "certificate_expiry_timestamp_seconds"
_MONTHS_S = 14 * DAY_S + 2 * HOUR_S
CERTIFICATE = [
    Case(
        "it comes within 14 days, then it is renewed",
        {of_worker(_ENDS): long_held((_MONTHS_S, 4 * HOUR_S), (90 * DAY_S, HOUR_S))},
        {
            3 * HOUR_S: (),
            3 * HOUR_S + 60: (Alert("It was not renewed, and 13d 22h 59m 0s are left (below zero: it has ended)."),),
            4 * HOUR_S: (),
        },
        LONG_STEP_S,
    ),
    Case(
        "it has ended",
        {of_worker(_ENDS): long_held((60, 3 * HOUR_S))},
        {HOUR_S - 60: (), HOUR_S: (Alert("It was not renewed, and -59m 0s are left (below zero: it has ended)."),)},
        LONG_STEP_S,
    ),
    Case(
        "a worker that led before remembers the one that was renewed",
        {
            of_worker(_ENDS): long_held((DAY_S, 5 * HOUR_S)),
            of_worker(_ENDS, "worker-2:8080"): long_held((90 * DAY_S, 5 * HOUR_S)),
        },
        {4 * HOUR_S: ()},
        LONG_STEP_S,
    ),
    Case(
        "14 days are left",
        {of_worker(_ENDS): long_held((14 * DAY_S + 5 * HOUR_S, 5 * HOUR_S))},
        {5 * HOUR_S: ()},
        LONG_STEP_S,
    ),
    Case("there is none", {APP_1: long_held((1, 5 * HOUR_S))}, {5 * HOUR_S: ()}, LONG_STEP_S),
]


def _late(subject: str, **labels: str) -> Alert:
    return Alert(
        f"{subject}: for 5 min alerts came late or not at all. They are kept and sent again; "
        "those given up stay in the receiver's log alone.",
        labels,
    )


_SLACK = _late("Target slack of alerts:8081", instance="alerts:8081", target="slack")
DELIVERY = [
    Case(
        "a target fails, and works again",
        {
            of_receiver("delivery_failing", "slack"): held((0, 60), (1, 330), (0, 60)),
            of_receiver("delivery_failing", "mail"): held((0, 450)),
        },
        {355: (), 360: (_SLACK,), 390: ()},
    ),
    Case(
        "messages wait for over 5 min: one alert, also when tries begin to fail",
        {
            of_receiver("queue_age_seconds", "slack"): held((300, 60), (301, 330), (300, 60)),
            of_receiver("delivery_failing", "slack"): held((0, 100), (1, 250), (0, 100)),
        },
        {355: (), 360: (_SLACK,), 390: ()},
    ),
    Case(
        "a message was given up, told for 15 min",
        {of_receiver("deliveries_total", "slack", ',outcome="given_up"'): held((0, 60), (1, 1_200))},
        {355: (), 360: (_SLACK,), 900: (_SLACK,), 980: ()},
    ),
    Case(
        "Alertmanager does not reach the receiver",
        {ALERTMANAGER_FAILED: counted((0, 60), (0.1, 340), (0, 600))},
        {360: (), 365: (_late("alertmanager:9093", instance="alertmanager:9093"),), 750: ()},
    ),
    Case(
        "the receiver is down, and back",
        {up("alerts", "alerts:8081"): held((1, 60), (0, 330), (1, 60))},
        {355: (), 360: (_late("alerts:8081", instance="alerts:8081"),), 390: ()},
    ),
    Case(
        "Alertmanager is down",
        {up("alertmanager", "alertmanager:9093"): held((1, 60), (0, 330))},
        {355: (), 360: (_late("alertmanager:9093", instance="alertmanager:9093"),)},
    ),
    Case(
        "tries that fail and are repeated in time, one call of Alertmanager that failed",
        {
            of_receiver("delivery_failing", "slack"): held((0, 60), (1, 295), (0, 300)),
            of_receiver("queue_age_seconds", "slack"): held((0, 60), (300, 595)),
            of_receiver("deliveries_total", "slack", ',outcome="failed"'): counted((0, 60), (1, 595)),
            ALERTMANAGER_FAILED: held((0, 60), (1, 595)),
            up("alerts", "alerts:8081"): held((1, 655)),
        },
        dict.fromkeys(range(300, 655, STEP_S), ()),
    ),
]

TARGET = [
    Case(
        "a host is not measured, then it is again",
        {up("node", "node-exporter:9100"): held((1, 60), (0, 330), (1, 60))},
        {
            355: (),
            360: (Alert("node on node-exporter:9100 has not answered for 5 min; its alerts are blind.", HOST),),
            390: (),
        },
    ),
    Case(
        "parts whose absence is an alert of its own",
        {one: held((0, 600)) for one in (APP_1, PROXY, QDRANT_1, up("alerts", "a:1"), up("alertmanager", "a:2"))},
        {595: ()},
    ),
    Case("a restart", {up("postgres", "postgres-exporter:9187"): held((1, 60), (0, 295), (1, 60))}, {360: (), 410: ()}),
]

WATCHDOG = [
    Case(
        "always",
        {},
        {
            moment: (Alert("Always firing: whoever waits for it and hears nothing knows that alerting is broken."),)
            for moment in (0, 600)
        },
    )
]


def _disk(limit: int) -> list[Case]:
    root = ',device="/dev/vda1",fstype="ext4",mountpoint="/"'
    labels = {**HOST, "device": "/dev/vda1", "fstype": "ext4", "mountpoint": "/"}
    other = ',device="/dev/vdb1",fstype="xfs",mountpoint="/srv"'
    full = [
        ',device="tmpfs",fstype="tmpfs",mountpoint="/tmp"',
        ',device="overlay",fstype="overlay",mountpoint="/var/lib/docker/overlay2/a/merged"',
        ',device="/dev/loop0",fstype="squashfs",mountpoint="/snap/core/1"',
        ',device="/dev/sr0",fstype="iso9660",mountpoint="/media/cdrom"',
        ',device="/dev/vda2",fstype="ext4",mountpoint="/boot"',
    ]
    over = f"Disk use is at {limit + 1} % on node-exporter:9100 /, over {limit} % for 5 min."
    return [
        Case(
            "one of two fills, and is cleared",
            {
                of_node("filesystem_size_bytes", root): held((100, 450)),
                of_node("filesystem_avail_bytes", root): held((50, 60), (99 - limit, 330), (50, 60)),
                of_node("filesystem_size_bytes", other): held((100, 450)),
                of_node("filesystem_avail_bytes", other): held((50, 450)),
            },
            {355: (), 360: (Alert(over, labels),), 390: ()},
        ),
        Case(
            "at the limit; full ones that are no disks of ours",
            {
                of_node("filesystem_size_bytes", root): held((100, 600)),
                of_node("filesystem_avail_bytes", root): held((100 - limit, 600)),
                **{of_node("filesystem_size_bytes", one): held((100, 600)) for one in full},
                **{of_node("filesystem_avail_bytes", one): held((0, 600)) for one in full},
            },
            {595: ()},
        ),
        Case(
            "full for less than 5 min",
            {
                of_node("filesystem_size_bytes", root): held((100, 600)),
                of_node("filesystem_avail_bytes", root): held((1, 295), (50, 305)),
            },
            {295: (), 595: ()},
        ),
    ]


def _memory(limit: int) -> list[Case]:
    over = f"Memory use is at {limit + 1} % on node-exporter:9100, over {limit} % for 5 min."
    total = {of_node("memory_MemTotal_bytes"): held((100, 600))}
    available = of_node("memory_MemAvailable_bytes")
    return [
        Case(
            "little is left, then more",
            {**total, available: held((50, 60), (99 - limit, 330), (50, 60))},
            {355: (), 360: (Alert(over, HOST),), 390: ()},
        ),
        Case("at the limit", {**total, available: held((100 - limit, 600))}, {595: ()}),
        Case("for less than 5 min", {**total, available: held((1, 295), (50, 305))}, {295: (), 595: ()}),
    ]


def _cpu(limit: int) -> list[Case]:
    over = f"CPU use is at {limit + 1} % on node-exporter:9100, over {limit} % for 10 min."
    idle = [of_node("cpu_seconds_total", f',cpu="{number}",mode="idle"') for number in (0, 1)]
    busy = of_node("cpu_seconds_total", ',cpu="0",mode="user"')
    rest = (99 - limit) / 100
    return [
        Case(
            "both are busy, then idle",
            {one: counted((rest, 700), (1, 600)) for one in idle},
            # two samples make the first rate
            {600: (), 605: (Alert(over, {"instance": HOST["instance"]}),), 1_100: ()},
        ),
        Case(
            "just under the limit, one more than the other",
            {
                idle[0]: counted((rest, 1_200)),
                idle[1]: counted((rest + 0.03, 1_200)),
                busy: counted((1, 1_200)),
            },
            dict.fromkeys(range(600, 1200, 60), ()),
        ),
        Case(
            "busy for five minutes",
            {one: counted((1, 600), (0, 300), (1, 900)) for one in idle},
            dict.fromkeys(range(600, 1800, STEP_S), ()),
        ),
    ]


def _response(limit: int) -> list[Case]:
    over = f"Mean response time is {limit}.1 s on app-1:8080, over {limit} s for 2 min."
    slow, quick = of_app("avg_response_time_seconds"), of_app("avg_response_time_seconds", "app-2:8080")
    labels = {"job": "claude-memory", "instance": "app-1:8080"}
    return [
        Case(
            "one replica is slow, then as quick as the other",
            {slow: held((0.1, 60), (limit + 0.1, 150), (0.1, 60)), quick: held((0.1, 270))},
            {175: (), 180: (Alert(over, labels),), 210: ()},
        ),
        Case("at the limit", {slow: held((limit, 600))}, {595: ()}),
        Case("slow for less than 2 min", {slow: held((60, 115), (0.1, 60))}, {115: (), 170: ()}),
    ]


def _database(gigabytes: int) -> list[Case]:
    over = f"Database size is {gigabytes}.1GB, over {gigabytes} GB for 5 min."
    one, other = of_app("database_bytes"), of_app("database_bytes", "app-2:8080")
    much = (gigabytes + 0.1) * 1e9
    return [
        Case(
            "it grows, and is cleaned up; two replicas see the same: one alert",
            {series: held((1e6, 60), (much, 330), (1e6, 60)) for series in (one, other)},
            {355: (), 360: (Alert(over),), 390: ()},
        ),
        Case("at the limit", {one: held((gigabytes * 1e9, 600))}, {595: ()}),
        Case("for less than 5 min", {one: held((5e9, 295), (1e6, 60))}, {295: (), 350: ()}),
    ]


CASES: Mapping[str, list[Case]] = {
    "ClaudeMemoryMCPDown": MCP,
    "ClaudeMemoryPostgresDown": POSTGRES,
    "ClaudeMemoryQdrantDown": QDRANT,
    "ClaudeMemoryIndexBehind": INDEX,
    "ClaudeMemoryEmbeddingsDown": EMBEDDINGS,
    "ClaudeMemoryBackupTooOld": BACKUP_OLD,
    "ClaudeMemoryBackupMissing": BACKUP_MISSING,
    "ClaudeMemoryWorkerWithoutLeader": WORKER,
    "ClaudeMemoryCertificateExpiring": CERTIFICATE,
    "ClaudeMemoryAlertDeliveryFailing": DELIVERY,
    "ClaudeMemoryTargetDown": TARGET,
    "ClaudeMemoryWatchdog": WATCHDOG,
    "ClaudeMemoryDiskFilling": _disk(80),
    "ClaudeMemoryDiskAlmostFull": _disk(90),
    "ClaudeMemoryMemoryHigh": _memory(85),
    "ClaudeMemoryMemoryCritical": _memory(95),
    "ClaudeMemoryCPUHigh": _cpu(80),
    "ClaudeMemoryCPUCritical": _cpu(90),
    "ClaudeMemoryHighResponseTime": _response(5),
    "ClaudeMemoryResponseTimeCritical": _response(10),
    "ClaudeMemoryDatabaseGrowing": _database(1),
    "ClaudeMemoryDatabaseLarge": _database(2),
}
