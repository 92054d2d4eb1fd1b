"""A memU service that speaks all four generations of the API, as app/memu/generations.py says they are documented.

It keeps what it was handed and finds it again by common words. `trouble` holds what goes wrong, one for each request to
come. By hand: `python -m tests.standins.memu --port 8900`.
"""

from __future__ import annotations

import argparse
import base64
import json
import re
import socket
import threading
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from enum import Enum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

GENERATIONS = ("v1", "v2", "v3", "v4")
KEY = "mu_a-key-that-nobody-may-see"
AT = "2026-11-28T12:00:00+00:00"  # when everything was created here
DONE = ("SUCCESS", "COMPLETED")
LINES_FOUND = 10  # of v4, which is not told how many are wanted
PAGE = 50
HTML = b"<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>"
Answer = tuple[int, Any]


class Misdeed(Enum):
    """What can go wrong besides a status."""

    HANG = "accepts the request and says nothing"
    CLOSE = "closes the connection before it does anything"
    CLOSE_AFTER = "does the work, and closes the connection instead of answering"
    HTML = "answers 200 with a page of a proxy"
    DRIP = "answers 200 and sends the body byte by byte, without an end"


@dataclass(frozen=True)
class Status:
    """An answer with a status and nothing done. body: None for the error as its generation writes it."""

    status: int
    retry_after: str | None = None
    body: bytes | None = None
    location: str | None = None


@dataclass(frozen=True)
class Slow:
    """The work is done and answered, but the answer is this late."""

    seconds: float


@dataclass(frozen=True)
class Accepted:
    """The work is done, and the answer has the status 202."""


@dataclass(frozen=True)
class On:
    """A trouble for the next request of one sort: memorize, task, retrieve or list."""

    what: str
    trouble: Trouble


Trouble = Misdeed | Status | Slow | Accepted | On


@dataclass(frozen=True, kw_only=True)
class Taken:
    """A handover that counts. texts: what was said, or the content of files. key: its Idempotency-Key, if any."""

    generation: str
    user: str
    agent: str
    texts: tuple[str, ...]
    key: str | None
    body: dict[str, Any]
    task_id: str


@dataclass
class StandIn:
    """What the service is like, and what it has seen.

    speaks: the generations it answers. states: what each new task says one after the other before it ends with `ends`.
    dedups: whether a handover with a known Idempotency-Key counts once. detail: why tasks fail.
    """

    key: str = KEY
    speaks: tuple[str, ...] = GENERATIONS
    states: tuple[str, ...] = ()
    ends: str = "SUCCESS"
    detail: str = "Failure occurred during activity execution: ActivityError('Activity task failed')"
    dedups: bool = True
    trouble: deque[Trouble] = field(default_factory=deque)
    always: Trouble | None = None
    url: str = ""
    port: _Port = field(init=False, repr=False)
    taken: list[Taken] = field(default_factory=list)
    came: Counter[str] = field(default_factory=Counter)  # handovers that arrived, by Idempotency-Key
    requests: list[tuple[str, str, Any]] = field(default_factory=list)  # method, path with query, body
    arrived: threading.Event = field(default_factory=threading.Event)  # set once there is a request
    problems: list[str] = field(default_factory=list)  # what no client may do
    _answers: dict[str, tuple[bytes, Answer]] = field(default_factory=dict)
    _left: dict[str, deque[str]] = field(default_factory=dict)  # task_id → states still to tell
    _lock: threading.RLock = field(default_factory=threading.RLock)

    @property
    def texts(self) -> list[str]:
        """All texts that count, in the order in which they came."""
        return [text for handover in self.taken for text in handover.texts]

    @property
    def keys(self) -> list[str | None]:
        """The Idempotency-Key of each handover that counts."""
        return [handover.key for handover in self.taken]

    def refuse_connections(self) -> None:
        """Be gone: end all connections and refuse new ones."""
        self.port.refuse()

    def accept_connections(self) -> None:
        """Be back at the same address, with all that it holds."""
        self.port.open()

    def forget_tasks(self) -> None:
        """Answer 404 for every task there is."""
        with self._lock:
            self._left.clear()

    def finish_tasks(self) -> None:
        """End every task that is under way."""
        with self._lock:
            for states in self._left.values():
                states.clear()

    def next_trouble(self, what: str) -> Trouble | None:
        """Take the trouble that is meant for a request of this sort."""
        with self._lock:
            for at, trouble in enumerate(self.trouble):
                if not isinstance(trouble, On):
                    del self.trouble[at]
                    return trouble
                if trouble.what == what:
                    del self.trouble[at]
                    return trouble.trouble
            if isinstance(self.always, On):
                return self.always.trouble if self.always.what == what else None
            return self.always

    def answer(self, request: Request) -> Answer:
        """Return status and body."""
        with self._lock:
            if request.authorization != f"Bearer {self.key}":
                # Some services repeat the key that they refuse.
                return _error(request, 401, f"Invalid API key: {request.authorization}", "INVALID_API_KEY")
            if request.generation not in self.speaks or request.what == "":
                return 404, {"detail": "Not Found"}
            if request.problem:
                return _error(request, 422, request.problem, "VALIDATION_ERROR")
            if request.what == "memorize":
                return self._memorize(request)
            return _ANSWERS[request.generation, request.what](self, request)

    def _memorize(self, request: Request) -> Answer:
        key = request.idempotency_key
        if key is not None:
            self.came[key] += 1
            if self.dedups and key in self._answers:
                raw, answer = self._answers[key]
                if raw == request.raw:
                    return answer
                self.problems.append(f"the key {key} came with another body")
                return _error(request, 422, "Idempotency-Key reused", "IDEMPOTENCY_KEY_REUSED")
        task_id = f"task{len(self.taken) + 1:04}"
        owner = request.body["user"] if request.generation == "v4" else request.body
        handover = Taken(
            generation=request.generation,
            user=owner["user_id"],
            agent=owner["agent_id"],
            texts=tuple(_texts(request)),
            key=key,
            body=request.body,
            task_id=task_id,
        )
        self.taken.append(handover)
        if request.generation == "v4":
            answer = 200, {"recall_files": _files([handover]), "resources": []}
        else:
            self._left[task_id] = deque(self.states)
            names = f"user {request.body['user_name']} and agent {request.body['agent_name']}"
            message = f"Memorization task registered for {names}"
            answer = 200, {"task_id": task_id, "status": "PENDING", "message": message}
        if key is not None:
            self._answers[key] = (request.raw, answer)
        return answer

    def task(self, request: Request) -> Answer:
        """Tell how far a task is; every answer is a step."""
        left = self._left.get(request.task_id)
        if left is None:
            return 404, {"detail": "Task not found"}
        status = left.popleft() if left else self.ends
        detail = self.detail if status == self.ends and status not in DONE else ""
        return 200, {"task_id": request.task_id, "status": status, "detail_info": detail}

    def held(self, request: Request) -> list[Taken]:
        """Return the handovers of the owner that are worked through. agent: None for all agents."""
        user, agent = request.owner
        return [
            one
            for one in self.taken
            if one.generation == request.generation
            and one.user == user
            and agent in (None, one.agent)
            and (one.generation == "v4" or (not self._left.get(one.task_id) and self.ends in DONE))
        ]


@dataclass(frozen=True, kw_only=True)
class Request:
    """One request. what: memorize, task, retrieve, categories, list, or '' for what there is not."""

    method: str
    path: str
    authorization: str
    idempotency_key: str | None
    raw: bytes
    generation: str
    what: str
    task_id: str
    query: dict[str, str]
    body: Any
    problem: str

    @property
    def owner(self) -> tuple[str, str | None]:
        asked = self.query if self.method == "GET" else self.body
        return asked["user_id"], asked.get("agent_id")


_ROUTES = {
    "POST /api/v1/memory/memorize": "memorize",
    "GET /api/v1/memory/memorize/status/": "task",
    "POST /api/v1/memory/retrieve/related-memory-items": "retrieve",
    "POST /api/v1/memory/retrieve/default-categories": "list",
    "POST /api/v3/memory/memorize": "memorize",
    "GET /api/v3/memory/memorize/status/": "task",
    "POST /api/v3/memory/retrieve": "retrieve",
    "POST /api/v3/memory/categories": "list",
    "POST /api/v4/memory": "memorize",
    "POST /api/v4/memory/search": "retrieve",
    "GET /api/v4/memory": "list",
}
_ROUTES |= {route.replace("/v1/", "/v2/"): what for route, what in _ROUTES.items() if "/v1/" in route}

# The texts that each request must have, as the makers' clients declare them.
_OLD = {
    "memorize": ("user_id", "user_name", "agent_id", "agent_name"),
    "retrieve": ("user_id", "query"),
    "list": ("user_id",),
}
_NEEDED = {
    "v1": _OLD,
    "v2": _OLD,
    "v3": {"memorize": ("user_id", "agent_id"), "retrieve": ("user_id", "agent_id", "query"), "list": ("user_id",)},
    "v4": {"memorize": (), "retrieve": ("user_id", "agent_id", "query"), "list": ("user_id", "agent_id")},
}


def request_of(method: str, target: str, headers: Any, raw: bytes) -> Request:
    """Read a request and check it as the service would."""
    parts = urlsplit(target)
    match = re.match(r"/api/(v\d+)/", parts.path)
    generation = match[1] if match else ""
    path, task_id = parts.path, ""
    if "/memorize/status/" in path:
        path, _, task_id = path.rpartition("/")
        path, task_id = f"{path}/", unquote(task_id)
    what = _ROUTES.get(f"{method} {path}", "")
    query = {name: values[0] for name, values in parse_qs(parts.query).items()}
    body: Any = None
    problem = ""
    if method == "POST":
        try:
            body = json.loads(raw)
        except ValueError:
            problem = "JSON decode error"
    if what and what != "task" and not problem:
        problem = _problem(generation, what, body if method == "POST" else query)
    return Request(
        method=method,
        path=target,
        authorization=headers.get("Authorization", ""),
        idempotency_key=headers.get("Idempotency-Key"),
        raw=raw,
        generation=generation,
        what=what,
        task_id=task_id,
        query=query,
        body=body,
        problem=problem,
    )


def _problem(generation: str, what: str, asked: Any) -> str:
    """Return what is wrong with a request, or ''."""
    if not isinstance(asked, dict):
        return "Input should be a valid dictionary"
    for name in _NEEDED[generation][what]:
        if not isinstance(asked.get(name), str) or not asked[name].strip():
            return f"{name}: Field required"
    if what != "memorize":
        return ""
    return _problem_of_files(asked) if generation == "v4" else _problem_of_conversation(generation, asked)


def _problem_of_files(asked: dict[str, Any]) -> str:
    user, files = asked.get("user"), asked.get("recall_files")
    if not isinstance(user, dict) or not user.get("user_id") or not user.get("agent_id"):
        return "user: Field required"
    if not set(user) <= {"user_id", "agent_id", "user_name", "agent_name"}:
        return "user: Extra inputs are not permitted"
    if not isinstance(files, list) or not isinstance(asked.get("resource"), list):
        return "recall_files: Field required"
    wanted = ("name", "track", "description", "content")
    if not all(isinstance(file.get(name), str) for file in files for name in wanted):
        return "recall_files: Input should be a valid string"
    return ""


def _problem_of_conversation(generation: str, asked: dict[str, Any]) -> str:
    if not asked.get("conversation") and not asked.get("conversation_text"):
        return "Either conversation_text or conversation must be provided"
    contents = (str, dict) if generation == "v3" else (str,)
    for message in asked.get("conversation") or []:
        if message.get("role") not in ("user", "assistant", "system"):
            return "conversation.role: Input should be user, assistant or system"
        if not isinstance(message.get("content"), contents):
            return "conversation.content: Input should be a valid string"
    return ""


def _error(request: Request, status: int, message: str, code: str) -> Answer:
    """Return an error as the generation writes it: v4 as its client reads it, the others as FastAPI does."""
    if request.generation == "v4":
        return status, {"message": message, "details": [{"code": code}]}
    if status == 422:
        return status, {"detail": [{"loc": ["body"], "msg": message, "type": "missing", "input": request.body}]}
    return status, {"detail": message}


def _texts(request: Request) -> Iterator[str]:
    body = request.body
    if request.generation == "v4":
        yield from (file["content"] for file in body["recall_files"])
    elif body.get("conversation"):
        for message in body["conversation"]:
            content = message["content"]
            yield content["text"] if isinstance(content, dict) else content
    else:
        yield body["conversation_text"]


def _words(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"\w+", text.lower()))


def _best(query: str, texts: Sequence[str]) -> list[tuple[int, float]]:
    """Return the places of texts that share words with a question, with the share they have, best first."""
    asked = _words(query)
    scores = [(at, len(asked & _words(text)) / max(1, len(asked))) for at, text in enumerate(texts)]
    return sorted((one for one in scores if one[1] > 0), key=lambda one: -one[1])


def _memory(handover: Taken, at: int) -> dict[str, Any]:
    """Return a text as an item of v1 and v2."""
    return {
        "memory_id": f"{handover.task_id}-{at}",
        "category": "event",
        "content": handover.texts[at],
        "happened_at": AT,
        "created_at": AT,
        "updated_at": AT,
    }


def _related(service: StandIn, request: Request) -> Answer:
    places = [(one, at) for one in service.held(request) for at in range(len(one.texts))]
    best = _best(request.body["query"], [one.texts[at] for one, at in places])
    floor = request.body.get("min_similarity", 0.3)
    related = [
        {"memory": _memory(*places[at]), "user_id": None, "agent_id": None, "similarity_score": score}
        for at, score in best
        if score >= floor
    ][: request.body.get("top_k", 10)]
    return 200, {
        "related_memories": related,
        "query": request.body["query"],
        "total_found": len(related),
        "search_params": {},
    }


def _default_categories(service: StandIn, request: Request) -> Answer:
    held = service.held(request)
    memories = [_memory(one, at) for one in held for at in range(len(one.texts))]
    category: dict[str, Any] = {
        "name": "event",
        "type": "default",
        "user_id": request.owner[0],
        "agent_id": request.owner[1],
        "description": "What happened",
        "summary": " ".join(memory["content"] for memory in memories) or None,
        "memory_items": None,
    }
    if request.body.get("want_memory_items"):
        category["memory_items"] = {"memories": memories, "memory_count": len(memories)}
    return 200, {"categories": [category] if memories else [], "total_categories": 1 if memories else 0}


def _retrieved(service: StandIn, request: Request) -> Answer:
    places = [(one, at) for one in service.held(request) for at in range(len(one.texts))]
    items = [
        {
            "id": f"{one.task_id}-{at}",
            "memory_type": "event",
            "summary": one.texts[at],
            "score": score,
            "created_at": AT,
            "happened_at": None,
        }
        for (one, at), score in (
            (places[place], score) for place, score in _best(request.body["query"], [o.texts[a] for o, a in places])
        )
    ]
    return 200, {"categories": _subjects(service, request), "items": items, "resources": [], "next_step_query": None}


def _categories(service: StandIn, request: Request) -> Answer:
    return 200, {"categories": _subjects(service, request)}


def _subjects(service: StandIn, request: Request) -> list[dict[str, Any]]:
    texts = [text for one in service.held(request) for text in one.texts]
    if not texts:
        return []
    return [{"id": "c1", "name": "event", "description": "What happened", "summary": " ".join(texts)}]


def _files(handovers: Sequence[Taken]) -> list[dict[str, Any]]:
    """Return the files of v4, each once, in the order of its pages."""
    files = {
        (file["track"], file["name"]): {
            "id": f"file-{file['track']}-{file['name']}",
            "created_at": AT,
            "updated_at": AT,
            "user_id": one.user,
            "agent_id": one.agent,
            **file,
        }
        for one in handovers
        for file in one.body["recall_files"]
    }
    return [files[name] for name in sorted(files)]


def _list_files(service: StandIn, request: Request) -> Answer:
    files = _files(service.held(request))
    limit = int(request.query.get("limit", PAGE))
    cursor = request.query.get("cursor")
    after = tuple(json.loads(base64.urlsafe_b64decode(cursor))) if cursor else ("", "", "")
    rest = [file for file in files if (file["track"], file["name"], file["id"]) > after]
    page = rest[:limit]
    following = None
    if len(rest) > limit:
        last = [page[-1][name] for name in ("track", "name", "id")]
        following = base64.urlsafe_b64encode(json.dumps(last).encode()).decode()
    return 200, {"recall_files": page, "next_cursor": following}


def _search_files(service: StandIn, request: Request) -> Answer:
    files = {file["id"]: file for file in _files(service.held(request))}
    lines = [
        (file["id"], line.strip())
        for file in files.values()
        for line in file["content"].split("\n")
        if line.strip() and not line.strip().startswith("#")
    ]
    segments = [
        {"id": f"segment-{at}", "recall_file_id": lines[at][0], "text": lines[at][1], "score": score, "track": "memory"}
        for at, score in _best(request.body["query"], [line for _, line in lines])[:LINES_FOUND]
    ]
    scores: dict[str, float] = {}
    for segment in segments:
        scores[segment["recall_file_id"]] = max(scores.get(segment["recall_file_id"], 0.0), segment["score"])
    found = [{**files[name], "score": score} for name, score in sorted(scores.items(), key=lambda one: -one[1])]
    return 200, {"segments": segments, "files": found, "resources": []}


_ANSWERS = {
    **{(generation, "task"): StandIn.task for generation in ("v1", "v2", "v3")},
    **{(generation, "retrieve"): _related for generation in ("v1", "v2")},
    **{(generation, "list"): _default_categories for generation in ("v1", "v2")},
    ("v3", "retrieve"): _retrieved,
    ("v3", "list"): _categories,
    ("v4", "retrieve"): _search_files,
    ("v4", "list"): _list_files,
}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # the body would wait 40 ms for the client to confirm the head
    server: _Server

    def do_GET(self) -> None:
        self._handle("GET")

    def do_POST(self) -> None:
        self._handle("POST")

    def _handle(self, method: str) -> None:
        service = self.server.service
        raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        request = request_of(method, self.path, self.headers, raw)
        with service._lock:
            service.requests.append((method, self.path, request.body))
        service.arrived.set()
        trouble = service.next_trouble(request.what)
        if trouble is Misdeed.HANG:
            self.server.stopping.wait()
        if trouble in (Misdeed.HANG, Misdeed.CLOSE):
            self._hang_up()
        elif trouble is Misdeed.HTML:
            self._send(200, HTML, {"Content-Type": "text/html"})
        elif trouble is Misdeed.DRIP:
            self._drip()
        elif isinstance(trouble, Status):
            self._send_status(request, trouble)
        else:
            status, body = service.answer(request)
            if trouble is Misdeed.CLOSE_AFTER:
                self._hang_up()
                return
            if isinstance(trouble, Slow):
                self.server.stopping.wait(trouble.seconds)
            if isinstance(trouble, Accepted) and status == 200:
                status = 202
            self._send(status, json.dumps(body).encode(), {"Content-Type": "application/json"})

    def _send_status(self, request: Request, trouble: Status) -> None:
        headers = {"Content-Type": "application/json"}
        body = trouble.body
        if body is None:
            # The message repeats the key and what was sent, as some services do.
            message = f"{request.authorization} {request.raw.decode('utf-8', 'replace')}"
            body = json.dumps(_error(request, trouble.status, message, "SOME_CODE")[1]).encode()
        if trouble.retry_after is not None:
            headers["Retry-After"] = trouble.retry_after
        if trouble.location is not None:
            headers["Location"] = trouble.location
        self._send(trouble.status, body, headers)

    def _send(self, status: int, content: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def _drip(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(1_000_000))
        self.end_headers()
        while not self.server.stopping.wait(0.01):
            self.wfile.write(b" ")
        self.close_connection = True

    def _hang_up(self) -> None:
        self.close_connection = True
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)

    def log_message(self, *arguments: Any) -> None:
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, service: StandIn, port: int) -> None:
        self.service = service
        self.stopping = threading.Event()  # ends what hangs
        self._connections: set[socket.socket] = set()
        self._changing = threading.Lock()
        super().__init__(("127.0.0.1", port), _Handler)

    def server_bind(self) -> None:
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        super().server_bind()

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        with self._changing:
            self._connections.add(connection)
        return connection, address

    def shutdown_request(self, request: Any) -> None:
        with self._changing:
            self._connections.discard(request)
        super().shutdown_request(request)

    def hang_up(self) -> None:
        """Close all connections, also those that are kept for the next request."""
        with self._changing:
            connections = list(self._connections)
        for connection in connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, *arguments: Any) -> None:
        """A client that gave up waiting is nothing to tell of."""


class _Port:
    """A port of loopback that stays ours while it refuses connections."""

    def __init__(self, service: StandIn, port: int) -> None:
        self._service = service
        self._number = port
        self._reserved: socket.socket | None = None
        self.open()

    def open(self) -> None:
        """Accept connections."""
        self._server = _Server(self._service, self._number)
        self._number = self._server.server_address[1]
        self._service.url = f"http://127.0.0.1:{self._number}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        self._release()

    def refuse(self) -> None:
        """End all connections and refuse new ones. A socket that does not listen keeps the port from others."""
        self._reserved = socket.socket()
        self._reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        self._reserved.bind(("127.0.0.1", self._number))
        self._stop()

    def close(self) -> None:
        """End everything."""
        if self._reserved is None:
            self._stop()
        self._release()

    def _release(self) -> None:
        if self._reserved is not None:
            self._reserved.close()
            self._reserved = None

    def _stop(self) -> None:
        self._server.stopping.set()
        self._server.shutdown()
        self._server.server_close()
        self._server.hang_up()
        self._thread.join()


@contextmanager
def memu_service(port: int = 0, **options: Any) -> Iterator[StandIn]:
    """Run the service on a free port of loopback."""
    service = StandIn(**options)
    service.port = _Port(service, port)
    try:
        yield service
    finally:
        service.port.close()


def main() -> None:
    """Run the service until it is interrupted."""
    parser = argparse.ArgumentParser(prog="python -m tests.standins.memu", description="Stand in for memU.")
    parser.add_argument("--port", type=int, default=0, help="port of loopback; 0: a free one")
    parser.add_argument("--key", default=KEY, help="the key it takes")
    arguments = parser.parse_args()
    with memu_service(arguments.port, key=arguments.key) as service:
        print(service.url, flush=True)
        with suppress(KeyboardInterrupt):
            threading.Event().wait()


if __name__ == "__main__":
    main()
