"""GitHub's REST API on loopback: pull requests, comments, issues and artifacts of one repository.

It pages, redirects downloads to another host, checks tokens and rights, and fails when told to. Written from GitHub's
documentation of the REST API, version 2022-11-28.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

REPOSITORY, TOKEN = "ours/claude-memory", "a job's token"
BOT = "github-actions[bot]"


@dataclass
class Fault:
    """An answer in place of the right one. after: the request is done all the same, only its answer is lost."""

    method: str
    path: str  # a regular expression
    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    after: bool = False


@dataclass
class GitHub:
    """The state of the repository, and what was asked."""

    url: str = ""
    storage_url: str = ""
    pulls: list[dict[str, Any]] = field(default_factory=list)
    comments: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    issues: list[dict[str, Any]] = field(default_factory=list)
    artifacts: dict[int, dict[str, bytes]] = field(default_factory=dict)  # by run: name -> zip
    rights: set[str] = field(default_factory=lambda: {"actions", "issues", "pull-requests"})
    page_size: int = 100
    faults: list[Fault] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    storage_headers: list[dict[str, str]] = field(default_factory=list)
    _number: int = 100

    def pull(self, number: int, commit: str, repository: str = REPOSITORY, branch: str = "change", **more: Any) -> None:
        """Open a pull request."""
        head = {"sha": commit, "ref": branch, "repo": {"full_name": repository}}
        base = {"ref": "main", "repo": {"full_name": REPOSITORY}}
        self.pulls.append({"number": number, "state": "open", "head": head, "base": base, **more})
        self.comments.setdefault(number, [])

    def artifact(self, run: int, name: str, files: Mapping[str, str | bytes]) -> None:
        """Give a run an artifact."""
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as content:
            for file, text in files.items():
                content.writestr(file, text)
        self.artifacts.setdefault(run, {})[name] = packed.getvalue()

    def comment(self, number: int, body: str, login: str = BOT) -> dict[str, Any]:
        """Write a comment."""
        self._number += 1
        one = {"id": self._number, "body": body, "user": {"login": login}}
        self.comments[number].append(one)
        return one

    def issue(self, title: str, body: str, login: str = BOT) -> dict[str, Any]:
        """Open an issue."""
        self._number += 1
        one = {"number": self._number, "title": title, "body": body, "state": "open", "user": {"login": login}}
        self.issues.append(one)
        return one

    def answer(self, method: str, path: str, query: dict[str, str], body: dict[str, Any]) -> tuple[int, Any]:
        """Return status and content of an answer. bytes are a redirect's address."""
        for way, pattern, right, reply in self._routes():
            found = re.fullmatch(pattern, path)
            if way == method and found:
                if right not in self.rights:
                    return 403, {"message": "Resource not accessible by integration"}
                return reply([int(number) for number in found.groups()], query, body)
        return 404, {"message": "Not Found"}

    def _routes(self) -> list[tuple[str, str, str, Callable[..., tuple[int, Any]]]]:
        return [
            ("GET", "pulls", "pull-requests", self._list_pulls),
            ("GET", r"issues/(\d+)/comments", "pull-requests", self._list_comments),
            ("POST", r"issues/(\d+)/comments", "pull-requests", self._create_comment),
            ("PATCH", r"issues/comments/(\d+)", "pull-requests", self._change_comment),
            ("GET", "issues", "issues", self._list_issues),
            ("POST", "issues", "issues", lambda _, __, body: (201, self.issue(body["title"], body["body"]))),
            ("PATCH", r"issues/(\d+)", "issues", self._change_issue),
            ("GET", r"actions/runs/(\d+)/artifacts", "actions", self._list_artifacts),
            ("GET", r"actions/artifacts/(\d+)/zip", "actions", self._download),
        ]

    def _list_pulls(self, _: list[int], query: dict[str, str], __: Any) -> tuple[int, Any]:
        owner, _colon, branch = query["head"].partition(":")
        return 200, [
            one
            for one in self.pulls
            if one["state"] == query["state"]
            and one["head"]["ref"] == branch
            and (one["head"]["repo"] is None or one["head"]["repo"]["full_name"].startswith(f"{owner}/"))
        ]

    def _list_comments(self, numbers: list[int], *_: Any) -> tuple[int, Any]:
        found = self.comments.get(numbers[0])
        return (404, {"message": "Not Found"}) if found is None else (200, found)

    def _create_comment(self, numbers: list[int], _: Any, body: dict[str, Any]) -> tuple[int, Any]:
        if len(body["body"]) > 65_536:
            return 422, {"message": "Validation Failed"}
        return 201, self.comment(numbers[0], body["body"])

    def _change_comment(self, numbers: list[int], _: Any, body: dict[str, Any]) -> tuple[int, Any]:
        [one] = [one for all_ in self.comments.values() for one in all_ if one["id"] == numbers[0]]
        one.update(body)
        return 200, one

    def _list_issues(self, _: list[int], query: dict[str, str], __: Any) -> tuple[int, Any]:
        pulls = [one | {"pull_request": {}, "user": {"login": BOT}, "body": ""} for one in self.pulls]  # as GitHub does
        return 200, [
            one
            for one in [*pulls, *self.issues]
            if one["state"] == query["state"] and one["user"]["login"] == query["creator"]
        ]

    def _change_issue(self, numbers: list[int], _: Any, body: dict[str, Any]) -> tuple[int, Any]:
        [one] = [one for one in self.issues if one["number"] == numbers[0]]
        one.update(body)
        return 200, one

    def _list_artifacts(self, numbers: list[int], query: dict[str, str], _: Any) -> tuple[int, Any]:
        names = [name for name in self.artifacts.get(numbers[0], {}) if name == query.get("name", name)]
        return 200, {"total_count": len(names), "artifacts": [{"id": numbers[0], "name": name} for name in names]}

    def _download(self, numbers: list[int], *_: Any) -> tuple[int, Any]:
        return 302, f"{self.storage_url}/{numbers[0]}".encode()


@contextmanager
def github() -> Iterator[GitHub]:
    """Run one: the API and, at another address, the storage of its artifacts."""
    state = GitHub()
    servers = [ThreadingHTTPServer(("127.0.0.1", 0), kind) for kind in (_api_of(state), _storage_of(state))]
    state.url, state.storage_url = (f"http://127.0.0.1:{server.server_port}" for server in servers)
    state.storage_url = state.storage_url.replace("127.0.0.1", "localhost")
    threads = [Thread(target=server.serve_forever, args=(0.01,)) for server in servers]
    for thread in threads:
        thread.start()
    try:
        yield state
    finally:
        for server, thread in zip(servers, threads, strict=True):
            server.shutdown()
            thread.join()
            server.server_close()


class _Quiet(BaseHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        pass

    def reply(self, status: int, content: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(content)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)


def _storage_of(state: GitHub) -> type[BaseHTTPRequestHandler]:
    class Storage(_Quiet):
        def do_GET(self) -> None:
            state.storage_headers.append({name.lower(): value for name, value in self.headers.items()})
            [content] = state.artifacts[int(self.path[1:])].values()
            self.reply(200, content, {})

    return Storage


def _api_of(state: GitHub) -> type[BaseHTTPRequestHandler]:
    class Handler(_Quiet):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            path = parts.path.removeprefix(f"/repos/{REPOSITORY}/")
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            state.asked.append(f"{self.command} {path}")
            body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or b"{}")
            if self.headers.get("Authorization") != f"Bearer {TOKEN}":
                return self.reply(401, b'{"message": "Bad credentials"}', {})
            fault = next(
                (one for one in state.faults if one.method == self.command and re.search(one.path, path)), None
            )
            if fault:
                state.faults.remove(fault)
                if fault.after:
                    state.answer(self.command, path, query, body)
                return self.reply(fault.status, b"<html>not JSON</html>", fault.headers)
            status, content = state.answer(self.command, path, query, body)
            if isinstance(content, bytes):
                return self.reply(status, b"", {"Location": content.decode()})
            headers: dict[str, str] = {}
            if isinstance(content, list):
                content, headers = self._page(content, path, query)
            return self.reply(status, json.dumps(content).encode(), headers)

        do_POST = do_PATCH = do_GET

        def _page(self, content: list[Any], path: str, query: dict[str, str]) -> tuple[list[Any], dict[str, str]]:
            size, number = min(int(query.get("per_page", 30)), state.page_size), int(query.get("page", 1))
            if number * size >= len(content):
                return content[(number - 1) * size :], {}
            following = urlencode({**query, "page": number + 1})
            link = f'<{state.url}/repos/{REPOSITORY}/{path}?{following}>; rel="next"'
            return content[(number - 1) * size : number * size], {"Link": link}

    return Handler
