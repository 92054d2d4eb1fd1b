"""What the webhook takes, and how it says no."""

from __future__ import annotations

import pytest

from app.alerts.notification import InvalidNotification, fingerprint, read_notification
from tests.support.alerts import FIRING, ONE_RESOLVED


def test_what_alertmanager_sent_is_read() -> None:
    notification = read_notification(FIRING)

    first, second = notification.alerts
    assert notification.receiver == "hook"
    assert (first.name, first.status, first.fingerprint) == ("ClaudeMemoryQdrantDown", "firing", "3323e1dc148f32e8")
    assert first.starts_at is not None
    assert first.ends_at is None, "Go's zero time is no time"
    assert second.annotations == {"summary": "Qdrant <does> not answer"}
    assert [alert.status for alert in read_notification(ONE_RESOLVED).alerts] == ["resolved", "firing"]


def test_our_fingerprint_is_the_one_alertmanager_computed() -> None:
    for alert in read_notification(FIRING).alerts:
        assert fingerprint(alert.labels) == alert.fingerprint


def test_a_bare_alert_is_enough() -> None:
    [alert] = read_notification(b'{"alerts":[{"status":"firing"}]}').alerts

    assert alert.fingerprint == fingerprint({})
    assert alert.name == "alert without a name"


def test_labels_that_are_null_are_none() -> None:
    [alert] = read_notification(b'{"alerts":[{"status":"resolved","labels":null,"annotations":null}]}').alerts

    assert alert.labels == alert.annotations == {}


@pytest.mark.parametrize(
    ("body", "says"),
    [
        pytest.param(b"", "body: not valid JSON", id="empty"),
        pytest.param(b"\xff{}", "body: not valid JSON", id="not UTF-8"),
        pytest.param(b'{"alerts":[{"status":"firing","labels":{"a":"\\ud800"}}]}', "body: not valid JSON", id="half"),
        pytest.param(b"[" * 100_000, "body: not valid JSON", id="deep"),
        pytest.param(b"[]", "body: got [], takes a JSON object", id="a list"),
        pytest.param(b"{}", "alerts: missing, takes a list of alerts", id="nothing"),
        pytest.param(b'{"alerts":{}}', "alerts: got {}, takes a list of alerts", id="an object"),
        pytest.param(b'{"alerts":[1]}', "alerts.0: got 1, takes a JSON object", id="a number"),
        pytest.param(b'{"alerts":[{}]}', "alerts.0.status: missing, takes firing or resolved", id="no status"),
        pytest.param(
            b'{"alerts":[{"status":"on"}]}', "alerts.0.status: got 'on', takes firing or resolved", id="a wrong status"
        ),
        pytest.param(
            b'{"alerts":[{"status":"firing","labels":{"a":1}}]}', "alerts.0.labels.a: got 1, takes a text", id="a label"
        ),
        pytest.param(
            b'{"alerts":[{"status":"firing","startsAt":"soon"}]}',
            "alerts.0.startsAt: got 'soon', takes an ISO 8601 time",
            id="a time",
        ),
    ],
)
def test_what_is_wrong_is_named_in_one_line(body: bytes, says: str) -> None:
    with pytest.raises(InvalidNotification) as wrong:
        read_notification(body)

    assert str(wrong.value).startswith(says)
    assert "\n" not in str(wrong.value)
    assert wrong.value.status == 400
