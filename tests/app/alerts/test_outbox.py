"""States and queue: what is news, what waits, what survives."""

from __future__ import annotations

import sqlite3
import stat
from pathlib import Path

import pytest

from app.alerts.outbox import FORGOTTEN_AFTER_S, Outbox, OutboxUnusable
from tests.support.alerts import alert

HOUR_S = 3_600.0


def test_each_transition_is_news_and_each_repetition_is_none(outbox: Outbox) -> None:
    firing, resolved = alert(), alert(status="resolved")

    said = [outbox.is_news(one, 0.0, HOUR_S) for one in (firing, firing, resolved, resolved, firing, firing)]

    assert said == [True, False, True, False, True, False]


def test_an_alert_that_began_anew_is_news(outbox: Outbox) -> None:
    assert outbox.is_news(alert(startsAt="2026-01-01T00:00:00Z"), 0.0, HOUR_S)
    assert outbox.is_news(alert(startsAt="2026-01-02T00:00:00Z"), 0.0, HOUR_S)


def test_alerts_with_other_labels_are_others(outbox: Outbox) -> None:
    assert outbox.is_news(alert(labels={"instance": "a"}), 0.0, HOUR_S)
    assert outbox.is_news(alert(labels={"instance": "b"}), 0.0, HOUR_S)


def test_a_repetition_is_forwarded_again_after_a_time_counted_from_the_last_forwarding(outbox: Outbox) -> None:
    times = [0.0, HOUR_S / 2, HOUR_S, HOUR_S * 1.5, HOUR_S * 2]

    assert [outbox.is_news(alert(), now, HOUR_S) for now in times] == [True, False, True, False, True]


def test_with_0_nobody_is_reminded(outbox: Outbox) -> None:
    assert [outbox.is_news(alert(), now, 0.0) for now in (0.0, 1e9)] == [True, False]


def test_states_of_alerts_long_gone_are_forgotten(outbox: Outbox) -> None:
    outbox.is_news(alert(), 0.0, 0.0)
    outbox.forget_old(FORGOTTEN_AFTER_S - 1)
    assert not outbox.is_news(alert(), 0.0, 0.0)
    outbox.forget_old(FORGOTTEN_AFTER_S + 1)
    assert outbox.is_news(alert(), 0.0, 0.0)


def test_a_transaction_that_fails_leaves_neither_state_nor_queue(outbox: Outbox) -> None:
    with pytest.raises(OSError), outbox.transaction():
        outbox.is_news(alert(), 0.0, HOUR_S)
        outbox.put(["slack"], [alert()], 0.0)
        raise OSError

    assert outbox.waiting() == {}
    assert outbox.is_news(alert(), 0.0, HOUR_S)


def test_messages_come_in_order_and_stay_until_removed(outbox: Outbox) -> None:
    for name in ("one", "two"):
        outbox.put(["slack", "email"], [alert(name)], 5.0)

    first = outbox.next_message("slack", 1)
    assert first is not None
    assert first == outbox.next_message("slack", 1), "the same id on every try"
    assert [one.name for one in first.alerts] == ["one"]
    outbox.remove(first)
    second = outbox.next_message("slack", 1)
    assert second is not None
    assert [one.name for one in second.alerts] == ["two"]
    assert second.id != first.id
    assert outbox.waiting() == {"slack": (1, 5.0), "email": (2, 5.0)}, "targets do not share a queue"


def test_what_waits_goes_together_as_far_as_it_fits(outbox: Outbox) -> None:
    for size in (2, 2, 2):
        outbox.put(["slack"], [alert(str(n)) for n in range(size)], 0.0)
    outbox.put(["slack"], [alert(str(n)) for n in range(9)], 0.0)

    sizes = []
    while (message := outbox.next_message("slack", 5)) is not None:
        sizes.append(len(message.alerts))
        outbox.remove(message)
    assert sizes == [4, 2, 9], "one call's alerts stay together, also when they are too many"


def test_an_alert_comes_out_as_it_went_in(outbox: Outbox) -> None:
    put = alert(labels={"名": "\x00 \u2028"}, startsAt="2026-11-21T14:48:50.370683333Z", generatorURL="http://p")
    outbox.put(["slack"], [put], 0.0)

    message = outbox.next_message("slack", 1)
    assert message is not None
    assert message.alerts == (put,)


def test_what_is_too_old_and_what_nobody_wants_is_dropped_and_counted(outbox: Outbox) -> None:
    outbox.put(["slack", "email"], [alert()], 1.0)
    outbox.put(["slack", "email"], [alert()], 3.0)

    assert outbox.expire("slack", 2.0) == 1
    assert outbox.drop_others(["slack"]) == {"email": 2}
    assert outbox.waiting() == {"slack": (1, 3.0)}


def test_everything_is_there_after_the_process_is_gone_and_private(tmp_path: Path) -> None:
    before = Outbox(tmp_path)
    with before.transaction():
        before.is_news(alert(), 0.0, HOUR_S)
        before.put(["slack"], [alert()], 0.0)
    assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()} == {0o600}

    after = Outbox(tmp_path)  # as after a kill: nothing was closed
    assert not after.is_news(alert(), 1.0, HOUR_S)
    assert after.next_message("slack", 1) is not None
    assert after._connection.execute("pragma synchronous").fetchone() == (2,), "2 is FULL"
    after.close()
    before.close()


def test_a_file_that_is_no_database_is_named_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "outbox.sqlite3").write_bytes(b"no database" * 100)

    with pytest.raises(OutboxUnusable, match=r"outbox\.sqlite3 cannot be opened: .*move it away"):
        Outbox(tmp_path)


def test_a_full_disk_is_an_error_and_keeps_what_was_there(outbox: Outbox) -> None:
    outbox.put(["slack"], [alert()], 0.0)
    pages = outbox._connection.execute("pragma page_count").fetchone()[0]
    outbox._connection.execute(f"pragma max_page_count = {pages}")

    with pytest.raises(sqlite3.OperationalError, match="full"), outbox.transaction():
        outbox.put(["slack"], [alert(labels={"long": "x" * 100_000})], 0.0)
    assert outbox.waiting() == {"slack": (1, 0.0)}
