"""An embedding service that speaks what OpenAI's and DashScope's document: `POST …/embeddings`, and their errors.

Its vectors are made of words (tests/support/vectors.py), so texts with common words are near each other. Failures
are put into `fail`, one for each call to come.
"""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from tests.support.vectors import bag_of_words

# DashScope's documented errors: status, code
INVALID_KEY = (401, "invalid_api_key")
ARREARS = (403, "Arrearage")
NO_SUCH_MODEL = (404, "ModelNotFound")
TOO_FAST = (429, "Throttling.RateQuota")
OUT_OF_QUOTA = (429, "insufficient_quota")
TOO_MANY_TEXTS = (400, "InvalidParameter")
BROKEN = (500, "InternalError")


@dataclass
class StandIn:
    """What the service is like, and what it was asked. `refused`: a text that holds it is refused with 400.

    fail: (status, code), a body to answer with instead, or seconds to be late, for the calls to come.
    """

    key: str = "sk-a-key-that-nobody-may-see"
    model: str = "text-embedding-v4"
    most_texts: int = 10
    size: int = 64
    refused: str = "REFUSED"
    longest: int = 8_192  # characters here, tokens there
    fail: deque[Any] = field(default_factory=deque)
    retry_after: str | None = None
    calls: list[dict[str, Any]] = field(default_factory=list)
    url: str = ""

    @property
    def texts(self) -> list[str]:
        """All texts that were sent."""
        return [text for call in self.calls for text in call["input"]]

    def answer(self, key: str, body: dict[str, Any]) -> tuple[int, Any]:
        """Return status and body."""
        self.calls.append(body)
        if self.fail:
            failure = self.fail.popleft()
            if isinstance(failure, tuple):
                return failure[0], self.error(failure[1])
            if isinstance(failure, float):
                time.sleep(failure)
            else:
                return 200, failure
        texts = body["input"]
        if key != f"Bearer {self.key}":
            return INVALID_KEY[0], self.error(INVALID_KEY[1])
        if body["model"] != self.model:
            return NO_SUCH_MODEL[0], self.error(NO_SUCH_MODEL[1])
        if len(texts) > self.most_texts or any(self.refused in text or len(text) > self.longest for text in texts):
            return TOO_MANY_TEXTS[0], self.error(TOO_MANY_TEXTS[1])
        size = body.get("dimensions", self.size)
        data = [
            {"object": "embedding", "index": at, "embedding": [2.5 * one for one in bag_of_words(text, size)]}
            for at, text in enumerate(texts)
        ]
        tokens = sum(len(text.split()) for text in texts)
        usage = {"prompt_tokens": tokens, "total_tokens": tokens}
        return 200, {"object": "list", "model": self.model, "data": data[::-1], "usage": usage, "id": "a-request"}

    def error(self, code: str) -> dict[str, Any]:
        """Return an error as both services write them; its message repeats the key, as some do."""
        message = f"Incorrect API key provided: {self.key}."
        error = {"message": message, "type": "invalid_request_error", "param": None, "code": code}
        return {"error": error, "request_id": "a-request"}


@contextmanager
def embedding_service(**options: Any) -> Iterator[StandIn]:
    """Run the service on a free port of loopback."""
    service = StandIn(**options)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            status, answer = service.answer(self.headers.get("Authorization", ""), body)
            content = json.dumps(answer).encode()
            if self.path != "/v1/embeddings":
                status, content = 404, b"not here"
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            if status == 429 and service.retry_after is not None:
                self.send_header("Retry-After", service.retry_after)
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
    service.url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    try:
        yield service
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
