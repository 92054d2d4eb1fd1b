"""A stand-in for Alibaba Cloud's APIs: stateful, on loopback, with faults by switch; reached as a proxy.

python -m tests.standins.aliyun.server [--port N] [--account ID] [--region ID] [--trusted FILE]

Prints the variables a client needs, and then one line a call. A client that goes through the proxy has TLS with
certificates of a CA of the stand-in's own. Signatures and quotas are not checked, access keys by their id alone.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import re
import shutil
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from email.utils import formatdate
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from tests.standins.aliyun import (
    access,
    account,
    alarms,
    buckets,
    contacts,
    databases,
    domains,
    functions,
    layers,
    logs,
    networks,
    objects,
    products,
    scaling,
    schemas,
    security_groups,
    triggers,
    versions,
)
from tests.standins.aliyun.certificates import Authority
from tests.standins.aliyun.faults import Fault, Faults
from tests.standins.aliyun.state import ACCOUNT, REGION, Refused, Reply, Request, State

KEY = "standin-key-id"
_SUBJECTS = (access, account, alarms, buckets, contacts, databases, domains, functions, layers, logs, networks)
_SUBJECTS_TOO = (objects, scaling, schemas, security_groups, triggers, versions)
Route = tuple[str, Callable[..., Reply]]  # of Request.operation, as a regular expression; what answers it
_ROUTES: list[Route] = [route for subject in (*_SUBJECTS, *_SUBJECTS_TOO) for route in subject.ROUTES]


class Handler(BaseHTTPRequestHandler):
    """Reads a call, alone or in a tunnel, and answers as Alibaba Cloud does."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def __init__(self, standin: Server, *args: Any) -> None:
        self.standin = standin
        self.tunnel_host = ""
        super().__init__(*args)

    def do_CONNECT(self) -> None:
        """Be the host that is asked for."""
        self.tunnel_host = self.path.rpartition(":")[0]
        self.send_response_only(200, "Connection established")
        self.end_headers()
        self.wfile.flush()
        context = self.standin.authority.context(self.tunnel_host)
        try:
            secure = context.wrap_socket(self.connection, server_side=True, do_handshake_on_connect=False)
        except OSError:
            self.close_connection = True
            return
        try:
            secure.do_handshake()
        except OSError:  # a client that was killed; ssl.SSLError is one
            secure.close()
            self.close_connection = True
            return
        self.connection = self.request = secure
        self.rfile, self.wfile = secure.makefile("rb"), secure.makefile("wb")
        self.close_connection = False

    def handle_one_call(self) -> None:
        size = int(self.headers.get("Content-Length") or 0)
        content = self._chunks() if self.headers.get("Transfer-Encoding") == "chunked" else self.rfile.read(size)
        if len(content) < size:
            self.close_connection = True
            return
        url = urlsplit(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        host = (self.tunnel_host or url.hostname or headers.get("host", "")).partition(":")[0]
        product, within = products.of_host(host)
        query = dict(parse_qsl(url.query, keep_blank_values=True))
        path = unquote(url.path)
        request = Request(product, self.command, path, query, headers, content, host, within)
        self.standin.take(request)
        self.answer(request, *self.standin.faults.next(request.operation))

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = handle_one_call

    def _chunks(self) -> bytes:
        content = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            content += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return content

    def answer(self, request: Request, fault: Fault | None, then: Callable[[], None]) -> None:
        """Make the change, or not, and answer, or not."""
        if fault and fault.kind == "late" and not fault.after:
            time.sleep(fault.seconds)
        reply = None
        if not fault or fault.after or fault.kind == "late":
            reply = self.standin.call(request)
        if fault and fault.kind == "late" and fault.after:
            time.sleep(fault.seconds)
        if fault and fault.kind == "drop":
            then()
            self.close_connection = True
            return
        if fault and fault.kind == "fail":
            refused = Refused(fault.status, fault.code, fault.message)
            reply = products.refusal(request, refused, self.standin.request_id())
        assert reply
        request.status = reply.status
        self.send(reply)

    def send(self, reply: Reply) -> None:
        content, kind = _encoded(reply.body)
        self.send_response_only(reply.status)
        headers = {"Date": formatdate(usegmt=True), "Content-Type": kind, "Content-Length": str(len(content))}
        for name, value in (headers | reply.headers).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def finish(self) -> None:
        """Close the tunnel's connection, which the server does not know of; the client may be gone."""
        try:
            super().finish()
        finally:
            if self.tunnel_host:
                self.connection.close()

    def log_message(self, *args: object) -> None:
        """Say nothing."""


def _encoded(body: Any) -> tuple[bytes, str]:
    if body is None:
        return b"", "application/json"
    if isinstance(body, bytes):
        return body, "application/octet-stream"
    if isinstance(body, str):
        return body.encode(), "application/xml"
    return json.dumps(body).encode(), "application/json"


class Server(ThreadingHTTPServer):
    """Answers until it is closed. `state`, `faults` and `requests` are for tests to set and read."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int = 0, account: str = ACCOUNT, region: str = REGION, key: str = KEY) -> None:
        self.key, self.state, self.faults = key, State(account=account, region=region), Faults()
        self.authority = Authority()
        self.requests: list[Request] = []
        self._answered: dict[tuple[str, str], Reply] = {}  # by action and ClientToken
        self.on_request: Callable[[Request], None] = lambda request: None
        super().__init__(("127.0.0.1", port), partial(Handler, self))

    @property
    def url(self) -> str:
        """The address of the proxy."""
        return f"http://127.0.0.1:{self.server_port}"

    @property
    def variables(self) -> dict[str, str]:
        """The variables with which a client comes here."""
        names = ("HTTPS_PROXY", "HTTP_PROXY", "https_proxy", "http_proxy")
        return dict.fromkeys(names, self.url) | {
            "NO_PROXY": "127.0.0.1,localhost",
            "no_proxy": "127.0.0.1,localhost",
            "SSL_CERT_FILE": str(self.authority.trusted),
            "ALIBABA_CLOUD_ACCESS_KEY_ID": self.key,
            "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "standin-key-secret",
        }

    def request_id(self) -> str:
        """Return the id of a request."""
        return self.state.letters(32).upper()

    def take(self, request: Request) -> None:
        """Note a call."""
        self.requests.append(request)
        self.on_request(request)

    def call(self, request: Request) -> Reply:
        """Do what a request asks; return the answer."""
        with self.state.lock:
            try:
                reply = self._once(request)
            except Refused as refused:
                return products.refusal(request, refused, self.request_id())
            if isinstance(reply.body, dict) and request.product not in ("fc", "log"):
                reply.body = {"RequestId": self.request_id()} | reply.body
            # As text, so that what a later call changes does not change what this one answers.
            body = json.loads(json.dumps(reply.body)) if isinstance(reply.body, dict | list) else reply.body
            return Reply(body, reply.status, {"x-fc-request-id": self.request_id()} | reply.headers)

    def _once(self, request: Request) -> Reply:
        """Do what a request asks unless it is one that was sent before: then return the same answer."""
        token = request.parameters.get("ClientToken") if request.action else None
        if not token:
            return self._routed(request)
        if (request.action, token) not in self._answered:
            self._answered[request.action, token] = self._routed(request)
        return self._answered[request.action, token]

    def _routed(self, request: Request) -> Reply:
        if products.key_of(request) != self.key:
            raise Refused(404, "InvalidAccessKeyId.NotFound", "Specified access key is not found.")
        for pattern, answer in _ROUTES:
            if match := re.fullmatch(pattern, request.operation):
                return answer(self.state, request, *match.groups())
        raise Refused(400, "StandIn.Unknown", f"the stand-in knows no {request.operation} of {request.host}")

    def changes(self) -> list[Request]:
        """Return the calls that could change something."""
        reads = re.compile(r"(location|bss|sts) .*|\w+ (GET|HEAD|Describe|List|Get).*")
        return [one for one in self.requests if not reads.match(one.operation)]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of clients that went away; everything else is a mistake of the stand-in."""
        import sys

        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)

    def server_close(self) -> None:
        super().server_close()
        self.authority.close()


@contextmanager
def serving(server: Server) -> Iterator[Server]:
    """Serve while the block runs."""
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def main(arguments: Iterable[str] | None = None) -> None:
    """Serve until killed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--account", default=ACCOUNT)
    parser.add_argument("--region", default=REGION)
    parser.add_argument("--trusted", type=Path, help="where to copy the CA's certificate to")
    args = parser.parse_args(None if arguments is None else list(arguments))
    server = Server(args.port, args.account, args.region)
    variables = server.variables
    if args.trusted:
        shutil.copy(server.authority.trusted, args.trusted)
        variables["SSL_CERT_FILE"] = str(args.trusted)
    for name, value in variables.items():
        print(f"export {name}={value}", flush=True)
    server.on_request = lambda request: print(f"{request.operation} of {request.host}", flush=True)
    with contextlib.suppress(KeyboardInterrupt):
        server.serve_forever()
    server.server_close()


if __name__ == "__main__":
    main()
