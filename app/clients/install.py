"""Adds this server to the configuration of MCP clients and removes it again; all else in a file stays as it is."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from app.clients.catalogue import CLIENTS, ConfigurationFile, InstallScope, claude_code_folder, configuration_folder
from app.clients.editing import Action, FileEdit, FileReport, put_in, take_out
from app.clients.edits import ServerEdit
from app.clients.entry import Command, Environment, this_command
from app.clients.hook_settings import HookEdit
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
    environment: Environment | None = None  # variables for the entry


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
    edits = _edits(replace(request, hooks=True), machine, this_command(), used=False)
    return [take_out(replace(edit, comments=True), dry_run=request.dry_run) for edit in edits]


def _edits(request: InstallRequest, machine: Machine, command: Command, *, used: bool) -> Iterator[FileEdit]:
    """Yield the files to change; used: of clients in use, else of clients that have a file."""
    environment, shared = request.environment or {}, _shared_folders(machine)
    for client in CLIENTS.values():
        if request.clients and client.name not in request.clients:
            continue
        places = client.places(request.scope, machine.platform, machine.home, machine.environ, machine.project)
        if not places and request.clients:
            raise WrongUsage("--scope", str(request.scope), f"user for {client.name}, which has none in projects")
        edit = ServerEdit(client.key, request.name, client.entry(command, environment), request.force)
        files = _files(places, request, used)
        for file in files:
            yield FileEdit(client.name, file, edit, client.comments, shared)
        settings = _hooks_file(request.scope, machine)
        if (
            client.name == _HOOKS
            and request.hooks
            and (files if used else request.clients or os.path.lexists(settings))
        ):
            yield FileEdit(client.name, settings, HookEdit(command, environment), client.comments, shared)


def _files(places: Sequence[ConfigurationFile], request: InstallRequest, used: bool) -> list[Path]:
    """Return the files to change; for a client that was named, at least its usual one."""
    files = [place.file for place in places if (place.used if used else os.path.lexists(place.file))]
    return files or [place.file for place in places[:1] if request.clients]


def _shared_folders(machine: Machine) -> frozenset[Path]:
    """Return the folders above the clients' own."""
    configuration = configuration_folder(machine.platform, machine.home, machine.environ)
    return frozenset((machine.home, machine.project, configuration, machine.home / ".config"))


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
            backup = f" (backup: {report.backup.name})" if report.backup else ""
            done = f"would be {report.action}" if report.diff else report.action  # only a dry run has a difference
            lines.append(f"{report.client}: {report.path}: {report.part} {done}{backup}")
            lines += [report.diff.rstrip("\n")] if report.diff else []
    return "\n".join(lines)
