"""Adds us to the configuration of MCP clients, and takes us out again; everything else in a file stays as it is."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from app.clients.catalogue import CLIENTS, Place, Scope, claude_code_folder
from app.clients.editing import Action, FileEdit, FileReport, put_in, take_out
from app.clients.edits import ServerEdit
from app.clients.entry import Command, Environment, this_command
from app.clients.hook_settings import HookEdit
from app.errors import InvalidInput, NotFound

_HOOKS = "claude-code"  # the one client with hooks we know


class WrongUsage(InvalidInput):
    """Options that do not go together."""

    exit_status = 2


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


def install(wish: Wish, machine: Machine) -> list[FileReport]:
    """Add us to every client asked for. Raises NotFound when there is none, WrongUsage for an impossible wish."""
    if wish.hooks and wish.clients and _HOOKS not in wish.clients:
        raise WrongUsage("--hooks", ", ".join(wish.clients), f"a --client that has hooks: {_HOOKS}")
    edits = list(_edits(wish, machine, this_command(), used=True))
    if not edits:
        raise NotFound(
            f"no MCP client found in {machine.home if wish.scope is Scope.USER else machine.project}; "
            f"name one: --client {'|'.join(CLIENTS)}"
        )
    if wish.hooks and not any(isinstance(edit.edit, HookEdit) for edit in edits):
        raise NotFound(f"--hooks: {_HOOKS} is not found; add it all the same with --client {_HOOKS}")
    return [put_in(edit, dry_run=wish.dry_run) for edit in edits]


def uninstall(wish: Wish, machine: Machine) -> list[FileReport]:
    """Take us out of every client asked for, hooks included; comments are no hindrance to that."""
    edits = _edits(replace(wish, hooks=True), machine, this_command(), used=False)
    return [take_out(replace(edit, comments=True), dry_run=wish.dry_run) for edit in edits]


def _edits(wish: Wish, machine: Machine, command: Command, *, used: bool) -> Iterator[FileEdit]:
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
            yield FileEdit(client.name, file, edit, client.comments)
        settings = _hooks_file(wish.scope, machine)
        if client.name == _HOOKS and wish.hooks and (files if used else wish.clients or os.path.lexists(settings)):
            yield FileEdit(client.name, settings, HookEdit(command, environment), client.comments)


def _files(places: Sequence[Place], wish: Wish, used: bool) -> list[Path]:
    """Return the files that count; of a client that is named, the usual one at least."""
    found = [place.file for place in places if (place.used if used else os.path.lexists(place.file))]
    return found or [place.file for place in places[:1] if wish.clients]


def _hooks_file(scope: Scope, machine: Machine) -> Path:
    if scope is Scope.PROJECT:  # the one that is not meant to be committed
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
            lines.append(f"{report.client}: {report.path}: {report.part} {report.action}{backup}")
            lines += [report.diff.rstrip("\n")] if report.diff else []
    return "\n".join(lines)
