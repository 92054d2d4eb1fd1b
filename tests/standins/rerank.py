"""A rerank service that speaks what DashScope, Cohere and Jina document, each at its own path, with its own errors.

A text is the more relevant the more of the question's words it has; `relevances` says otherwise. Failures are put into
`fail`, one for each call to come. A field that a document does not name is refused, as Cohere does.
"""

from __future__ import annotations

import json
import re
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any

DASHSCOPE = "/api/v1/services/rerank/text-rerank/text-rerank"
QWEN = "/compatible-api/v1/reranks"
COHERE = "/v2/rerank"
JINA = "/v1/rerank"
PATHS = (DASHSCOPE, QWEN, COHERE, JINA)

INVALID_KEY = (401, "InvalidApiKey")
ARREARS = (403, "Arrearage")
NO_SUCH_MODEL = (404, "ModelNotFound")
TOO_FAST = (429, "Throttling.RateQuota")
OUT_OF_QUOTA = (429, "insufficient_quota")
WRONG_REQUEST = (400, "InvalidParameter")
BROKEN = (500, "InternalError")
_FIELDS = {
    QWEN: {"model", "query", "documents", "top_n", "instruct"},
    COHERE: {"model", "query", "documents", "top_n", "max_tokens_per_doc", "priority"},
    JINA: {"model", "query", "documents", "top_n", "return_documents"},
}


def shared_words(question: str, text: str) -> float:
    """Return the share of the question's words that a text has."""
    asked = set(re.findall(r"\w+", question.lower()))
    return len(asked & set(re.findall(r"\w+", text.lower()))) / max(1, len(asked))


@dataclass
class StandIn:
    """What the service is like, and what it was asked.

    fail: for the calls to come, (status, code), bytes or a value to answer with instead, or seconds to be late.
    headers: sent with every failure. calls: path and body of each request. keys: its Authorization. asked: set at the
    first one.
    """

    key: str = "sk-a-key-that-nobody-may-see"
    model: str = "qwen3-rerank"
    relevance: Callable[[str, str], float] = shared_words
    fail: deque[Any] = field(default_factory=deque)
    headers: dict[str, str] = field(default_factory=dict)
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    asked: Event = field(default_factory=Event)
    base: str = ""

    def url(self, path: str = JINA) -> str:
        """Return the address of one of the shapes."""
        return f"{self.base}{path}"

    @property
    def texts(self) -> list[str]:
        """The texts of the last call."""
        body = self.calls[-1][1]
        texts: list[str] = body.get("input", body)["documents"]
        return texts

    def answer(self, path: str, key: str, body: dict[str, Any]) -> tuple[int, Any]:
        """Return status and body."""
        self.calls.append((path, body))
        self.keys.append(key)
        self.asked.set()
        if self.fail:
            failure = self.fail.popleft()
            if isinstance(failure, tuple):
                return failure[0], self.error(path, failure[1])
            if not isinstance(failure, float):
                return 200, failure
            time.sleep(failure)
        if path not in PATHS:
            return 404, {"detail": "Not Found"}
        if key != f"Bearer {self.key}":
            return INVALID_KEY[0], self.error(path, INVALID_KEY[1])
        return self._ranked(path, body)

    def _ranked(self, path: str, body: dict[str, Any]) -> tuple[int, Any]:
        if path == DASHSCOPE:
            known = body.keys() <= {"model", "input", "parameters"} and body["input"].keys() == {"query", "documents"}
            asked, options = body["input"], body.get("parameters", {})
            known = known and options.keys() <= {"top_n", "return_documents"}
        else:
            known, asked, options = body.keys() <= _FIELDS[path], body, body
        if not known or not asked["query"] or not asked["documents"] or not options.get("top_n", 1) >= 1:
            return WRONG_REQUEST[0], self.error(path, WRONG_REQUEST[1])
        if body["model"] != self.model:
            return NO_SUCH_MODEL[0], self.error(path, NO_SUCH_MODEL[1])
        texts = asked["documents"]
        found: list[dict[str, Any]] = [
            {"index": place, "relevance_score": self.relevance(asked["query"], text)}
            for place, text in enumerate(texts)
        ]
        found.sort(key=lambda one: -one["relevance_score"])
        del found[options.get("top_n", len(texts)) :]
        if options.get("return_documents", path == JINA):
            found = [{**one, "document": {"text": texts[one["index"]]}} for one in found]
        return 200, _told(path, self.model, found, sum(len(text.split()) for text in texts))

    def error(self, path: str, code: str) -> dict[str, Any]:
        """Return an error as the service of a path writes them; its message repeats the key, as some do."""
        message = f"Invalid API-key provided: {self.key}."
        if path == COHERE:
            return {"id": "a-request", "message": message}
        if path == JINA:
            return {"detail": message}
        return {"code": code, "message": message, "request_id": "a-request"}


def _told(path: str, model: str, found: list[dict[str, Any]], tokens: int) -> dict[str, Any]:
    if path == DASHSCOPE:
        return {"output": {"results": found}, "usage": {"total_tokens": tokens}, "request_id": "a-request"}
    if path == COHERE:
        meta = {"api_version": {"version": "2", "is_experimental": False}, "billed_units": {"search_units": 1}}
        return {"results": found, "id": "a-request", "meta": meta}
    usage = {"total_tokens": tokens}
    if path == QWEN:
        return {"object": "list", "results": found, "model": model, "usage": usage, "id": "a-request"}
    return {"model": model, "usage": usage, "results": found}


@contextmanager
def rerank_service(**options: Any) -> Iterator[StandIn]:
    """Run the service on a free port of loopback."""
    service = StandIn(**options)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            status, answer = service.answer(self.path, self.headers.get("Authorization", ""), body)
            content = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            for name, value in service.headers.items() if status != 200 else ():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *arguments: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *arguments: Any) -> None:
            """A client that gave up waiting is nothing to tell of."""

    server = Server(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    service.base = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield service
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
