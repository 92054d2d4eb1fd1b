"""Adds this server to the configuration of MCP clients and removes it again; all else in a file stays as it is."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from app.clients import files
from app.clients.catalogue import CLIENTS, ConfigurationFile, InstallScope, McpClient, claude_code_folder
from app.clients.editing import Action, FileEdit, FileReport, put_in, take_out
from app.clients.edits import ServerEdit
from app.clients.entry import DATA_DIR, Command, Environment, this_command
from app.clients.formats import Format, parsed
from app.clients.hook_settings import HookEdit
from app.clients.jsonc_reading import NotEditable
from app.datadir.folder import data_directory
from app.errors import InvalidInput, NotFound

_HOOKS = "claude-code"  # the only client whose hooks we know


class WrongUsage(InvalidInput):
    """Options that exclude each other."""

    exit_status = 2


@dataclass(frozen=True, slots=True)
class Machine:
    """Where to look for configuration files."""

    platform: str
    home: Path
    environ: Environment
    project: Path

    @classmethod
    def current(cls) -> Machine:
        """Return this machine, as seen by this user in the current directory."""
        return cls(sys.platform, Path.home(), os.environ, Path.cwd())


@dataclass(frozen=True, slots=True, kw_only=True)
class InstallRequest:
    """What the user asked for. No clients: all that are used here."""

    clients: tuple[str, ...] = ()
    scope: InstallScope = InstallScope.USER
    name: str = "memory"
    hooks: bool = False
    force: bool = False
    dry_run: bool = False
    environment: Environment | None = None  # variables for the entry; None: the data directory that one has, stays


def install(request: InstallRequest, machine: Machine) -> list[FileReport]:
    """Add this server to the requested clients. Raises NotFound when there is none, WrongUsage for bad options."""
    if request.hooks and request.clients and _HOOKS not in request.clients:
        raise WrongUsage("--hooks", ", ".join(request.clients), f"a --client that has hooks: {_HOOKS}")
    edits = list(_edits(request, machine, this_command(), used=True))
    if not edits:
        raise NotFound(
            f"no MCP client found in {machine.home if request.scope is InstallScope.USER else machine.project}; "
            f"name one: --client {'|'.join(CLIENTS)}"
        )
    if request.hooks and not any(isinstance(edit.edit, HookEdit) for edit in edits):
        raise NotFound(f"--hooks: {_HOOKS} is not found; add it all the same with --client {_HOOKS}")
    return [put_in(edit, dry_run=request.dry_run) for edit in edits]


def uninstall(request: InstallRequest, machine: Machine) -> list[FileReport]:
    """Remove this server and its hooks from the requested clients, from files with comments too."""
    edits = list(_edits(replace(request, hooks=True), machine, this_command(), used=False))
    reports = [take_out(replace(edit, format=_lenient(edit.format)), dry_run=request.dry_run) for edit in edits]
    removed = [report.path for report in reports if report.action is Action.REMOVED and not request.dry_run]
    emptied = {path.resolve().parent for path in removed if not os.path.lexists(path)}
    for folder in sorted(emptied, key=lambda one: len(one.parts), reverse=True):  # the inner ones first
        files.remove_made_folders(folder)
    return reports


def _lenient(format_: Format) -> Format:
    return Format.JSONC if format_ is Format.JSON else format_


def _edits(request: InstallRequest, machine: Machine, command: Command, *, used: bool) -> Iterator[FileEdit]:
    """Yield the files to change; used: of clients in use, else of clients that have a file."""
    for client in CLIENTS.values():
        if request.clients and client.name not in request.clients:
            continue
        places = client.places(request.scope, machine.platform, machine.home, machine.environ, machine.project)
        if not places and request.clients:
            raise WrongUsage("--scope", str(request.scope), f"user for {client.name}, which has none in projects")
        found = _files(places, request, used)
        for file in found:
            environment = _environment(request, client, file)
            entry = client.entry(command, environment, request.name)
            edit = ServerEdit(client.key, request.name, entry, client.shape, request.force)
            yield FileEdit(client.name, file, edit, client.format, _memory(environment))
        settings = _hooks_file(request.scope, machine)
        if (
            client.name == _HOOKS
            and request.hooks
            and (found if used else request.clients or os.path.lexists(settings))
        ):
            environment = _environment(request, client, places[0].file)
            hooks = HookEdit(command, environment)
            yield FileEdit(client.name, settings, hooks, client.format, _memory(environment))


def _environment(request: InstallRequest, client: McpClient, file: Path) -> Environment:
    """Return the variables of our entry: those that were asked for, or else the data directory that it names now."""
    if request.environment is not None:
        return request.environment
    try:
        entry = parsed(files.read(file), _lenient(client.format)).get((client.key, request.name))
    except (OSError, RuntimeError, UnicodeError, NotEditable):  # the edit says what is wrong
        return {}
    data_dir = client.shape.data_dir(entry)
    return {} if data_dir is None else {DATA_DIR: data_dir}


def _memory(environment: Environment) -> str:
    return environment.get(DATA_DIR) or str(data_directory(None))


def _files(places: Sequence[ConfigurationFile], request: InstallRequest, used: bool) -> list[Path]:
    """Return the files to change; for a client that was named, at least its usual one."""
    files = [place.file for place in places if (place.used if used else os.path.lexists(place.file))]
    return files or [place.file for place in places[:1] if request.clients]


def _hooks_file(scope: InstallScope, machine: Machine) -> Path:
    if scope is InstallScope.PROJECT:  # the one not meant to be committed
        return machine.project / ".claude" / "settings.local.json"
    return claude_code_folder(machine.home, machine.environ) / "settings.json"


def summary(reports: Sequence[FileReport]) -> str:
    """Return a line for each file that could be read, and the differences of a dry run."""
    if not reports:
        return "no client has it"
    lines = []
    for report in reports:
        if report.action is not Action.FAILED:
            done = f"would be {report.action}" if report.diff else report.action  # only a dry run has a difference
            lines.append(f"{report.client}: {report.path}: {report.part} {done}{_notes(report)}")
            lines += [report.diff.rstrip("\n")] if report.diff else []
    return "\n".join(lines)


def _notes(report: FileReport) -> str:
    notes = [f"memories in {report.memory}"] if report.memory is not None else []
    notes += [f"backup: {report.backup.name}"] if report.backup else []
    left = [path.name for path in report.left if path != report.backup]
    notes += [f"left beside it: {', '.join(left)}"] if left and report.action is Action.REMOVED else []
    return f" ({'; '.join(notes)})" if notes else ""
