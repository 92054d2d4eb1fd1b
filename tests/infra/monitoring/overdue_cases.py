"""Cases of overdue_rules.py."""

from __future__ import annotations

from collections.abc import Mapping

from tests.infra.monitoring.series import (
    APP_1,
    DAY_S,
    HOUR_S,
    LONG_STEP_S,
    Alert,
    Case,
    held,
    long_held,
    of_app,
    of_worker,
)

INDEX = [
    Case(
        "it falls behind, and catches up",
        {
            of_app("index_lag_seconds"): held((10, 60), (61, 150), (0, 60)),
            of_app("index_lag_seconds", "app-2:8080"): held((0, 270)),
        },
        {175: (), 180: (Alert("The oldest change missing from the index is 61 s old."),), 210: ()},
    ),
    Case("it is a minute behind", {of_app("index_lag_seconds"): held((60, 600))}, {595: ()}),
    Case("a large import, done in time", {of_app("index_lag_seconds"): held((300, 115), (0, 60))}, {115: (), 170: ()}),
]

_OLD_S = 36 * HOUR_S
_NO_BACKUP = Alert("There is still no backup after 36 hours; is BACKUP_TO set, and is the worker running?")
_TIMESTAMP = "backup_last_success_timestamp_seconds"
BACKUP_OLD = [
    Case(
        "the last one is 36 hours old, then the next is made; one replica knows an older one",
        {
            of_app(_TIMESTAMP): long_held((HOUR_S, 38 * HOUR_S), (38 * HOUR_S, HOUR_S)),
            of_app(_TIMESTAMP, "app-2:8080"): long_held((60, 39 * HOUR_S)),
        },
        {
            HOUR_S + _OLD_S + 600: (),
            HOUR_S + _OLD_S + 660: (Alert("It was made 1d 12h 11m 0s ago; there should be one every night."),),
            38 * HOUR_S: (),
        },
        LONG_STEP_S,
    ),
    Case(
        "one every night",
        {of_app(_TIMESTAMP): long_held(*((day * DAY_S + 2 * HOUR_S, DAY_S) for day in range(4)))},
        {day * DAY_S: () for day in range(1, 4)},
        LONG_STEP_S,
    ),
    Case("there has never been one", {of_app(_TIMESTAMP): long_held((0, 3 * DAY_S))}, {2 * DAY_S: ()}, LONG_STEP_S),
]
BACKUP_MISSING = [
    Case(
        "none for 36 hours, then one",
        {of_app(_TIMESTAMP): long_held((0, 40 * HOUR_S), (40 * HOUR_S, HOUR_S))},
        {_OLD_S - 60: (), _OLD_S: (_NO_BACKUP,), 40 * HOUR_S: ()},
        LONG_STEP_S,
    ),
    Case(
        "the first one is made in the first night",
        {
            of_app(_TIMESTAMP): long_held((0, DAY_S), (DAY_S, 3 * DAY_S)),
            of_app(_TIMESTAMP, "app-2:8080"): long_held((0, 4 * DAY_S)),  # which has not asked again since
        },
        {_OLD_S: (), 3 * DAY_S: ()},
        LONG_STEP_S,
    ),
]

_DUE, _VERIFIED = "backup_verification_due_timestamp_seconds", "backup_last_verified_timestamp_seconds"
_UNPROVED = Alert(
    "No backup was proved since a verification was due 6 hours ago or more: it failed, or it did not end."
)
BACKUP_UNPROVED = [
    Case(
        "a verification fails, then one by hand succeeds",
        {
            of_app(_DUE): long_held((60, HOUR_S), (HOUR_S, 9 * HOUR_S)),
            of_app(_VERIFIED): long_held((120, 8 * HOUR_S), (8 * HOUR_S, 2 * HOUR_S)),
        },
        {7 * HOUR_S - 60: (), 7 * HOUR_S: (_UNPROVED,), 8 * HOUR_S: ()},
        LONG_STEP_S,
    ),
    Case(
        "one takes five hours",
        {
            of_app(_DUE): long_held((HOUR_S, 9 * HOUR_S)),
            of_app(_VERIFIED): long_held((0, 5 * HOUR_S), (5 * HOUR_S, 4 * HOUR_S)),
        },
        {hour * HOUR_S: () for hour in range(1, 9)},
        LONG_STEP_S,
    ),
    Case(
        "the schedule is off, and none was ever verified",
        {of_app(_DUE): long_held((0, 9 * HOUR_S)), of_app(_VERIFIED): long_held((0, 9 * HOUR_S))},
        {8 * HOUR_S: ()},
        LONG_STEP_S,
    ),
]
_NINE_DAYS_S = 9 * DAY_S
VERIFIED_LONG_AGO = [
    Case(
        "the last is nine days old, then one is made; one replica knows an older one",
        {
            of_app(_DUE): long_held((60, 11 * DAY_S)),
            of_app(_VERIFIED): long_held((HOUR_S, 10 * DAY_S), (10 * DAY_S, DAY_S)),
            of_app(_VERIFIED, "app-2:8080"): long_held((60, 11 * DAY_S)),
        },
        {
            HOUR_S + _NINE_DAYS_S + 600: (),
            HOUR_S + _NINE_DAYS_S + 660: (
                Alert("The last one was verified 9d 0h 11m 0s ago; there should be one every week."),
            ),
            10 * DAY_S: (),
        },
        LONG_STEP_S,
    ),
    Case(
        "one was verified by hand, where no worker does it",
        {of_app(_DUE): long_held((0, 11 * DAY_S)), of_app(_VERIFIED): long_held((60, 11 * DAY_S))},
        {10 * DAY_S: ()},
        LONG_STEP_S,
    ),
]

_ENDS, _LIFETIME = "certificate_expiry_timestamp_seconds", "certificate_lifetime_seconds"
_VALID_90_DAYS = {of_worker(_LIFETIME): f"{90 * DAY_S}x400"}
_MONTHS_S = 14 * DAY_S + 2 * HOUR_S
CERTIFICATE = [
    Case(
        "fewer than 14 days are left, then it is renewed",
        {of_worker(_ENDS): long_held((_MONTHS_S, 4 * HOUR_S), (90 * DAY_S, HOUR_S)), **_VALID_90_DAYS},
        {
            3 * HOUR_S: (),
            3 * HOUR_S + 60: (Alert("It has not been renewed; time left: 13d 22h 59m 0s (negative: it has expired)."),),
            4 * HOUR_S: (),
        },
        LONG_STEP_S,
    ),
    Case(
        "it has expired",
        {of_worker(_ENDS): long_held((60, 3 * HOUR_S)), **_VALID_90_DAYS},
        {HOUR_S - 60: (), HOUR_S: (Alert("It has not been renewed; time left: -59m 0s (negative: it has expired)."),)},
        LONG_STEP_S,
    ),
    Case(
        "a worker that led earlier remembers the certificate that has been renewed",
        {
            of_worker(_ENDS): long_held((DAY_S, 5 * HOUR_S)),
            of_worker(_ENDS, "worker-2:8080"): long_held((90 * DAY_S, 5 * HOUR_S)),
            **_VALID_90_DAYS,
        },
        {4 * HOUR_S: ()},
        LONG_STEP_S,
    ),
    Case(
        "14 days are left",
        {of_worker(_ENDS): long_held((14 * DAY_S + 5 * HOUR_S, 5 * HOUR_S)), **_VALID_90_DAYS},
        {5 * HOUR_S: ()},
        LONG_STEP_S,
    ),
    Case(
        "one of the proxy's own authority is valid for 12 hours, and renewed when a third is left",
        {
            of_worker(_ENDS): long_held((12 * HOUR_S, 8 * HOUR_S), (20 * HOUR_S, 8 * HOUR_S)),
            of_worker(_LIFETIME): f"{12 * HOUR_S}x1000",
        },
        {9 * HOUR_S: (), 16 * HOUR_S: ()},
        LONG_STEP_S,
    ),
    Case(
        "such a one is not renewed",
        {of_worker(_ENDS): long_held((12 * HOUR_S, 12 * HOUR_S)), of_worker(_LIFETIME): f"{12 * HOUR_S}x1000"},
        {
            10 * HOUR_S + 36 * 60: (),
            10 * HOUR_S + 37 * 60: (
                Alert("It has not been renewed; time left: 1h 23m 0s (negative: it has expired)."),
            ),
        },
        LONG_STEP_S,
    ),
    Case("there is none", {APP_1: long_held((1, 5 * HOUR_S))}, {5 * HOUR_S: ()}, LONG_STEP_S),
]

_LOOKED = 'claude_memory_job_last_success_timestamp_seconds{task="certificate", instance="worker:8080", job="worker"}'
_UNSEEN = Alert("No worker has seen the proxy's certificate of late, so nobody would learn that it expires.")
CERTIFICATE_UNSEEN = [
    Case(
        "no worker ever sees one, then one does",
        {
            of_worker(_ENDS): f"_x20 {90 * DAY_S}x20",
            _LOOKED: "_x20 1200+60x20",
        },
        {840: (), 900: (_UNSEEN,), 21 * 60: ()},
        LONG_STEP_S,
    ),
    Case(
        "the proxy shows none any more: three looks, and a quarter of an hour",
        {of_worker(_ENDS): long_held((90 * DAY_S, HOUR_S)), _LOOKED: "0x60"},
        {900 + 60 + 840: (), 900 + 60 + 900: (_UNSEEN,)},
        LONG_STEP_S,
    ),
    Case(
        "one of two workers sees it every five minutes",
        {
            of_worker(_ENDS): long_held((90 * DAY_S, HOUR_S)),
            _LOOKED: "0 0 0 0 0 300 300 300 300 300 600 600 600 600 600 900 900 900 900 900 1200 1200 1200 1200 1200",
            _LOOKED.replace("worker:", "worker-2:"): "0x25",
        },
        {1_440: ()},
        LONG_STEP_S,
    ),
]

OUTBOX = [
    Case(
        "the oldest write waits for a quarter of an hour, then memU takes it",
        {
            of_app("outbox_age_seconds"): held((900, 60), (901, 330), (5, 60)),
            of_app("outbox_age_seconds", "app-2:8080"): held((3, 450)),
        },
        {
            355: (),
            360: (Alert("The oldest write that memU has yet to take is 15m 1s old; none is lost."),),
            395: (),
        },
    ),
    Case("memU takes its time", {of_app("outbox_age_seconds"): held((900, 1_200))}, {1_195: ()}),
    Case("nothing waits", {of_app("outbox_age_seconds"): held((0, 600))}, {595: ()}),
]
MEMU_REFUSES = [
    Case(
        "two entries are refused, then sent again",
        {of_app("outbox_refused"): held((0, 60), (2, 90), (0, 60))},
        {115: (), 120: (Alert("2 of the outbox were refused by memU and wait for a person."),), 150: ()},
    ),
    Case("none is refused", {of_app("outbox_refused"): held((0, 120))}, {115: ()}),
]

OVERDUE_CASES: Mapping[str, list[Case]] = {
    "ClaudeMemoryIndexBehind": INDEX,
    "ClaudeMemoryBackupTooOld": BACKUP_OLD,
    "ClaudeMemoryBackupMissing": BACKUP_MISSING,
    "ClaudeMemoryBackupUnproved": BACKUP_UNPROVED,
    "ClaudeMemoryBackupVerifiedTooLongAgo": VERIFIED_LONG_AGO,
    "ClaudeMemoryCertificateExpiring": CERTIFICATE,
    "ClaudeMemoryCertificateUnseen": CERTIFICATE_UNSEEN,
    "ClaudeMemoryOutboxTooOld": OUTBOX,
    "ClaudeMemoryMemuRefuses": MEMU_REFUSES,
}
