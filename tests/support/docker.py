"""A real Docker engine for tests, and images for it made of Debian packages: nothing is pulled.

An engine that runs already, the one of DOCKER_HOST or the usual one, is used as it is. Where none runs and the tests
run as root, one is started with a data root of its own, and stopped and removed afterwards.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import random
import re
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO

from infra.selfhost.config import ImageNames

DEFAULT_SOCKET = "unix:///var/run/docker.sock"
REPOSITORY = "claude-memory-test"
RECIPES = Path(__file__).parents[1] / "standins" / "images"
ROOT = Path(__file__).parents[2]
# Recipes of services that Debian has, by the kind of image in a stack's configuration. The others are made in a way of
# their own, and Grafana is never started.
STACK_RECIPES = {
    field.alias or name: name.replace("_", "-")
    for name, field in ImageNames.model_fields.items()
    if name not in ("app", "qdrant", "caddy", "grafana")
}
_START_S, _BUILD_S, _TURN_S = 30, 600, 1_200
_PORTS = range(20_000, 32_000)  # below those that the system gives to connections: one stays free until it is taken


class EngineMissing(Exception):
    """There is no Docker engine and none can be started; the message says why."""


class DockerEngine:
    """An engine at `host`; `folder` holds everything of one that was started here."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self._turn: IO[str] | None = None
        self.host = os.environ.get("DOCKER_HOST", DEFAULT_SOCKET)

    def start(self) -> None:
        """Find or start the engine. Raises EngineMissing."""
        if shutil.which("docker") is None:
            raise EngineMissing("the command docker is not installed")
        if shutil.which("mmdebstrap") is None:
            raise EngineMissing("mmdebstrap, which makes its images, is not installed")
        if self._answers():
            return
        if shutil.which("dockerd") is None:
            raise EngineMissing("no Docker engine answers, and dockerd is not installed")
        if os.geteuid() != 0:
            raise EngineMissing("no Docker engine answers, and only root can start one")
        self._folder.mkdir(parents=True, exist_ok=True)
        self._take_turn()
        self.host = f"unix://{self._folder}/docker.sock"
        with (self._folder / "log").open("wb") as log:
            self._process = subprocess.Popen(
                [
                    "dockerd",
                    f"--host={self.host}",
                    f"--data-root={self._folder}/data",
                    f"--exec-root={self._folder}/exec",
                    f"--pidfile={self._folder}/pid",
                ],
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        until = time.monotonic() + _START_S
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > until:
                said = (self._folder / "log").read_text(errors="replace").splitlines()[-5:]
                self.stop()
                raise EngineMissing("dockerd does not start here: " + " | ".join(said))
            time.sleep(0.1)

    def stop(self) -> None:
        """Stop what was started here and remove its folder; an engine that was there before stays as it is."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(10)
        self._process = None
        shutil.rmtree(self._folder, ignore_errors=True)
        if self._turn is not None:
            self._turn.close()

    def run(self, *arguments: str, check: bool = True, timeout: float = 60, both: bool = False) -> str:
        """Run the command docker on this engine; return what it printed, with `both` also on the error output."""
        done = subprocess.run(
            ["docker", "--host", self.host, *arguments],
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
            env=os.environ | {"DOCKER_BUILDKIT": "0"},
        )
        if check and done.returncode:
            raise AssertionError(f"docker {' '.join(arguments)}: {done.stderr or done.stdout}")
        return (done.stdout + done.stderr if both else done.stdout).strip()

    def stack_images(self) -> dict[str, str]:
        """Return every image of a stack, by its kind; those that are not there are built, some at a time."""
        self.base()
        with ThreadPoolExecutor() as pool:
            app, caddy = pool.submit(self.app), pool.submit(self.image, "caddy")
            services = self.image("services")
            made = {kind: self.image(recipe, BASE=services) for kind, recipe in STACK_RECIPES.items()}
            made["app"] = app.result()
            made["qdrant"] = self.qdrant(made["app"])
            made["caddy"] = caddy.result()
        return made

    def qdrant(self, app: str) -> str:
        """Return the image QDRANT_TEST_IMAGE names, pulled unless it is there; else the stand-in's."""
        named = os.environ.get("QDRANT_TEST_IMAGE")
        if named is None:
            return self.image("qdrant", APP=app, EDGE=_locked("qdrant-edge-py"))
        if not self.run("images", "--quiet", named):
            self.run("pull", named, timeout=_BUILD_S)
        return named

    def image(self, name: str, **build_arguments: str) -> str:
        """Return the image of a recipe in tests/standins/images, built unless it is there already."""
        recipe = RECIPES / f"{name}.Dockerfile"
        arguments = {"BASE": self.base(), **build_arguments}
        sources = [path for path in sorted(RECIPES.iterdir()) if path.name.startswith(name)]
        sources += [path for path in [RECIPES.parent / f"{name}.py"] if path.exists()]
        tag = f"{REPOSITORY}/{name}:{_digest([*arguments.values(), *(path.read_text() for path in sources)])}"
        return self.build(tag, recipe, RECIPES.parent, arguments)

    def app(self) -> str:
        """Return the app's own image, built from app/Dockerfile as it stands in this tree."""
        sources = [path for path in sorted((ROOT / "app").rglob("*")) if path.is_file() and path.suffix != ".pyc"]
        sources.append(ROOT / "requirements" / "app.txt")
        base = self.base()
        tag = f"{REPOSITORY}/app:{_digest([base, *(path.read_text(errors='replace') for path in sources)])}"
        return self.build(tag, ROOT / "app" / "Dockerfile", ROOT, {"BASE": base})

    def build(self, tag: str, recipe: Path, context: Path, arguments: Mapping[str, str]) -> str:
        """Build a recipe unless an image of that tag is there; return the tag."""
        if not self.run("images", "--quiet", tag):
            given = [part for name, value in arguments.items() for part in ("--build-arg", f"{name}={value}")]
            self.run("build", "--tag", tag, "--file", str(recipe), *given, str(context), timeout=_BUILD_S)
        return tag

    def base(self) -> str:
        """Return a bare Debian with Python, made by mmdebstrap; it trusts and asks what this machine does."""
        packages = ["ca-certificates", "python3", "python3-venv", "wget"]
        # Neither a disk that was waited for nor what nobody reads: packages are put in several times as fast.
        options = ["force-unsafe-io", *(f"path-exclude=/usr/share/{folder}/*" for folder in ("man", "locale", "doc"))]
        tag = f"{REPOSITORY}/base:{_digest(packages + options)}"
        if self.run("images", "--quiet", tag):
            return tag
        archive = self._folder / "base.tar"
        self._folder.mkdir(parents=True, exist_ok=True)
        command = ["mmdebstrap", "--variant=minbase", "--quiet", f"--include={','.join(packages)}"]
        command += [f"--dpkgopt={option}" for option in options]
        trusted = [Path("/etc/ssl/certs/ca-certificates.crt"), Path("/etc/pip.conf")]
        command += [f"--customize-hook=copy-in {path} {path.parent}" for path in trusted if path.exists()]
        command.append('--customize-hook=ln -s python3 "$1/usr/bin/python"')
        subprocess.run([*command, "bookworm", str(archive)], check=True, timeout=_BUILD_S, capture_output=True)
        self.run("import", str(archive), tag, timeout=_BUILD_S)
        archive.unlink()
        return tag

    def _take_turn(self) -> None:
        """Wait until no other process of tests has an engine of its own: two of them undo each other's network."""
        self._turn = (Path(tempfile.gettempdir()) / "claude-memory-tests-docker.lock").open("w")
        until = time.monotonic() + _TURN_S
        while True:
            try:
                fcntl.flock(self._turn, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > until:
                    raise EngineMissing(f"other tests had an engine of their own for {_TURN_S} s") from None
                time.sleep(1)
            else:
                return

    def _answers(self) -> bool:
        try:
            self.run("version", "--format", "{{.Server.Version}}", timeout=10)
        except (AssertionError, subprocess.TimeoutExpired):
            return False
        return True


def free_port() -> int:
    """Return a port on loopback that nobody has."""
    while True:
        with socket.socket() as free:
            try:
                free.bind(("127.0.0.1", random.choice(_PORTS)))
            except OSError:
                continue
            return int(free.getsockname()[1])


def _locked(package: str) -> str:
    """Return what the lock of the tests says of a package: a requirement with its hashes, on one line."""
    lock = (ROOT / "requirements" / "dev.txt").read_text(encoding="utf-8")
    [entry] = re.findall(rf"^{package}==.*(?:\n +--hash=.*)*", lock, re.M)
    return " ".join(entry.replace("\\\n", " ").split())


def _digest(parts: Sequence[str]) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]
