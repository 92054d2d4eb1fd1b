"""Sends alerts over HTTP: to DingTalk, Feishu, Slack, or any webhook.

Every URL here holds a key, so no error names one. DingTalk and Feishu answer 200 even when they refuse, and say so in
the body.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar
from urllib.parse import urlencode

import httpx

from app.alerts.delivery import DeliveryFailed
from app.alerts.message import CHAT_TEXT_BYTES, Message, text, title
from app.alerts.notification import NEVER
from app.backoff import asked_wait_s
from app.errors import shown

_ANSWER_BYTES = 65_536
_CHAT_BODY_BYTES = 20_000  # DingTalk's limit; Feishu's is 20 KB
_CONTENT_REFUSED = (400, 413, 422)


@dataclass(frozen=True)
class DingTalk:
    """A custom robot of a DingTalk group, which gets plain text.

    Signature: https://open.dingtalk.com/document/robots/customize-robot-security-settings (English:
    https://help.dingtalk.io/open/dingstart/customize-robot-security-settings). Messages and limits, 20 a minute or ten
    minutes of silence: https://open.dingtalk.com/document/robots/custom-robot-access.
    """

    client: httpx.AsyncClient = field(repr=False)
    url: str = field(repr=False)
    secret: str | None = field(repr=False)
    name: ClassVar[str] = "dingtalk"
    pause_s: ClassVar[float] = 3.1
    _TOO_FAST: ClassVar[tuple[int, ...]] = (130_101, 410_100)

    async def send(self, message: Message) -> None:
        """See AlertTarget."""
        url = self.url
        if self.secret:
            url += ("&" if "?" in url else "?") + urlencode(self.signature(self.secret, time.time_ns() // 1_000_000))
        answer = await _post_json(self.client, url, _fitting(lambda limit: self._body(message, limit)))
        code = answer.get("errcode")
        if code != 0:
            raise DeliveryFailed(
                f"errcode {shown(code)}: {_without_keys(answer.get('errmsg'))}",
                retry_after_s=60.0 if code in self._TOO_FAST else 0.0,
            )

    def _body(self, message: Message, limit_bytes: int) -> dict[str, Any]:
        content = f"{title(message.alerts)}\n\n{text(message.alerts, limit_bytes)}"
        return {"msgtype": "text", "text": {"content": content}}

    @staticmethod
    def signature(secret: str, now_ms: int) -> dict[str, str]:
        r"""Return the URL's parameters: `timestamp\nsecret` signed with the secret, in Base64."""
        digest = hmac.digest(secret.encode(), f"{now_ms}\n{secret}".encode(), hashlib.sha256)
        return {"timestamp": str(now_ms), "sign": base64.b64encode(digest).decode()}


@dataclass(frozen=True)
class Feishu:
    """A custom bot of a Feishu (or Lark) group, which gets literal text: a plain `<at …>` would notify people.

    Signature, messages, limits (100 a minute, 5 a second, 20 KB, code 11232 for too many):
    https://open.feishu.cn/document/ukTMukTMukTM/ucTM5YjL3ETO24yNxkjN.
    """

    client: httpx.AsyncClient = field(repr=False)
    url: str = field(repr=False)
    secret: str | None = field(repr=False)
    name: ClassVar[str] = "feishu"
    pause_s: ClassVar[float] = 0.7
    _TOO_FAST: ClassVar[int] = 11_232

    async def send(self, message: Message) -> None:
        """See AlertTarget."""
        answer = await _post_json(self.client, self.url, _fitting(lambda limit: self._body(message, limit)))
        code = answer.get("code", answer.get("StatusCode"))  # the second: what older bots answer
        if code != 0:
            raise DeliveryFailed(
                f"code {shown(code)}: {_without_keys(answer.get('msg'))}",
                retry_after_s=10.0 if code == self._TOO_FAST else 0.0,
            )

    def _body(self, message: Message, limit_bytes: int) -> dict[str, Any]:
        lines = text(message.alerts, limit_bytes).split("\n")
        post = {"title": title(message.alerts), "content": [[{"tag": "text", "text": line}] for line in lines]}
        signature = self.signature(self.secret, int(time.time())) if self.secret else {}
        return {**signature, "msg_type": "post", "content": {"post": {"zh_cn": post}}}

    @staticmethod
    def signature(secret: str, now_s: int) -> dict[str, str]:
        r"""Return the body's fields. Unlike DingTalk's, `timestamp\nsecret` is the key, and the text is empty."""
        digest = hmac.digest(f"{now_s}\n{secret}".encode(), b"", hashlib.sha256)
        return {"timestamp": str(now_s), "sign": base64.b64encode(digest).decode()}


@dataclass(frozen=True)
class Slack:
    """A Slack incoming webhook: https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks.

    `&`, `<` and `>` are escaped as https://docs.slack.dev/messaging/formatting-message-text says, so no text notifies a
    channel. Slack accepts one message a second and answers further ones with 429 and Retry-After.
    """

    client: httpx.AsyncClient = field(repr=False)
    url: str = field(repr=False)
    name: ClassVar[str] = "slack"
    pause_s: ClassVar[float] = 1.1

    async def send(self, message: Message) -> None:
        """See AlertTarget."""
        content = f"*{title(message.alerts)}*\n\n{text(message.alerts, CHAT_TEXT_BYTES)}"
        for character, escaped in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
            content = content.replace(character, escaped)
        answer = await _post(self.client, self.url, _json_bytes({"text": content}))
        if answer.strip() != b"ok":
            raise DeliveryFailed("the answer is not Slack's `ok`; check the URL")


@dataclass(frozen=True)
class Webhook:
    """Any receiver of Alertmanager's webhook, version 4. The group is empty: all waiting alerts go out together.

    With a secret it is signed as https://github.com/standard-webhooks/standard-webhooks says; `webhook-id` is the same
    on every attempt. A secret that begins with whsec_ is Base64, any other is used as it is.
    """

    client: httpx.AsyncClient = field(repr=False)
    url: str = field(repr=False)
    secret: str | None = field(repr=False)
    name: ClassVar[str] = "webhook"
    pause_s: ClassVar[float] = 0.0

    async def send(self, message: Message) -> None:
        """See AlertTarget."""
        body = _json_bytes(self.payload(message))
        headers = {"webhook-id": message.id, "webhook-timestamp": str(int(time.time()))}
        if self.secret:
            headers["webhook-signature"] = self.signature(self.secret, headers, body)
        await _post(self.client, self.url, body, headers)

    @staticmethod
    def payload(message: Message) -> dict[str, Any]:
        """Return the body."""
        alerts = message.alerts
        return {
            "version": "4",
            "receiver": "claude-memory",
            "status": "firing" if message.is_firing else "resolved",
            "alerts": [
                alert.model_dump(by_alias=True)
                | {"startsAt": alert.starts_at or NEVER, "endsAt": alert.ends_at or NEVER}
                for alert in alerts
            ],
            "groupKey": "",
            "groupLabels": {},
            "commonLabels": _common([alert.labels for alert in alerts]),
            "commonAnnotations": _common([alert.annotations for alert in alerts]),
            "externalURL": "",
            "truncatedAlerts": 0,
        }

    @staticmethod
    def signature(secret: str, headers: Mapping[str, str], body: bytes) -> str:
        """Return the header `webhook-signature`: `id.timestamp.body` signed."""
        signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
        digest = hmac.digest(webhook_key(secret), signed, hashlib.sha256)
        return f"v1,{base64.b64encode(digest).decode()}"


def webhook_key(secret: str) -> bytes:
    """Return the key of a signing secret; app.settings.rules ensures that Base64 follows whsec_."""
    if not secret.startswith("whsec_"):
        return secret.encode()
    return base64.b64decode(secret.removeprefix("whsec_"), validate=True)


def http_client() -> httpx.AsyncClient:
    """Return the client that all targets share; the delivery limits the whole attempt."""
    return httpx.AsyncClient(timeout=10.0, follow_redirects=False, headers={"user-agent": "claude-memory-alerts"})


def _common(sets: list[dict[str, str]]) -> dict[str, str]:
    return {name: value for name, value in sets[0].items() if all(other.get(name) == value for other in sets)}


def _json_bytes(body: dict[str, Any]) -> bytes:
    return json.dumps(body, ensure_ascii=False).encode()


def _fitting(body: Callable[[int], dict[str, Any]]) -> bytes:
    """Return a body as JSON with as much text as fits; escaped quotes and line ends make it longer than the text."""
    limit_bytes = CHAT_TEXT_BYTES
    while len(content := _json_bytes(body(limit_bytes))) > _CHAT_BODY_BYTES:
        limit_bytes //= 2
    return content


async def _post_json(client: httpx.AsyncClient, url: str, body: bytes) -> dict[str, Any]:
    """Post and return the JSON object in the answer."""
    try:
        answer = json.loads(await _post(client, url, body))
    except (ValueError, RecursionError):
        answer = None
    if not isinstance(answer, dict):
        raise DeliveryFailed("the answer is not a JSON object; check the URL")
    return answer


async def _post(client: httpx.AsyncClient, url: str, body: bytes, headers: Mapping[str, str] | None = None) -> bytes:
    """Post JSON and return the beginning of the answer. Raises DeliveryFailed unless it succeeds."""
    try:
        async with client.stream(
            "POST", url, content=body, headers={"content-type": "application/json; charset=utf-8", **(headers or {})}
        ) as response:
            answer = b""
            async for chunk in response.aiter_bytes():
                answer += chunk
                if len(answer) >= _ANSWER_BYTES:
                    break
    except httpx.ConnectError as error:
        raise DeliveryFailed(f"no connection: {error}") from None
    except httpx.HTTPError as error:  # its text may hold the URL
        raise DeliveryFailed(f"no answer ({type(error).__name__})") from None
    if not response.is_success:
        raise DeliveryFailed(
            f"HTTP {response.status_code}{_reason(answer)}",
            retry_after_s=asked_wait_s(response.headers.get("retry-after", "")),
            refused=response.status_code in _CONTENT_REFUSED,
        )
    return answer


def _reason(answer: bytes) -> str:
    """Return Slack's reason, one word such as `no_service`; other bodies may repeat the URL."""
    word = answer[:100].decode("ascii", errors="replace").strip()
    return f" {word}" if re.fullmatch(r"[a-z_]{2,60}", word) else ""


def _without_keys(value: object) -> str:
    """Return a vendor's message with everything that looks like a key masked."""
    return re.sub(r"[A-Za-z0-9_-]{20,}", "***", str(value)[:300])
