"""Changes one client's configuration file, or shows in a dry run what would change.

A file is read, changed in one place, compared, backed up beside itself and replaced in one step. A file that cannot be
read as the client reads it is reported and left alone. Removing our part restores the very bytes from before, unless
the file has changed since: then only our part is removed. A file that held only our part is deleted.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from app.clients import files
from app.clients.diff import masked_diff
from app.clients.edits import Edit
from app.clients.formats import Editable, Format, parsed
from app.clients.jsonc_reading import NotEditable


class Action(StrEnum):
    """What was done with a file, or in a dry run would be."""

    ADDED = "added"
    UPDATED = "updated"
    THERE = "already there"
    REMOVED = "removed"
    ABSENT = "not there"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class FileReport:
    """What happened to one configuration file."""

    client: str
    path: Path
    action: Action
    part: str
    reason: str | None = None
    backup: Path | None = None
    left: tuple[Path, ...] = ()  # backups that stay when our part is removed
    memory: str | None = None  # the data directory that it joins
    diff: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the report as JSON values."""
        values = {name: str(value) if isinstance(value, Path) else value for name, value in asdict(self).items()}
        return {**values, "left": [str(path) for path in self.left]}


@dataclass(frozen=True, slots=True)
class FileEdit:
    """One file of a client, and the edit of it. memory: the data directory that our part names, or the default one."""

    client: str
    file: Path
    edit: Edit
    format: Format
    memory: str | None = None


@dataclass(frozen=True, slots=True)
class FileChange:
    """What to do with a file. `new` None: delete it; `backup`: keep its old content beside it."""

    action: Action
    new: str | None = None
    backup: bool = False


def put_in(target: FileEdit, *, dry_run: bool) -> FileReport:
    """Add our part to a file."""
    return replace(_changed(target, dry_run, _put), memory=target.memory)


def take_out(target: FileEdit, *, dry_run: bool) -> FileReport:
    """Remove our part from a file."""
    report = _changed(target, dry_run, _take)
    left = () if report.action is Action.FAILED else tuple(files.backups(target.file.resolve()))
    return replace(report, left=left)


def _changed(target: FileEdit, dry_run: bool, decide: Callable[[FileEdit, Path, str | None], FileChange]) -> FileReport:
    """Change one file as `decide` says; an error becomes the reason in the report."""
    report = FileReport(client=target.client, path=target.file, action=Action.FAILED, part=target.edit.part)
    try:
        file = target.file.resolve()  # a link stays a link
        old = files.read(file)
        change = decide(target, file, old)
        if change.action in (Action.THERE, Action.ABSENT):
            return replace(report, action=change.action)
        if dry_run:
            return replace(report, action=change.action, diff=_diff(target, old, change.new))
        files.check_writable(file)
        backup = files.keep(file, old) if change.backup and old is not None else None
        files.write(file, old, change.new)
    except NotEditable as error:
        return replace(report, reason=str(error))
    except UnicodeError:
        return replace(report, reason="not UTF-8 text")
    except OSError as error:
        return replace(report, reason=(error.strerror or str(error)).lower())
    except RuntimeError:  # what Path.resolve raises up to Python 3.12
        return replace(report, reason="too many levels of symbolic links")
    return replace(report, action=change.action, backup=backup)


def _put(target: FileEdit, _file: Path, old: str | None) -> FileChange:
    document = _document(old, target)
    new = target.edit.put(document)
    if new is document:
        return FileChange(Action.THERE)
    known = target.edit.take(document) is not document
    return FileChange(Action.UPDATED if known else Action.ADDED, new.text, backup=True)


def _take(target: FileEdit, file: Path, old: str | None) -> FileChange:
    if old is None:
        return FileChange(Action.ABSENT)
    document = _document(old, target)
    new = target.edit.take(document)
    if new is document:
        return FileChange(Action.ABSENT)
    for before in [*(files.read(backup) for backup in reversed(files.backups(file))), None]:
        if before != old and _differs_by_our_part(target, before, document):
            return FileChange(Action.REMOVED, before)
    return FileChange(Action.REMOVED, new.text, backup=True)


def _differs_by_our_part(target: FileEdit, before: str | None, after: Editable) -> bool:
    """Whether our part is the only difference between a text (None: no file) and a document."""
    try:
        document = _document(before, target)
        return target.edit.take(document) is document and target.edit.again(document, after).text == after.text
    except NotEditable:
        return False


def _document(text: str | None, target: FileEdit) -> Editable:
    return parsed(text, target.format)


def _diff(target: FileEdit, old: str | None, new: str | None) -> str:
    ours = target.edit.put(_document(None, target)).text
    return masked_diff(target.file, old, new, ours, in_json=target.format in (Format.JSON, Format.JSONC))
