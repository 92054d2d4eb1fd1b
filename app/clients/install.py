"""Adds us to the configuration of MCP clients, and takes us out again; everything else in a file stays as it is.

A file is read, changed in one place, compared, backed up beside itself and replaced in one step. What cannot be
read as the client reads it is reported and left alone. Uninstalling gives back the very bytes from before, unless
somebody has changed the file since: then it takes out our part alone.
"""

from __future__ import annotations

import contextlib
import difflib
import os
import re
import stat
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol

from app.clients.catalogue import (
    CLIENTS,
    Command,
    Entry,
    Environment,
    Place,
    Scope,
    claude_code_folder,
    is_ours,
    merged,
    this_command,
)
from app.clients.hooks import HookEdit
from app.clients.jsonc import BOM, Document, NotEditable
from app.errors import InvalidInput, NotFound

BACKUP_SUFFIX = ".claude-memory-backup"
_HOOKS = "claude-code"  # the one client with hooks we know
_KEY_VALUE_OR_COMMENT = re.compile(
    r'(?P<key>"(?:[^"\\]|\\.)*"(?=\s*:))|(?P<value>"(?:[^"\\]|\\.)*")|//[^\r\n]*|/\*.*?\*/', re.DOTALL
)


class WrongUsage(InvalidInput):
    """Options that do not go together."""

    exit_status = 2


class Action(StrEnum):
    """What was done with a file, or in a dry run would be."""

    ADDED = "added"
    UPDATED = "updated"
    THERE = "already there"
    REMOVED = "removed"
    ABSENT = "not there"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What happened to one configuration file."""

    client: str
    path: Path
    action: Action
    part: str
    reason: str | None = None
    backup: Path | None = None
    diff: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return {name: str(value) if isinstance(value, Path) else value for name, value in asdict(self).items()}


@dataclass(frozen=True, slots=True)
class Machine:
    """Where the configuration files are looked for."""

    platform: str
    home: Path
    environ: Environment
    project: Path

    @classmethod
    def here(cls) -> Machine:
        """Return this machine, as seen by this user in the current directory."""
        return cls(sys.platform, Path.home(), os.environ, Path.cwd())


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What the user asked for. No clients: all that are used here."""

    clients: tuple[str, ...] = ()
    scope: Scope = Scope.USER
    name: str = "memory"
    hooks: bool = False
    force: bool = False
    dry_run: bool = False
    environment: Environment | None = None  # for the entry: what the server must be told


class Edit(Protocol):
    """One change to a document. Each may raise NotEditable."""

    @property
    def part(self) -> str:
        """What it is about, in a word or two."""

    def put(self, document: Document) -> Document:
        """Return the document with our part; itself when nothing is missing."""

    def take(self, document: Document) -> Document:
        """Return the document without our part; itself when there is none."""

    def again(self, before: Document, after: Document) -> Document:
        """Return `before` with our part as it stands in `after`."""


@dataclass(frozen=True, slots=True)
class ServerEdit:
    """Our entry among the servers of a client."""

    key: str
    name: str
    entry: Entry
    force: bool = False

    @property
    def part(self) -> str:
        """What it is about."""
        return f"server {self.name}"

    def put(self, document: Document) -> Document:
        """Add our entry, or bring it up to date."""
        path = (self.key, self.name)
        found = document.get(path)
        if found is None:
            return document.put(path, self.entry)
        if not is_ours(found):
            if not self.force:
                raise NotEditable(
                    f"{self.key}.{self.name} is another server; add ours under another name (--name NAME), "
                    f"or replace that one (--force)"
                )
            return document.put(path, self.entry)
        if not isinstance(found.get("env"), dict | None) and not self.force:
            raise NotEditable(f"{self.key}.{self.name}.env is not an object; mend it, or replace the server (--force)")
        entry = merged(found, self.entry)
        return document if entry == found else document.put(path, entry)

    def take(self, document: Document) -> Document:
        """Take our entry away; another server of that name is not ours to take."""
        path = (self.key, self.name)
        return document.remove(path) if is_ours(document.get(path)) else document

    def again(self, before: Document, after: Document) -> Document:
        """Add the entry as it stands in `after`."""
        path = (self.key, self.name)
        return before.put(path, after.get(path))


@dataclass(frozen=True, slots=True)
class Target:
    """One file, and what is to be done in it."""

    client: str
    file: Path
    edit: Edit
    comments: bool


def install(wish: Wish, machine: Machine) -> list[Report]:
    """Add us to every client asked for. Raises NotFound when there is none, WrongUsage for an impossible wish."""
    if wish.hooks and wish.clients and _HOOKS not in wish.clients:
        raise WrongUsage("--hooks", ", ".join(wish.clients), f"a --client that has hooks: {_HOOKS}")
    targets = list(_targets(wish, machine, this_command(), used=True))
    if not targets:
        raise NotFound(
            f"no MCP client found in {machine.home if wish.scope is Scope.USER else machine.project}; "
            f"name one: --client {'|'.join(CLIENTS)}"
        )
    if wish.hooks and not any(isinstance(target.edit, HookEdit) for target in targets):
        raise NotFound(f"--hooks: {_HOOKS} is not found; add it all the same with --client {_HOOKS}")
    return [_report(target, wish.dry_run, _put) for target in targets]


def uninstall(wish: Wish, machine: Machine) -> list[Report]:
    """Take us out of every client asked for, hooks included; comments are no hindrance to that."""
    targets = _targets(replace(wish, hooks=True), machine, this_command(), used=False)
    return [_report(replace(target, comments=True), wish.dry_run, _take) for target in targets]


def _targets(wish: Wish, machine: Machine, command: Command, *, used: bool) -> Iterator[Target]:
    """Return the files to change; `used`: where a client is used, else where it has a file."""
    environment = wish.environment or {}
    for client in CLIENTS.values():
        if wish.clients and client.name not in wish.clients:
            continue
        places = client.places(wish.scope, machine.platform, machine.home, machine.environ, machine.project)
        if not places and wish.clients:
            raise WrongUsage("--scope", str(wish.scope), f"user for {client.name}, which has none in projects")
        edit = ServerEdit(client.key, wish.name, client.entry(command, environment), wish.force)
        files = _files(places, wish, used)
        for file in files:
            yield Target(client.name, file, edit, client.comments)
        settings = _hooks_file(wish.scope, machine)
        if client.name == _HOOKS and wish.hooks and (files if used else wish.clients or os.path.lexists(settings)):
            yield Target(client.name, settings, HookEdit(command, environment), client.comments)


def _files(places: Sequence[Place], wish: Wish, used: bool) -> list[Path]:
    """Return the files that count; of a client that is named, the usual one at least."""
    found = [place.file for place in places if (place.used if used else os.path.lexists(place.file))]
    return found or [place.file for place in places[:1] if wish.clients]


def _hooks_file(scope: Scope, machine: Machine) -> Path:
    if scope is Scope.PROJECT:  # the one that is not meant to be committed
        return machine.project / ".claude" / "settings.local.json"
    return claude_code_folder(machine.home, machine.environ) / "settings.json"


# One file ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Change:
    """What becomes of a file. `new` None: it goes; `backup`: what it held is kept beside it."""

    action: Action
    new: str | None = None
    backup: bool = False


def _report(target: Target, dry_run: bool, decide: Callable[[Target, Path, str | None], Change]) -> Report:
    """Do what is to be done with one file; whatever is in the way becomes the reason."""
    report = Report(client=target.client, path=target.file, action=Action.FAILED, part=target.edit.part)
    try:
        file = target.file.resolve()  # a link stays a link
        old = _read(file)
        change = decide(target, file, old)
        if change.action in (Action.THERE, Action.ABSENT):
            return replace(report, action=change.action)
        if dry_run:
            return replace(report, action=change.action, diff=_diff(target, old, change.new))
        backup = _keep(file, old) if change.backup and old is not None else None
        _write(file, old, change.new)
    except NotEditable as error:
        return replace(report, reason=str(error))
    except UnicodeError:
        return replace(report, reason="not UTF-8 text")
    except OSError as error:
        return replace(report, reason=(error.strerror or str(error)).lower())
    except RuntimeError:  # what Path.resolve raises up to Python 3.12
        return replace(report, reason="too many levels of symbolic links")
    return replace(report, action=change.action, backup=backup)


def _put(target: Target, _file: Path, old: str | None) -> Change:
    document = _document(old, target)
    new = target.edit.put(document)
    if new is document:
        return Change(Action.THERE)
    known = target.edit.take(document) is not document
    return Change(Action.UPDATED if known else Action.ADDED, new.text, backup=True)


def _take(target: Target, file: Path, old: str | None) -> Change:
    if old is None:
        return Change(Action.ABSENT)
    document = _document(old, target)
    new = target.edit.take(document)
    if new is document:
        return Change(Action.ABSENT)
    for before in [*(_read(backup) for backup in reversed(_backups(file))), None]:
        if before != old and _led_to(target, before, document):
            return Change(Action.REMOVED, before)
    return Change(Action.REMOVED, new.text, backup=True)


def _led_to(target: Target, before: str | None, after: Document) -> bool:
    """Whether our part alone makes the difference between a text (None: no file) and a document."""
    try:
        document = _document(before, target)
        return target.edit.take(document) is document and target.edit.again(document, after).text == after.text
    except NotEditable:
        return False


def _document(text: str | None, target: Target) -> Document:
    """Read a text as the client does; an empty file holds no settings."""
    if text is None or not text.strip(f"{BOM} \t\r\n"):
        text = (BOM if text and text.startswith(BOM) else "") + "{}\n"
    return Document(text, comments=target.comments)


def _read(file: Path) -> str | None:
    try:
        mode = file.stat().st_mode
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(mode):
        raise NotEditable("it is a directory" if stat.S_ISDIR(mode) else "it is not a file")
    return file.read_bytes().decode("utf-8")


def _diff(target: Target, old: str | None, new: str | None) -> str:
    """Return what changes. A line may hold others' keys and tokens, and a terminal keeps what it shows.

    So there are no lines around the change, and of all values only those stand there that we write.
    """
    file = target.file
    ours = {found["value"] for found in _KEY_VALUE_OR_COMMENT.finditer(target.edit.put(_document(None, target)).text)}

    def masked(found: re.Match[str]) -> str:
        if found["key"] or found["value"] in ours - {None}:
            return found[0]
        if found["value"]:
            return '"…"'
        return "//…" if found[0].startswith("//") else "/*…" + "\n" * found[0].count("\n") + "*/"

    def lines(text: str | None) -> list[str]:
        return [] if not text else _KEY_VALUE_OR_COMMENT.sub(masked, text).removesuffix("\n").split("\n")

    names = (str(file) if old is not None else os.devnull, str(file) if new is not None else os.devnull)
    changed = difflib.unified_diff(lines(old), lines(new), *names, n=0, lineterm="")
    return "".join(f"{line}\n" for line in changed)


# On the disk ------------------------------------------------------------------------------


def _backups(file: Path) -> list[Path]:
    """Return the backups of a file, oldest first."""
    found: list[Path] = []
    while (backup := _numbered(file, len(found))).exists():
        found.append(backup)
    return found


def _numbered(file: Path, number: int) -> Path:
    return file.with_name(f"{file.name}{BACKUP_SUFFIX}{f'-{number + 1}' if number else ''}")


def _keep(file: Path, text: str) -> Path:
    """Keep a copy beside the file, with the file's own mode; one that is there already is not written again."""
    there = _backups(file)
    for backup in there:
        if _read(backup) == text:
            return backup
    backup = _numbered(file, len(there))
    _replace(backup, text, file.stat())
    return backup


def _write(file: Path, old: str | None, new: str | None) -> None:
    """Replace a file in one step, or take it away. Raises NotEditable when it has changed since it was read."""
    if _read(file) != old:
        raise NotEditable("it was changed by another program at this moment; run this again")
    if new is None:
        file.unlink()
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    _replace(file, new, file.stat() if old is not None else None)


def _replace(file: Path, text: str, like: os.stat_result | None) -> None:
    """Write beside the file, then rename: whoever reads it finds the old text or the new one, whole."""
    descriptor, name = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)  # mode 0600
    try:
        with os.fdopen(descriptor, "wb") as temporary:
            temporary.write(text.encode("utf-8"))
            temporary.flush()
            os.fsync(temporary.fileno())
        if like is not None:
            _make_alike(Path(name), like)
        Path(name).replace(file)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise
    _sync_folder(file.parent)


def _make_alike(file: Path, like: os.stat_result) -> None:
    """Give a new file the owner and the mode of the old one."""
    if hasattr(os, "chown"):
        with contextlib.suppress(PermissionError):  # only root gives files away
            os.chown(file, like.st_uid, like.st_gid)
    file.chmod(stat.S_IMODE(like.st_mode))


def _sync_folder(folder: Path) -> None:
    if os.name != "posix":  # Windows opens no folders
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def summary(reports: Sequence[Report]) -> str:
    """Return a line for each file that could be read, and the differences of a dry run."""
    if not reports:
        return "no client has it"
    lines = []
    for report in reports:
        if report.action is not Action.FAILED:
            backup = f" (backup: {report.backup.name})" if report.backup else ""
            lines.append(f"{report.client}: {report.path}: {report.part} {report.action}{backup}")
            lines += [report.diff.rstrip("\n")] if report.diff else []
    return "\n".join(lines)
