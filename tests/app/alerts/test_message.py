"""What people read."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from app.alerts.message import CHAT_TEXT_BYTES, text, title
from app.alerts.notification import Alert, read_notification
from tests.support.alerts import FIRING, ONE_RESOLVED, alert

anything = st.text(max_size=400)
alerts = st.builds(
    Alert,
    status=st.sampled_from(["firing", "resolved"]),
    labels=st.dictionaries(st.sampled_from(["alertname", "severity", "instance"]) | anything, anything, max_size=5),
    annotations=st.dictionaries(st.sampled_from(["summary", "description", "runbook_url"]), anything),
)


def test_an_alert_reads_as_a_paragraph() -> None:
    [first, _] = read_notification(FIRING).alerts

    assert text([first], 1_000).splitlines() == [
        "FIRING ClaudeMemoryQdrantDown (critical) on app:8080",
        "Qdrant does not answer",
        "No answer for 1 minute.",
        "Runbook: https://example.org/runbook#qdrant",
        "Labels: job=claude-memory",
        f"Since: {first.starts_at}",
    ]


def test_a_resolved_one_says_until_when_it_fired() -> None:
    resolved = read_notification(ONE_RESOLVED).alerts[0]

    assert text([resolved], 1_000).splitlines()[-1] == f"Until: {resolved.ends_at}"


def test_the_title_counts_and_names() -> None:
    many = [alert(name) for name in "aabcde"]

    assert title(read_notification(ONE_RESOLVED).alerts) == "[FIRING 1, RESOLVED 1] ClaudeMemoryQdrantDown"
    assert title(many) == "[FIRING 6] a, b, c and 2 more"


def test_what_does_not_fit_is_counted() -> None:
    many = [alert(f"name {n}") for n in range(1_000)]

    written = text(many, 2_000)
    shown = written.count("FIRING")
    assert written.endswith(f"… and {1_000 - shown} more; the receiver's /alerts has all")
    assert shown > 10


@given(st.lists(alerts, min_size=1, max_size=20))
def test_no_alert_makes_a_text_too_long_or_a_line_of_its_own(many: list[Alert]) -> None:
    written = text(many, CHAT_TEXT_BYTES)

    assert len(written.encode()) <= CHAT_TEXT_BYTES
    assert title(many) == " ".join(title(many).splitlines())
    known = ("FIRING", "RESOLVED", "Runbook: ", "Labels: ", "… and ", "")
    others = [row for row in written.split("\n") if not row.startswith(known)]
    assert len(others) <= 2 * len(many), "summary and description, a line each"
    assert not any(ord(character) < 32 and character != "\n" for character in written)
