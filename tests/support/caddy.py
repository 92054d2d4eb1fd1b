"""The real Caddy with a configuration of the proxy, on free ports of loopback."""

from __future__ import annotations

import json
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.selfhost.caddyfile import HTTP, HTTPS, METRICS, UNREADY, caddyfile, replica_files
from infra.selfhost.files import FOLDER
from infra.selfhost.tls import Tls
from tests.support.docker import free_port
from tests.support.waiting import wait_until

CADDY = Path(sys.executable).with_name("caddy")
NAME = "memory.example.org"


@dataclass(frozen=True)
class Caddy:
    """A running proxy. data: the folder that its data volume is in a stack."""

    https: int
    data: Path

    def certificate(self, name: str = NAME, root: Path | None = None) -> bytes:
        """Return the certificate for a name, as DER. root: what must have signed it, or ssl.SSLError is raised."""
        context = ssl.create_default_context(cafile=root)
        if root is None:
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with (
            socket.create_connection(("127.0.0.1", self.https), timeout=10) as connection,
            context.wrap_socket(connection, server_hostname=name) as shown,
        ):
            return shown.getpeercert(binary_form=True) or b""


def adapted(folder: Path, tls: Tls, domain: str = NAME) -> dict[str, Any]:
    """Return the proxy's configuration as Caddy reads it. Raises AssertionError with its words when it refuses."""
    file = _written(folder, tls, domain, {})
    done = subprocess.run([CADDY, "adapt", "--config", file], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


@contextmanager
def running(folder: Path, tls: Tls, domain: str = NAME) -> Iterator[Caddy]:
    """Run the proxy, without replicas."""
    ports = {port: free_port() for port in (HTTP, HTTPS, METRICS, UNREADY)}
    file = _written(folder, tls, domain, ports)
    data = folder / "data"
    environment = {"XDG_DATA_HOME": str(data), "XDG_CONFIG_HOME": str(folder), "HOME": str(folder)}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([CADDY, "run", "--config", file], env=environment, stderr=log)
    try:
        caddy = Caddy(ports[HTTPS], data)
        wait_until(lambda: process.poll() is not None or _answers(caddy, domain), "Caddy to show a certificate")
        assert process.poll() is None, (folder / "log").read_text(encoding="utf-8")
        yield caddy
    finally:
        process.terminate()
        process.wait(30)


def _answers(caddy: Caddy, domain: str) -> bool:
    try:
        return bool(caddy.certificate(domain))
    except OSError:
        return False


def _written(folder: Path, tls: Tls, domain: str, ports: Mapping[int, int]) -> Path:
    """Write the files, with folders and ports of the test in place of those in a container; return the Caddyfile."""
    text = caddyfile(domain, f"https://{domain}", ["app-1:8000"], tls.directive)
    for inside, outside in ports.items():
        text = text.replace(str(inside), str(outside))
    secret = {name: one.get_secret_value() for name, one in tls.secret_files.items()}
    for name, content in {"Caddyfile": text, **tls.files, **secret, **replica_files(1, 0)}.items():
        (folder / name).write_text(content.replace(FOLDER, str(folder)), encoding="utf-8")
    return folder / "Caddyfile"
