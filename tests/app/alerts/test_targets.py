"""DingTalk, Feishu, Slack and webhooks, against servers that check as their documents say."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx
import pytest

from app.alerts import targets
from app.alerts.delivery import DeliveryFailed
from app.alerts.notification import Alert, read_notification
from app.alerts.targets import DingTalk, Feishu, Slack, Webhook, http_client, webhook_key
from tests.standins import chat
from tests.standins.chat import SECRET, ChatRoom, said
from tests.support.alerts import FIRING, alert, message

NASTY = alert(
    '<at user_id="all">everyone</at> <!channel> & @all',
    labels={"instance": "a\nb", "long": "汉" * 100_000},
    annotations={"summary": '"\\' * 5_000},
)


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    """The client targets share."""
    async with http_client() as client:
        yield client


async def test_dingtalk_takes_a_signed_text(client: httpx.AsyncClient) -> None:
    with ChatRoom(chat.dingtalk) as room:
        await DingTalk(client, room.url, SECRET).send(message(*read_notification(FIRING).alerts))

    [call] = room.taken
    assert call.query["access_token"] == "k" * 32, "the robot's own parameter stays"
    assert call.json["text"]["content"].startswith("[FIRING 2] ClaudeMemoryQdrantDown\n\nFIRING ClaudeMemoryQdrantDown")


async def test_dingtalk_that_answers_200_with_an_error_has_failed(client: httpx.AsyncClient) -> None:
    with ChatRoom(chat.dingtalk) as room, pytest.raises(DeliveryFailed, match="errcode 310000: sign not match"):
        await DingTalk(client, room.url, "another").send(message())
    assert len(room.refused) == 1


async def test_dingtalk_that_is_asked_too_often_is_left_alone_for_a_minute(client: httpx.AsyncClient) -> None:
    too_fast = said({"errcode": 130101, "errmsg": "send too fast, exceed 20 times per minute"})
    with ChatRoom(chat.dingtalk, trouble=[too_fast]) as room, pytest.raises(DeliveryFailed, match="too fast") as failed:
        await DingTalk(client, room.url, SECRET).send(message())
    assert failed.value.retry_after_s == 60.0
    assert 60 / DingTalk.pause_s < 20, "messages a minute"


async def test_feishu_takes_a_signed_post(client: httpx.AsyncClient) -> None:
    with ChatRoom(chat.feishu) as room:
        await Feishu(client, room.url, SECRET).send(message(*read_notification(FIRING).alerts))

    [call] = room.taken
    post = call.json["content"]["post"]["zh_cn"]
    assert post["title"] == "[FIRING 2] ClaudeMemoryQdrantDown"
    assert post["content"][1] == [{"tag": "text", "text": "Qdrant does not answer"}]


async def test_feishu_that_answers_200_with_an_error_has_failed(client: httpx.AsyncClient) -> None:
    with ChatRoom(chat.feishu) as room, pytest.raises(DeliveryFailed, match="code 19021: sign match fail"):
        await Feishu(client, room.url, None).send(message())
    assert len(room.refused) == 1


async def test_slack_takes_a_text(client: httpx.AsyncClient) -> None:
    with ChatRoom(chat.slack) as room:
        await Slack(client, room.url).send(message(*read_notification(FIRING).alerts))

    [call] = room.taken
    assert "Qdrant &lt;does&gt; not answer" in call.json["text"]


@pytest.mark.parametrize(
    ("answer", "says", "refused"),
    [
        (said("no_service", 404), "HTTP 404 no_service", False),
        (said("invalid_payload", 400), "HTTP 400 invalid_payload", True),
        (said("<html>hello", 200), "not Slack's `ok`", False),
        (said("", 302, location="http://127.0.0.1:1/"), "HTTP 302", False),
    ],
)
async def test_slack_says_why_not(client: httpx.AsyncClient, answer: chat.Answer, says: str, refused: bool) -> None:
    with ChatRoom(chat.slack, trouble=[answer]) as room, pytest.raises(DeliveryFailed, match=says) as failed:
        await Slack(client, room.url).send(message())
    assert failed.value.refused == refused


async def test_a_webhook_gets_what_alertmanager_would_send_signed(client: httpx.AsyncClient) -> None:
    sent = message(*read_notification(FIRING).alerts, id="7-7-7")
    with ChatRoom(chat.webhook) as room:
        await Webhook(client, room.url, SECRET).send(sent)

    [call] = room.taken
    original = json.loads(FIRING)
    assert call.headers["webhook-id"] == "7-7-7"
    assert call.json["alerts"] == original["alerts"]
    assert call.json.keys() == original.keys()
    assert call.json["commonLabels"] == original["commonLabels"]


async def test_a_webhook_with_another_secret_fails_and_one_without_goes_unsigned(client: httpx.AsyncClient) -> None:
    with ChatRoom(chat.webhook) as room:
        with pytest.raises(DeliveryFailed, match="HTTP 401"):
            await Webhook(client, room.url, "another").send(message())
        await Webhook(client, room.url, None).send(message(alert(status="resolved")))

    assert "webhook-signature" not in room.taken[0].headers
    assert room.taken[0].json["status"] == "resolved"


def test_a_signing_secret_in_base64_is_decoded() -> None:
    assert webhook_key("whsec_bWFkZSB1cA==") == b"made up"
    assert webhook_key("made up") == b"made up"


def test_the_signature_is_the_one_of_the_standards_example() -> None:
    """From the specification's page at standardwebhooks.com: message, secret and signature."""
    headers = {"webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek", "webhook-timestamp": "1614265330"}
    signature = Webhook.signature("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", headers, b'{"test": 2432232314}')

    assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize("kind", [DingTalk, Feishu, Webhook])
@pytest.mark.parametrize("alerts", [[NASTY] * 5, [alert("a")] * 5_000], ids=["nasty", "many short"])
async def test_whatever_the_alerts_are_they_fit(
    client: httpx.AsyncClient, kind: type[DingTalk], alerts: list[Alert]
) -> None:
    with ChatRoom(getattr(chat, kind.name)) as room:
        await kind(client, room.url, SECRET).send(message(*alerts))
    assert len(room.taken) == 1


async def test_slack_calls_no_channel(client: httpx.AsyncClient) -> None:
    with ChatRoom(chat.slack) as room:
        await Slack(client, room.url).send(message(NASTY))
    assert "&lt;!channel&gt; &amp; @all" in room.taken[0].json["text"]


@pytest.mark.parametrize(
    ("header", "least", "most"),
    [
        ("120", 120, 120),
        (format_datetime(datetime.now(UTC) + timedelta(minutes=30), usegmt=True), 1_500, 1_800),
        (format_datetime(datetime.now(UTC) - timedelta(minutes=30), usegmt=True), 0, 0),
        ("soon", 0, 0),
        ("-5", 0, 0),
    ],
    ids=["seconds", "a date to come", "a date gone by", "a word", "less than none"],
)
async def test_retry_after_is_read(client: httpx.AsyncClient, header: str, least: float, most: float) -> None:
    answer = said("rate_limited", 429, Retry_After=header)
    with ChatRoom(chat.slack, trouble=[answer]) as room, pytest.raises(DeliveryFailed) as failed:
        await Slack(client, room.url).send(message())
    assert least <= failed.value.retry_after_s <= most


@pytest.mark.parametrize(
    "answer",
    [
        said("", 200),
        said("[]", 200),
        said("[" * 100_000, 200),
        said("x" * 1_000_000, 200),
        said("{}", 200),
        said({"errcode": "0", "errmsg": "token k" + "k" * 31}, 200),
        (200, {"content-encoding": "gzip"}, b"no gzip"),
        (500, {}, b"/robot/send?access_token=" + b"k" * 32),
    ],
)
async def test_no_answer_is_taken_for_a_success_and_no_error_holds_the_key(
    client: httpx.AsyncClient, answer: chat.Answer
) -> None:
    with ChatRoom(chat.dingtalk, trouble=[answer]) as room, pytest.raises(DeliveryFailed) as failed:
        await DingTalk(client, room.url, SECRET).send(message())
    for secret in ("k" * 32, SECRET, "access_token"):
        assert secret not in str(failed.value)
        assert secret not in repr(failed.value.__cause__)


async def test_a_host_that_is_not_there_is_told_without_the_url(client: httpx.AsyncClient) -> None:
    target = Slack(client, "http://127.0.0.1:1/services/key")
    with pytest.raises(DeliveryFailed, match="no connection") as failed:
        await target.send(message())
    assert "key" not in str(failed.value) + repr(target)


def test_every_target_is_tested_here() -> None:
    classes = {
        name for name, value in vars(targets).items() if hasattr(value, "send") and value.__module__ == targets.__name__
    }

    assert classes - globals().keys() == set()
    assert "Slack" in classes
