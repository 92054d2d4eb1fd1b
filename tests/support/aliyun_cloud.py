"""The two APIs that `python -m infra.aliyun` calls itself, on loopback as a proxy, with signatures checked."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from app.endpoints import SSE
from infra.aliyun.api.access import Keys
from infra.aliyun.api.functions import ALIAS
from infra.aliyun.api.signing import acs3, log, log_text

ACCOUNT, REGION, FUNCTION = "1234567890123456", "cn-hangzhou", "claude-memory-aliyun"
PROJECT, STORE = f"claude-memory-aliyun-{ACCOUNT}", "functions"
# Put together here, so that no scanner takes them for real ones.
KEYS = Keys(id="made-up-id", secret="made-up-" + "secret-of-the-key")
FC_HOST, LOG_HOST = f"{ACCOUNT}.{REGION}.fc.aliyuncs.com", f"{PROJECT}.{REGION}.log.aliyuncs.com"


def function(**changed: Any) -> dict[str, Any]:
    """Return a function as Function Compute has it, in order but for what is changed."""
    affinity = {"sseEndpointPath": SSE, "sessionConcurrencyPerInstance": 20}
    return {
        "functionName": FUNCTION,
        "runtime": "custom.debian12",
        "memorySize": 2048,
        "timeout": 600,
        "instanceConcurrency": 200,
        "sessionAffinity": "MCP_SSE",
        "sessionAffinityConfig": json.dumps(affinity),
        "customRuntimeConfig": {"port": 8000, "healthCheckConfig": {"httpGetUrl": "/health"}},
        "environmentVariables": {"PORT": "8000", "HOST": "0.0.0.0", "ADMIN_TOKEN": "cm_" + "made-up-in-the-function"},
        **changed,
    }


def trigger(**changed: Any) -> dict[str, Any]:
    """Return an HTTP trigger."""
    config = {"authType": "anonymous", "methods": ["GET", "POST", "DELETE"], **changed}
    return {"triggerName": "http", "triggerType": "http", "triggerConfig": json.dumps(config)}


class Cloud:
    """What the APIs answer. faults: (status, body) of the next calls. asked: of each call method, host, path, query.

    function: LATEST. live: the version that the alias `live` leads to.
    """

    def __init__(self) -> None:
        self.function, self.live, self.triggers = function(), function(), [trigger()]
        self.records: list[dict[str, str]] = []
        self.faults: list[tuple[int, Any]] = []
        self.asked: list[tuple[str, str, str, dict[str, str]]] = []
        self.keys, self.url = KEYS, ""

    def log(self, time_s: int, message: str = "", **fields: str) -> None:
        """Add a record."""
        text = {"message": message} if message else {}
        self.records.append({"__time__": str(time_s), "functionName": FUNCTION, **text, **fields})

    @property
    def environment(self) -> dict[str, str]:
        """What makes a client come here."""
        return {
            "HTTP_PROXY": self.url,
            "NO_PROXY": "127.0.0.1,localhost",
            "ALIBABA_CLOUD_ACCESS_KEY_ID": KEYS.id,
            "ALIBABA_CLOUD_ACCESS_KEY_SECRET": KEYS.secret,
        }

    def answer(self, target: str, headers: dict[str, str]) -> tuple[int, Any, dict[str, str]]:
        """Return status, body and headers of a GET."""
        parts = urlsplit(target)
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        self.asked.append(("GET", parts.netloc, parts.path, query))
        if self.faults:
            status, body = self.faults.pop(0)
            return status, body, {"x-fc-request-id": "1-made-up-request"}
        if parts.netloc == FC_HOST:
            signed = {name: value for name, value in headers.items() if name == "host" or name.startswith("x-acs-")}
            if headers["authorization"] != acs3(self.keys, "GET", parts.path, query, signed):
                return 403, {"Code": "SignatureNotMatch", "Message": "the signature differs"}, {}
            return self._functions(parts.path, query)
        if parts.netloc == LOG_HOST:
            signed = {name: value for name, value in headers.items() if name.startswith(("x-log-", "x-acs-"))}
            if headers["authorization"] != log(self.keys, log_text("GET", parts.path, query, signed, headers["date"])):
                return 401, {"errorCode": "SignatureNotMatch", "errorMessage": "the signature differs"}, {}
            return self._logs(query)
        return 404, {"Code": "NoSuchHost", "Message": parts.netloc}, {}

    def _functions(self, path: str, query: dict[str, str]) -> tuple[int, Any, dict[str, str]]:
        if path == f"/2023-03-30/functions/{FUNCTION}":
            qualifier = query.get("qualifier", "LATEST")
            found = {"LATEST": self.function, ALIAS: self.live}.get(qualifier)
            missing = {"Code": "VersionNotFound", "Message": f"version '{qualifier}' does not exist"}
            return (404, missing, {}) if found is None else (200, found, {})
        if path == f"/2023-03-30/functions/{FUNCTION}/triggers":
            return 200, {"triggers": self.triggers}, {}
        return 404, {"Code": "FunctionNotFound", "Message": "function does not exist"}, {}

    def _logs(self, query: dict[str, str]) -> tuple[int, Any, dict[str, str]]:
        first, last = int(query["from"]), int(query["to"])
        word = query["query"].strip('"')
        found = [one for one in self.records if first <= int(one["__time__"]) < last and word in json.dumps(one)]
        found.sort(key=lambda one: int(one["__time__"]), reverse=query["reverse"] == "true")
        offset = int(query["offset"])
        return 200, found[offset : offset + int(query["line"])], {"x-log-progress": "Complete"}


class _Handler(BaseHTTPRequestHandler):
    cloud: Cloud

    def do_GET(self) -> None:
        """Answer as the host that is asked for."""
        headers = {name.lower(): value for name, value in self.headers.items()}
        status, body, more = self.cloud.answer(self.path, headers)
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"Content-Length": str(len(content)), **more}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@contextmanager
def cloud_serving() -> Iterator[Cloud]:
    """The APIs, running."""
    cloud = Cloud()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"cloud": cloud}))
    cloud.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield cloud
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
