"""Poolers before PostgreSQL: a stand-in that refuses in given words, and PgBouncer itself."""

from __future__ import annotations

import shutil
import socket
import socketserver
import struct
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.support.embedded import unprivileged
from tests.support.postgres import temporary_folder

_TLS_REQUEST = 80_877_103
_PATIENCE_S = 15.0


@contextmanager
def refusing_pooler(words: str, sqlstate: str = "08P01") -> Iterator[tuple[str, list[str]]]:
    """Refuse every connection as a pooler does; yield the URL, and a list with an entry for each refusal."""
    refused: list[str] = []

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            while head := self.request.recv(4):
                body = self.request.recv(struct.unpack("!I", head)[0] - 4)
                if struct.unpack("!I", body[:4])[0] == _TLS_REQUEST:
                    self.request.sendall(b"N")
                    continue
                fields = f"SFATAL\0VFATAL\0C{sqlstate}\0M{words}\0\0".encode()
                self.request.sendall(b"E" + struct.pack("!I", len(fields) + 4) + fields)
                refused.append(words)
                return

    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"postgresql://u:made-up@127.0.0.1:{server.server_address[1]}/d", refused
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def pgbouncer(url: str, pool_mode: str) -> Iterator[str]:
    """Run PgBouncer before the server of a URL; yield the URL through it."""
    folder, account, parts = temporary_folder(), unprivileged(), urlsplit(url)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    name = parts.path.lstrip("/")
    (folder / "users").write_text(f'"{parts.username}" "{parts.password}"\n')
    (folder / "pgbouncer.ini").write_text(
        f"[databases]\n{name} = host=127.0.0.1 port={parts.port}\n[pgbouncer]\nlisten_addr = 127.0.0.1\n"
        f"listen_port = {port}\nunix_socket_dir =\nauth_type = plain\nauth_file = {folder}/users\n"
        f"pool_mode = {pool_mode}\n"
    )
    as_account: dict[str, Any] = (
        {"user": account.uid, "group": account.gid, "extra_groups": []} if account.switched else {}
    )
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [_program(), "-q", folder / "pgbouncer.ini"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=folder,
            **as_account,
        )
    try:
        _await_port(process, port, folder / "log")
        yield f"postgresql://{parts.username}:{parts.password}@127.0.0.1:{port}/{name}"
    finally:
        process.terminate()
        process.wait(_PATIENCE_S)
        shutil.rmtree(folder, ignore_errors=True)


def has_pgbouncer() -> bool:
    """Whether PgBouncer is installed."""
    return Path(_program()).exists()


def _program() -> str:
    return shutil.which("pgbouncer") or "/usr/sbin/pgbouncer"  # which no user's PATH has


def _await_port(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        assert process.poll() is None, log.read_text(errors="replace")
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            assert time.monotonic() < deadline, "PgBouncer did not come up"
            time.sleep(0.02)
        else:
            return
