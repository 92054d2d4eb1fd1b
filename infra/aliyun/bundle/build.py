"""Builds the bundle of a function below build/aliyun/ of the checkout, or finds the one built from the same inputs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

from infra.aliyun.bundle import archive, mcp_server
from infra.aliyun.bundle.archive import Archive, Entry
from infra.aliyun.bundle.compiling import compile_folder
from infra.aliyun.bundle.cuts import cut
from infra.aliyun.bundle.dependencies import install
from infra.aliyun.bundle.extensions import strip_below
from infra.aliyun.bundle.interpreters import Interpreter, find_pip, find_python
from infra.aliyun.bundle.lock import LOCK, lock_for, pins_of
from infra.aliyun.bundle.making import making
from infra.aliyun.bundle.sizes import Size, check, sizes_of

FOLDER = "build/aliyun"
DECLARED = "requirements/app.in"  # /report names the packages in it
CODE = PurePosixPath("/code")  # where the platform unpacks the code package; layers in /opt
KEPT = 4  # bundles built last that stay: stacks may differ in their options
APP_FILES = {".py", ".sql", ".LICENSE"}  # what the app reads of its own folder, and licences; others may be private
# What a function never runs: what is for a person's machine, the alert receiver, and what writes the documents.
LEFT_OUT = (
    "app/alerts",
    "app/bridge/calls.py",
    "app/bridge/connector.py",
    "app/bridge/session.py",
    "app/bridge/start.py",
    "app/bridge/stdio.py",
    "app/clients",
    "app/commands/alerts.py",
    "app/commands/backups.py",
    "app/commands/daemon.py",
    "app/commands/doctor.py",
    "app/commands/edit.py",
    "app/commands/explain.py",
    "app/commands/export.py",
    "app/commands/forget.py",
    "app/commands/hook.py",
    "app/commands/import_.py",
    "app/commands/install.py",
    "app/commands/installation.py",
    "app/commands/list.py",
    "app/commands/memories.py",
    "app/commands/model.py",
    "app/commands/outbox.py",
    "app/commands/project.py",
    "app/commands/reindex.py",
    "app/commands/remember.py",
    "app/commands/remote.py",
    "app/commands/restore.py",
    "app/commands/search.py",
    "app/commands/service.py",
    "app/commands/settings.py",
    "app/commands/show.py",
    "app/commands/status.py",
    "app/commands/stdio.py",
    "app/commands/token.py",
    "app/commands/uninstall.py",
    "app/commands/user.py",
    "app/commands/verify.py",
    "app/commands/wal.py",
    "app/commands/worker.py",
    "app/docs.py",
    "app/ops/backup/archive_reader.py",
    "app/ops/backup/reading.py",
    "app/ops/backup/restoring.py",
    "app/ops/backup/verifying.py",
    "app/ops/checks.py",
    "app/ops/doctor",
    "app/ops/drift.py",
    "app/ops/editor.py",
    "app/ops/exporting.py",
    "app/ops/importing",
    "app/ops/memories.py",
    "app/ops/models",
    "app/ops/outbox.py",
    "app/ops/projects.py",
    "app/ops/remote.py",
    "app/ops/service.py",
    "app/ops/settings.py",
    "app/ops/status.py",
    "app/ops/tokens.py",
    "app/ops/upkeep.py",
    "app/ops/users.py",
    "app/settings/tabulate.py",
    "app/store/export_reading.py",
    "app/store/import_rows.py",
    "app/store/import_writing.py",
    "app/wal",
    "app/worker/certificate.py",
    "app/worker/process.py",
    "app/worker/schedules.py",
    "app/worker/supervisor.py",
)
_LEFT_OUT = tuple(f"{one}/" for one in LEFT_OUT)

Progress = Callable[[str], None]
Dependencies = Literal["bundled", "layer"]


@dataclass(frozen=True, slots=True)
class BundleOptions:
    """What can be chosen. python: the function's version. dependencies: in the code package, or a layer."""

    python: str = "3.12"
    dependencies: Dependencies = "bundled"


@dataclass(frozen=True, slots=True)
class Bundle:
    """The archives that a function is created from."""

    code: Archive
    layer: Archive | None

    @property
    def sizes(self) -> list[Size]:
        """What the service limits, and by how much."""
        return sizes_of(self.code, self.layer)


def build(root: Path, options: BundleOptions, progress: Progress) -> Bundle:
    """Return the bundle of a checkout. Raises BundleError, before anything is created.

    progress: takes a line at the beginning of each step. The same inputs give the same bytes.
    """
    interpreter = find_python(options.python)
    folder = root / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    with making(folder) as made:
        work = _Work(root, options, progress, interpreter, made)
        bundle = work.bundle()
    check(bundle.sizes)
    return bundle


@dataclass(frozen=True, slots=True)
class _Work:
    """A build under way."""

    root: Path
    options: BundleOptions
    progress: Progress
    interpreter: Interpreter
    made: Path

    def bundle(self) -> Bundle:
        layer = self._reused("dependencies", self._dependency_inputs(), self._dependencies)
        code = self._reused("code", self._code_inputs(layer), lambda: self._code(layer))
        return Bundle(code, layer if self.options.dependencies == "layer" else None)

    @property
    def _in_function(self) -> PurePosixPath:
        """Where the function has the dependencies."""
        return CODE / mcp_server.BUNDLED if self.options.dependencies == "bundled" else PurePosixPath(mcp_server.LAYER)

    def _dependency_inputs(self) -> dict[str, str]:
        return {
            "lock": self._lock(),
            "place": str(self._in_function),
            "python": self.interpreter.version,
            **_digests(Path(__file__).parent.glob("*.py"), self.root),
        }

    def _code_inputs(self, layer: Archive) -> dict[str, str]:
        files = [*self._app_files(), self.root / LOCK, self.root / DECLARED, *Path(__file__).parent.glob("*.py")]
        bundled = layer.sha256 if self.options.dependencies == "bundled" else ""
        return {"dependencies": bundled, "python": self.interpreter.version, **_digests(files, self.root)}

    def _lock(self) -> str:
        return lock_for((self.root / LOCK).read_text(encoding="utf-8"), self.options.python)

    def _app_files(self) -> Iterator[Path]:
        for file in (self.root / "app").rglob("*"):
            name = file.relative_to(self.root).as_posix()
            if file.suffix in APP_FILES and file.is_file() and not f"{name}/".startswith(_LEFT_OUT):
                yield file

    def _dependencies(self) -> Iterator[Entry]:
        packages = self.made / "packages"
        self.progress(f"installing the dependencies for Python {self.options.python}")
        install(self._lock(), self.options.python, packages, find_pip([self.interpreter.path]))
        cut(packages)
        strip_below(packages)
        self.progress(f"compiling them with Python {self.interpreter.version}")
        compile_folder(packages, self._in_function, self.interpreter, ours=False)
        return archive.entries_below(packages, f"{self._in_function.name}/")

    def _code(self, layer: Archive) -> Iterator[Entry]:
        self.progress("compiling the app")
        code = self.made / "code"
        for file in self._app_files():
            _copy(file, code / file.relative_to(self.root))
        compile_folder(code, CODE, self.interpreter, ours=True)
        (code / "requirements.txt").write_text(pins_of(self._lock()), encoding="utf-8", newline="\n")
        _copy(self.root / DECLARED, code / DECLARED)
        _copy(Path(mcp_server.__file__), code / "mcp_server.py")
        yield from archive.entries_below(code, "")
        if self.options.dependencies == "bundled":
            yield from archive.entries_of(self.root / layer.path)

    def _reused(self, kind: str, inputs: Mapping[str, str], entries: Callable[[], Iterator[Entry]]) -> Archive:
        """Return the archive of these inputs, made unless it is there."""
        digest = hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()[:16]
        note = self.root / FOLDER / f"{kind}-{digest}.json"
        found = _noted(note, self.root)
        if found is None:
            unnamed = self.made / f"{kind}.zip"
            archive.write(entries(), unnamed)
            described = archive.described(unnamed, self.root)
            path = self.root / FOLDER / f"{kind}-{described.sha256[:16]}.zip"
            unnamed.replace(path)
            found = Archive(**asdict(described) | {"path": path.relative_to(self.root).as_posix()})
            note.write_text(json.dumps(asdict(found)), encoding="utf-8")
            _forget(self.root, kind)
        note.touch()
        return found


def _noted(note: Path, root: Path) -> Archive | None:
    """Return what an earlier build noted, if its archive is still there and whole."""
    try:
        noted = Archive(**json.loads(note.read_text(encoding="utf-8")))
        with (root / noted.path).open("rb") as file:
            whole = hashlib.file_digest(file, "sha256").hexdigest() == noted.sha256
    except (OSError, ValueError, TypeError):
        return None
    return noted if whole else None


def _forget(root: Path, kind: str) -> None:
    """Remove the bundles that were used longest ago."""
    notes = sorted((root / FOLDER).glob(f"{kind}-*.json"), key=lambda note: note.stat().st_mtime, reverse=True)
    kept = {noted.path for note in notes[:KEPT] if (noted := _noted(note, root))}
    for note in notes[KEPT:]:
        note.unlink(missing_ok=True)
    for file in (root / FOLDER).glob(f"{kind}-*.zip"):
        if file.relative_to(root).as_posix() not in kept:
            file.unlink(missing_ok=True)


def _copy(file: Path, target: Path) -> None:
    """Copy a text; a checkout on Windows may have other ends of lines."""
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(file.read_bytes().replace(b"\r\n", b"\n"))


def _digests(files: Iterator[Path] | list[Path], root: Path) -> dict[str, str]:
    return {
        file.relative_to(root).as_posix() if file.is_relative_to(root) else file.name: hashlib.sha256(
            file.read_bytes().replace(b"\r\n", b"\n")
        ).hexdigest()
        for file in files
    }
