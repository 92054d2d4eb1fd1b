"""Stands in for DingTalk, Feishu, Slack and other webhooks: a real HTTP server that checks as their documents say.

DingTalk and Feishu answer 200 with a code in the body whatever happens. The sources are named in app/alerts/targets.py.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

SECRET = "SEC" + "0123456789abcdef" * 2
HOUR_S = 3_600
Answer = tuple[int, dict[str, str], bytes]


@dataclass
class Call:
    """One request."""

    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class ChatRoom:
    """A server that keeps the calls it took. `trouble` are answers it gives first, one a call."""

    check: Callable[[Call], Answer]
    trouble: list[Answer] = field(default_factory=list)
    taken: list[Call] = field(default_factory=list)
    refused: list[Call] = field(default_factory=list)
    opened: Event = field(default_factory=Event)  # while it is not set, requests wait for their answers

    def __enter__(self) -> ChatRoom:
        self.opened.set()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._thread = Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.opened.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/robot/send?access_token={'k' * 32}"

    def answer(self, call: Call) -> Answer:
        self.opened.wait(30)
        answer = self.trouble.pop(0) if self.trouble else self.check(call)
        (self.taken if _takes(answer) else self.refused).append(call)
        return answer


def _takes(answer: Answer) -> bool:
    status, _, content = answer
    body = json.loads(content) if content.startswith(b"{") else {}
    return status < 300 and body.get("errcode", body.get("code", 0)) == 0


def _handler(room: ChatRoom) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            parts = urlsplit(self.path)
            query = {
                name: values[0] for name, values in parse_qs(parts.query, strict_parsing=bool(parts.query)).items()
            }
            body = self.rfile.read(int(self.headers["content-length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            status, more, content = room.answer(Call(parts.path, query, headers, body))
            self.send_response(status)
            for name, value in {**more, "content-length": str(len(content))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    return Handler


def said(body: dict[str, Any] | str, status: int = 200, **headers: str) -> Answer:
    """Return an answer of JSON or text."""
    content = body if isinstance(body, str) else json.dumps(body)
    return status, {name.replace("_", "-"): value for name, value in headers.items()}, content.encode()


def dingtalk(call: Call) -> Answer:
    """Take a signed text."""
    stamp = call.query.get("timestamp", "0")
    expected = base64.b64encode(hmac.new(SECRET.encode(), f"{stamp}\n{SECRET}".encode(), hashlib.sha256).digest())
    if call.query.get("sign", "") != expected.decode() or abs(time.time() * 1_000 - int(stamp)) > HOUR_S * 1_000:
        return said({"errcode": 310_000, "errmsg": "sign not match, more: [https://ding-doc.dingtalk.com/doc]"})
    if len(call.body) > 20_000 or call.json["msgtype"] != "text" or not call.json["text"]["content"]:
        return said({"errcode": 300_001, "errmsg": "param error"})
    return said({"errcode": 0, "errmsg": "ok"})


def feishu(call: Call) -> Answer:
    """Take a signed post."""
    body = call.json
    stamp = body.get("timestamp", "0")
    expected = base64.b64encode(hmac.new(f"{stamp}\n{SECRET}".encode(), b"", hashlib.sha256).digest()).decode()
    if body.get("sign") != expected or abs(time.time() - int(stamp)) > HOUR_S:
        return said({"code": 19_021, "data": {}, "msg": "sign match fail or timestamp is not within one hour"})
    paragraphs = body["content"]["post"]["zh_cn"]["content"]
    if len(call.body) > 20_480 or {part["tag"] for line in paragraphs for part in line} != {"text"}:
        return said({"code": 19_001, "data": {}, "msg": "param invalid"})
    return said({"code": 0, "data": {}, "msg": "success", "StatusCode": 0, "StatusMessage": "success"})


def slack(call: Call) -> Answer:
    """Take a text."""
    content = call.json.get("text", "")
    if not content or "<" in content or ">" in content:
        return said("invalid_payload", 400)
    return said("ok")


def webhook(call: Call) -> Answer:
    """Take what an Alertmanager would send, unsigned or signed."""
    if "webhook-signature" in call.headers:
        signed = f"{call.headers['webhook-id']}.{call.headers['webhook-timestamp']}.".encode() + call.body
        expected = "v1," + base64.b64encode(hmac.new(SECRET.encode(), signed, hashlib.sha256).digest()).decode()
        if call.headers["webhook-signature"] != expected:
            return said("", 401)
    return said("", 204) if call.json["version"] == "4" and call.json["alerts"] else said("", 400)
