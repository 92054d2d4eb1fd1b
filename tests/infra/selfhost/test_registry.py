"""Digests from registries: a stand-in that answers by the OCI Distribution Specification, and Debian's real one."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from infra.selfhost.registry import Reference, Registry, RegistryFailed
from tests.support.docker import free_port
from tests.support.waiting import wait_until

DIGEST, TOKEN = "sha256:" + "5a" * 32, "made-up-token-of-the-registry"
INDEX = "application/vnd.oci.image.index.v1+json"


@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("postgres:18.1", "https://registry-1.docker.io/v2/library/postgres/manifests/18.1"),
        ("docker.io/postgres:18.1", "https://registry-1.docker.io/v2/library/postgres/manifests/18.1"),
        ("qdrant/qdrant:v1", "https://registry-1.docker.io/v2/qdrant/qdrant/manifests/v1"),
        ("ghcr.io/owner/a/b:1", "https://ghcr.io/v2/owner/a/b/manifests/1"),
        ("registry.example.org:5000/x:1", "https://registry.example.org:5000/v2/x/manifests/1"),
        ("localhost:5000/x:1", "http://localhost:5000/v2/x/manifests/1"),
    ],
)
def test_a_name_is_taken_apart_as_docker_does(name: str, url: str) -> None:
    assert Reference.of(name).url == url


class StandIn:
    """A registry with one image, `a/b:1`. answers: the status of the manifest. closed: it wants a token first."""

    def __init__(self) -> None:
        self.closed, self.status, self.digest, self.realm, self.port = False, 200, DIGEST, "", 0
        self.asked: list[tuple[str, str]] = []
        self.accepted = ""
        self.wanted: dict[str, list[str]] = {}

    def challenge(self) -> str:
        realm = self.realm or f"http://127.0.0.1:{self.port}/token"
        return f'Bearer realm="{realm}",service="here",scope="repository:a/b:pull"'


@contextmanager
def standing_in() -> Iterator[StandIn]:
    state = StandIn()

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            shown = self.headers.get("Authorization", "")
            state.asked.append((self.path, shown))
            state.accepted = self.headers["Accept"]
            if state.closed and shown != f"Bearer {TOKEN}":
                self.send_response(401)
                self.send_header("WWW-Authenticate", state.challenge())
            else:
                self.send_response(state.status if self.path == "/v2/a/b/manifests/1" else 404)
                self.send_header("Docker-Content-Digest", state.digest)
            self.end_headers()

        def do_GET(self) -> None:
            state.wanted = parse_qs(urlsplit(self.path).query)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps({"token": TOKEN}).encode())

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.port = server.server_port
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_the_digest_of_a_tag_is_that_of_the_image_for_all_platforms() -> None:
    with standing_in() as registry:
        assert Registry().digest(f"127.0.0.1:{registry.port}/a/b:1") == DIGEST

    assert registry.accepted.startswith(INDEX)
    assert registry.asked == [("/v2/a/b/manifests/1", "")]


def test_a_registry_that_wants_a_token_gets_the_one_that_it_gives_to_anyone() -> None:
    with standing_in() as registry:
        registry.closed = True
        assert Registry().digest(f"127.0.0.1:{registry.port}/a/b:1") == DIGEST

    assert registry.wanted == {"service": ["here"], "scope": ["repository:a/b:pull"]}
    assert [shown for _, shown in registry.asked] == ["", f"Bearer {TOKEN}"]


@pytest.mark.parametrize(
    ("name", "changed", "why"),
    [
        ("a/other:1", {}, "has no such image or tag"),
        ("a/b:1", {"status": 429}, "was asked too often"),
        ("a/b:1", {"status": 500}, "answered 500"),
        ("a/b:1", {"status": 403}, "pin a private one by its digest"),
        ("a/b:1", {"digest": "sha256:short"}, "names no digest"),
        ("a/b:1", {"closed": True, "realm": "http://registry.example.org/token"}, "wants a password"),
    ],
    ids=["no image", "too often", "broken", "private", "no digest", "a token in clear"],
)
def test_anything_else_is_told_in_a_line(name: str, changed: dict[str, object], why: str) -> None:
    with standing_in() as registry, pytest.raises(RegistryFailed, match=why) as caught:
        for key, value in changed.items():
            setattr(registry, key, value)
        Registry().digest(f"127.0.0.1:{registry.port}/{name}")
    assert "\n" not in str(caught.value)


def test_a_registry_that_cannot_be_reached_is_named() -> None:
    with pytest.raises(RegistryFailed, match=r"127\.0\.0\.1:1 cannot be reached \(ConnectionError\)"):
        Registry().digest("127.0.0.1:1/a/b:1")


@pytest.mark.skipif(shutil.which("docker-registry") is None, reason="docker-registry is not installed")
def test_a_real_registry_says_which_digest_a_tag_has_and_when_it_has_moved(tmp_path: Path) -> None:
    port = free_port()
    storage = f"storage: {{filesystem: {{rootdirectory: {tmp_path}/data}}}}"
    (tmp_path / "config.yml").write_text(f"version: 0.1\n{storage}\nhttp: {{addr: '127.0.0.1:{port}'}}\n")
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(["docker-registry", "serve", str(tmp_path / "config.yml")], stdout=log, stderr=log)
    base = f"http://127.0.0.1:{port}/v2"
    try:
        wait_until(lambda: _answers(base), "the registry")
        for content in (b"first", b"second"):
            digest = _push(base, "a/b", "1", content)
            assert Registry().digest(f"127.0.0.1:{port}/a/b:1") == digest
        with pytest.raises(RegistryFailed, match="has no such image or tag"):
            Registry().digest(f"127.0.0.1:{port}/a/b:2")
    finally:
        process.terminate()
        process.wait(15)


def _answers(base: str) -> bool:
    try:
        return requests.get(f"{base}/", timeout=5).ok
    except requests.ConnectionError:
        return False


def _push(base: str, repository: str, tag: str, content: bytes) -> str:
    """Store an image that consists of its configuration, and return its digest."""
    blob = "sha256:" + hashlib.sha256(content).hexdigest()
    begun = requests.post(f"{base}/{repository}/blobs/uploads/", timeout=5)
    done = requests.put(begun.headers["Location"], params={"digest": blob}, data=content, timeout=5)
    assert done.status_code == 201, done.text
    kind = "application/vnd.oci.image.manifest.v1+json"
    config = {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": blob, "size": len(content)}
    manifest = json.dumps({"schemaVersion": 2, "mediaType": kind, "config": config, "layers": []}).encode()
    put = requests.put(f"{base}/{repository}/manifests/{tag}", data=manifest, headers={"Content-Type": kind}, timeout=5)
    assert put.status_code == 201, put.text
    return "sha256:" + hashlib.sha256(manifest).hexdigest()
