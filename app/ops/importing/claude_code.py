"""Reads Claude Code's transcripts: ~/.claude/projects/<folder>/<session>.jsonl, a line for each event of a session.

Anthropic calls the lines internal and changes them between releases (https://code.claude.com/docs/en/sessions), so
unknown lines are skipped. Only what the person and Claude said is read: no tools, no thinking, nothing that the
program itself or another agent puts into the conversation.

A line's id stays the same when a session is resumed, forked or put into the background under another id. So a message
gets an id of ours that follows from it, and is stored once, whichever file comes first.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import IO, Any

from app.memory.texts import content_id
from app.ops.importing import claude_code_lines
from app.ops.importing.branches import Branches
from app.ops.importing.claude_code_lines import Said
from app.ops.importing.entries import BadEntry, ConversationParts, Entry, LeftAside, Position, named, when
from app.ops.importing.held_back import HeldBack
from app.ops.importing.json_lines import objects

AGENT = "claude-code"

_SUMMARIES_KEPT = 1_000  # older versions put summaries of other sessions first
_WAITING_KEPT = 1_000  # prompts typed while Claude works
_SESSIONS_LIMIT = 1_000  # of a file: it has one, or the few that it was resumed from
_UUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)


def read(stream: IO[bytes], file: str | None) -> Iterator[Entry]:
    """Yield the conversation of each session; a long one in parts."""
    with HeldBack() as held:
        transcript = _Transcript(file, held)
        for position, line in held.until_full(objects(stream, file)):
            if isinstance(line, BadEntry):
                yield line
            else:
                transcript.add(position, line)
        yield from transcript.entries()
        yield from (LeftAside(what=what, count=count) for what, count in transcript.aside.items())


class _Session:
    """A session: its first folder names the project, and the best title wins."""

    def __init__(self, id_: str) -> None:
        self.id = id_
        self.folder: str | None = None
        self.titles: dict[str, str | None] = {}

    def conversation(self) -> dict[str, Any]:
        title = self.titles.get("custom-title") or self.titles.get("ai-title") or self.titles.get("summary")
        return {"conversation_id": self.id, "title": title}


class _Transcript:
    """What was said in one file. It can be told only at the end which branches were given up."""

    def __init__(self, file: str | None, held: HeldBack) -> None:
        self._file = file
        self._held = held
        self._in_tree: dict[int, int] = {}  # the numbers of messages and of their lines among the branches
        self._sessions: dict[str, _Session] = {}
        self._session: _Session | None = None
        self._summaries: dict[str, str | None] = {}
        self._branches = Branches()
        self._asked = claude_code_lines.Asked()
        self._queue = _Queue()
        self._last_words: str | None = None  # of the person, until Claude speaks
        self._last_attached = False
        self.aside: Counter[str] = Counter()

    def add(self, position: Position, line: dict[str, Any]) -> None:
        """Take in a line."""
        kind = line.get("type")
        if kind == "summary":
            if len(self._summaries) < _SUMMARIES_KEPT and isinstance(line.get("leafUuid"), str):
                self._summaries[line["leafUuid"]] = named(line.get("summary"))
            return
        session = self._of(line)
        if session is None:
            return
        session.folder = session.folder or (line["cwd"] if isinstance(line.get("cwd"), str) else None)
        if kind == "custom-title":
            session.titles[kind] = named(line.get("customTitle"))
        elif kind == "ai-title":
            session.titles[kind] = named(line.get("aiTitle"))
        elif kind == "queue-operation":
            self._queued(position, line, session)
        else:
            self._conversation_line(position, line, session)

    def _of(self, line: dict[str, Any]) -> _Session | None:
        """Return the session of a line; one without an id belongs to the session before it."""
        id_ = named(line.get("sessionId")) or (self._session.id if self._session else _name(self._file))
        if id_ is None:
            return None
        if id_ not in self._sessions and len(self._sessions) >= _SESSIONS_LIMIT:
            self.aside["lines of further sessions"] += 1
            return None
        self._session = self._sessions.setdefault(id_, _Session(id_))
        return self._session

    def _conversation_line(self, position: Position, line: dict[str, Any], session: _Session) -> None:
        id_ = line.get("uuid")
        number = None
        if isinstance(id_, str) and not line.get("isSidechain"):
            parent = line.get("parentUuid") or line.get("logicalParentUuid")
            kind = claude_code_lines.in_tree(line)
            number = self._branches.add(id_, parent if isinstance(parent, str) else None, kind, session.id)
            if id_ in self._summaries:
                session.titles["summary"] = self._summaries[id_]
        for said in claude_code_lines.said(line, self._asked, self.aside):
            if said.role == "user" and self._twice(said):
                continue
            self._last_words, self._last_attached = (said.text, said.attached) if said.role == "user" else (None, False)
            held = self._hold(position, session, said, _origin(line) or named(id_), line.get("timestamp"))
            if number is not None:
                self._in_tree[held] = number

    def _twice(self, said: Said) -> bool:
        """Whether the program wrote a prompt both as an attachment and as a line."""
        self._queue.delivered(said.text)
        return self._last_words == said.text and self._last_attached != said.attached

    def _queued(self, position: Position, line: dict[str, Any], session: _Session) -> None:
        words = claude_code_lines.queued(line)
        time = line.get("timestamp")
        if line.get("operation") == "enqueue" and words:
            digest = hashlib.sha256(f"{session.id}\0{time}\0{words}".encode()).hexdigest()[:32]
            said = Said("user", words, attached=False)
            self._queue.add(words, self._hold(position, session, said, f"queued-{digest}", time))
        elif line.get("operation") == "popAll" or line.get("reason") not in (None, "absorbed_mid_turn"):
            self._queue.taken_back(words)

    def _hold(self, position: Position, session: _Session, said: Said, id_: str | None, time: Any) -> int:
        time = time if isinstance(time, str | int | float) else None
        message = {"role": said.role, "content": said.text, "time": time, "id": id_, "memory_id": _our_id(id_, said)}
        return self._held.add(position.line, session.id, message)

    def entries(self) -> Iterator[Entry]:
        """Yield the conversations, without what was given up or said twice."""
        given_up = self._branches.given_up()
        for number, line in self._in_tree.items():
            if line in given_up:
                self.aside["messages on a branch given up"] += self._held.drop(number)
        for number in self._queue.gone:
            self._held.drop(number)
        parts = ConversationParts(AGENT)
        session: _Session | None = None
        for held in self._held:
            if session is None or session.id != held.conversation:
                yield from parts.flush()
                session = self._sessions[held.conversation]
                parts.conversation, parts.folder = session.conversation(), session.folder
            position = Position(file=self._file, line=held.line)
            yield from parts.add(position, {**held.message, "time": when(held.message["time"])})
        yield from parts.flush()


class _Queue:
    """The prompts typed while Claude works, by their numbers. Most are there again as messages once they are delivered.

    gone: those that need not be told.
    """

    def __init__(self) -> None:
        self._waiting: dict[int, str] = {}
        self.gone: list[int] = []

    def add(self, words: str, number: int) -> None:
        """Add a prompt."""
        self._waiting[number] = words
        if len(self._waiting) > _WAITING_KEPT:
            del self._waiting[next(iter(self._waiting))]  # it is told

    def delivered(self, text: str) -> None:
        """Take out what a message says: one prompt, or several that were put together."""
        same = [number for number, words in self._waiting.items() if words == text][:1]
        for number in same or [n for n, words in self._waiting.items() if f"\n{words}\n" in f"\n{text}\n"]:
            del self._waiting[number]
            self.gone.append(number)

    def taken_back(self, words: str | None) -> None:
        """Take out prompts that the person took back into the input."""
        if words:
            self.delivered(words)
        else:
            self.gone += self._waiting
            self._waiting.clear()


def _origin(line: dict[str, Any]) -> str | None:
    """Return the id that a message had in the session that this one was forked from."""
    fork = line.get("forkedFrom")
    return named(fork.get("messageUuid")) if isinstance(fork, dict) else None


def _our_id(id_: str | None, said: Said) -> str | None:
    if id_ is None or _UUID.fullmatch(id_) is None:
        return None
    return str(content_id(hashlib.sha256(f"{AGENT}\0{id_.lower()}\0{said.text}".encode()).digest()))


def _name(file: str | None) -> str | None:
    return None if file is None else named(PurePosixPath(file.replace("\\", "/")).stem)
