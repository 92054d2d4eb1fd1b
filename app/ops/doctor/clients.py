"""Checks which MCP clients of this user start this server."""

from __future__ import annotations

from app.ops.checks import Check, State


def check_clients() -> Check:
    """Read every client's configuration; one that cannot be read is a warning."""
    from app.clients.catalogue import CLIENTS, InstallScope
    from app.clients.entry import is_ours
    from app.clients.files import read
    from app.clients.formats import parsed
    from app.clients.install import Machine
    from app.clients.jsonc_reading import NotEditable

    machine, installed, unreadable = Machine.current(), [], []
    for client in CLIENTS.values():
        for place in client.places(InstallScope.USER, machine.platform, machine.home, machine.environ, machine.project):
            try:
                if (text := read(place.file)) is None:
                    continue
                entries = parsed(text, client.format).get((client.key,))
            except (OSError, UnicodeDecodeError, NotEditable) as error:
                why = str(error) if isinstance(error, NotEditable) else type(error).__name__
                unreadable.append(f"{client.title}: {place.file} ({why})")
                continue
            if isinstance(entries, dict) and any(is_ours(entry) for entry in entries.values()):
                installed.append(client.title)
    found = f"installed in {', '.join(installed)}" if installed else "installed in none of this user's clients"
    if unreadable:
        found += f"; cannot be read: {'; '.join(unreadable)}"
        return Check("clients", State.WARNING, found, "fix that file by hand")
    if installed:
        return Check("clients", State.OK, found)
    return Check("clients", State.WARNING, found, "claude-memory install")
