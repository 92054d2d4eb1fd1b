"""Words an entry of the outbox as memU's API wants it: roles, names, times, and a line for what it has no field for."""

from __future__ import annotations

from datetime import UTC, datetime

from app.memory.outbox import OutboxEntry, OutboxMessage
from app.memory.types import Kind

USER, ASSISTANT = "User", "Assistant"  # the names that memU's own clients send when they know none
_ROLES = {"user": "user", "human": "user", "assistant": "assistant", "system": "system"}


def role_of(message: OutboxMessage) -> str:
    """Return the role as memU knows it.

    Another one, such as `tool`, becomes `assistant`: memU takes what `user` says for facts about the person, and what a
    tool prints is none.
    """
    return _ROLES.get(message.role.lower(), "assistant")


def names_in(entry: OutboxEntry) -> dict[str, str]:
    """Return the display name of each role: its first speaker's whose name is known."""
    names: dict[str, str] = {}
    for message in entry.messages:
        if message.name and message.role.lower() in _ROLES:
            names.setdefault(role_of(message), message.name)
    return {"user": USER, "assistant": ASSISTANT, **names}


def texts_of(entry: OutboxEntry) -> list[str]:
    """Return the text of each message. A speaker whom memU would take for another one is named in the text."""
    names = names_in(entry)
    texts = []
    for message in entry.messages:
        speaker = message.name or ("" if message.role.lower() in _ROLES else message.role)
        is_told = not speaker or speaker == names.get(role_of(message))
        texts.append(message.text if is_told else f"{speaker}: {message.text}")
    if texts and (label := label_of(entry)):
        texts[0] = f"{label}\n{texts[0]}"
    return texts


def label_of(entry: OutboxEntry) -> str:
    """Return what memU has no fields for, in one line: `[decision; project x; tags a, b]`.

    It is '' for a plain note, and for a turn, which the conversation around it explains.
    """
    if entry.kind == Kind.TURN:
        return ""
    parts = [] if entry.kind == Kind.NOTE else [entry.kind]
    if entry.project:
        parts.append(f"project {entry.project}")
    if entry.tags:
        parts.append(f"tags {', '.join(entry.tags)}")
    return f"[{'; '.join(parts)}]" if parts else ""


def session_time(entry: OutboxEntry) -> str:
    """Return when the entry's messages were said, or else when it was written."""
    return iso_time(next((message.at for message in entry.messages if message.at), entry.created_at))


def iso_time(at: datetime) -> str:
    """Return a moment in ISO 8601, the same text whatever zone it is in."""
    return at.astimezone(UTC).isoformat(timespec="seconds")


def plain_time(at: datetime) -> str:
    """Return a moment as v3 is given it: `YYYY-MM-DD hh:mm:ss`, in UTC."""
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(sep=" ", timespec="seconds")
