"""S3-compatible stores on a loopback port: moto's server, and one that refuses everybody."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.support.serving import clean_environment
from tests.support.waiting import wait_until

_REFUSAL = b'<?xml version="1.0"?>\n<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>'


@contextlib.contextmanager
def s3_server(host: str = "127.0.0.1") -> Iterator[str]:
    """Run moto's server on an address of this machine and yield its URL."""
    process = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", host, "-p", "0"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env=clean_environment(),
    )
    try:
        assert process.stderr is not None
        lines = iter(process.stderr.readline, "")
        url = next(line.split()[-1] for line in lines if "Running on http" in line)
        reading = threading.Thread(target=process.stderr.read)  # it would stand still with a full pipe
        reading.start()
        wait_until(lambda: _answers(url), "moto's server")
        yield url
    finally:
        process.terminate()
        process.wait()
        reading.join()
        if process.stderr is not None:
            process.stderr.close()


def refusing_server() -> contextlib.AbstractContextManager[str]:
    """Run a server that answers 403 to everything, as S3 does to a wrong key."""
    return _served(_Refusing)


def no_instance() -> contextlib.AbstractContextManager[str]:
    """Run what answers at the address of Amazon's instance metadata where there is none: a proxy's refusal."""
    return _served(_Refusing)


def instance_metadata() -> contextlib.AbstractContextManager[str]:
    """Run Amazon's instance metadata service (IMDSv2) of a machine whose role has keys."""
    return _served(_Metadata)


@contextlib.contextmanager
def _served(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Refusing(BaseHTTPRequestHandler):
    def _refuse(self) -> None:
        self.rfile.read(int(self.headers.get("content-length") or 0))
        self.send_response(403)
        self.send_header("content-length", str(len(_REFUSAL)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(_REFUSAL)

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _refuse

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


class _Metadata(BaseHTTPRequestHandler):
    _ROLES = "/latest/meta-data/iam/security-credentials/"

    def do_PUT(self) -> None:
        self._answer("session" if self.path == "/latest/api/token" else None)

    def do_GET(self) -> None:
        keys = {"AccessKeyId": "key", "SecretAccessKey": "made-up", "Token": "t", "Expiration": "2999-01-01T00:00:00Z"}
        found = {self._ROLES: "role", f"{self._ROLES}role": json.dumps(keys)}
        self._answer(found.get(self.path) if self.headers["x-aws-ec2-metadata-token"] == "session" else None)

    def _answer(self, text: str | None) -> None:
        self.send_response(404 if text is None else 200)
        self.send_header("content-length", str(len(text or "")))
        self.end_headers()
        self.wfile.write((text or "").encode())

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


def _answers(url: str) -> bool:
    try:
        return bool(urllib.request.urlopen(f"{url}/moto-api/").status == 200)
    except urllib.error.URLError:
        return False
