"""Reads Codex' rollouts: ~/.codex/sessions/YYYY/MM/DD/rollout-<time>-<id>.jsonl, a line for each item of a session.

Source: github.com/openai/codex, codex-rs/protocol/src/protocol.rs (RolloutLine) and codex-rs/rollout/src/policy.rs
(what is written). A prompt is there twice, as what the model gets (`response_item`) and as what the person sees
(`event_msg`), and so are answers; each is taken once. Versions before September 2025 wrote the items without an
envelope. The working folder names the project.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import IO, Any

from app.ops.importing.entries import BadEntry, ConversationParts, Entry, LeftAside, Position, named, said, when
from app.ops.importing.held_back import HeldBack
from app.ops.importing.json_lines import objects
from app.ops.importing.program_text import spoken

AGENT = "codex"
_ROLES = ("user", "assistant")
_EVENTS = {"user_message": "user", "agent_message": "assistant"}
_TEXTS = ("input_text", "output_text", "text")
_ASIDE = {
    "reasoning": "thoughts",
    "agent_reasoning": "thoughts",
    "function_call": "calls of tools",
    "local_shell_call": "calls of tools",
    "custom_tool_call": "calls of tools",
    "web_search_call": "calls of tools",
    "function_call_output": "results of tools",
    "custom_tool_call_output": "results of tools",
}


def read(stream: IO[bytes], file: str | None) -> Iterator[Entry]:
    """Yield the conversation of a session; a long one in parts."""
    with HeldBack() as held:
        rollout = _Rollout(file, held)
        for position, line in held.until_full(objects(stream, file)):
            if isinstance(line, BadEntry):
                yield line
            else:
                rollout.add(position, line)
        yield from rollout.entries()
        yield from (LeftAside(what=what, count=count) for what, count in rollout.aside.items())


class _Rollout:
    """One session. A person can roll turns back, so messages are told at the end."""

    def __init__(self, file: str | None, held: HeldBack) -> None:
        self._file = file
        self._held = held
        self._id: str | None = None
        self._folder: str | None = None
        self._sub_agent = False
        self._turns: list[int] = []  # the numbers of the person's messages
        self._unmatched: Counter[tuple[bool, str, bytes]] = Counter()  # told by one of the two kinds of lines
        self.aside: Counter[str] = Counter()

    def add(self, position: Position, line: dict[str, Any]) -> None:
        """Take in a line."""
        payload = line.get("payload")
        if not isinstance(payload, dict):  # an old version: the item itself, after a line about the session
            if "type" in line:
                self._item(position, line, None)
            elif isinstance(line.get("id"), str) and "timestamp" in line:
                self._session(line)
            return
        kind, time = line.get("type"), line.get("timestamp")
        if kind == "session_meta":
            self._session(payload)
        elif kind == "turn_context":
            self._folder = self._folder or _text(payload.get("cwd"))
        elif kind == "response_item":
            self._item(position, payload, time)
        elif kind == "event_msg":
            self._event(position, payload, time)
        elif kind == "compacted":
            self.aside["summaries"] += 1

    def _session(self, about: dict[str, Any]) -> None:
        if self._id is not None:
            return  # of the session that this one was forked from
        self._id = named(about.get("id") or about.get("session_id"))
        self._folder = _text(about.get("cwd"))
        source = about.get("source")
        self._sub_agent = about.get("thread_source") == "subagent" or (
            isinstance(source, dict) and "subagent" in source
        )

    def _item(self, position: Position, item: dict[str, Any], time: Any) -> None:
        if item.get("type") != "message":
            if (what := _ASIDE.get(str(item.get("type")))) is not None:
                self.aside[what] += 1
            return
        role, content = item.get("role"), item.get("content")
        if role not in _ROLES:
            self.aside["instructions of the program"] += 1
            return
        blocks = [block for block in content if isinstance(block, dict)] if isinstance(content, list) else []
        texts = [said(block.get("text")) for block in blocks if block.get("type") in _TEXTS]
        if isinstance(content, str):
            texts = [said(content)]
        self._say(position, role, texts, time, event=False)

    def _event(self, position: Position, event: dict[str, Any], time: Any) -> None:
        kind = event.get("type")
        if kind in _EVENTS:
            self._say(position, _EVENTS[kind], [said(event.get("message"))], time, event=True)
        elif kind == "thread_rolled_back":
            turns = event.get("num_turns")
            if isinstance(turns, int) and turns > 0 and self._turns:
                first = self._turns[-turns:][0]
                del self._turns[-turns:]
                self.aside["messages that were rolled back"] += self._held.drop(first, self._held.count)
        elif (what := _ASIDE.get(str(kind))) is not None:
            self.aside[what] += 1

    def _say(self, position: Position, role: str, texts: list[str], time: Any, *, event: bool) -> None:
        words = [text for text in (map(spoken, texts) if role == "user" else texts) if text.strip()]
        if len(words) < len([text for text in texts if text.strip()]):
            self.aside["texts of the program"] += 1
        if not words:
            return
        text = "\n\n".join(words)
        digest = hashlib.sha256(text.encode()).digest()
        if self._unmatched[not event, role, digest]:
            self._unmatched[not event, role, digest] -= 1
            return
        self._unmatched[event, role, digest] += 1
        time = time if isinstance(time, str | int | float) else None
        number = self._held.add(position.line, "", {"role": role, "content": text, "time": time})
        if role == "user":
            self._turns.append(number)

    def entries(self) -> Iterator[Entry]:
        """Yield the conversation."""
        id_ = self._id or _of_file(self._file)
        if self._sub_agent:
            self.aside["messages of sub-agents"] += self._held.count
            return
        parts = ConversationParts(AGENT)
        parts.folder = self._folder
        for held in self._held:
            parts.conversation = {"conversation_id": id_ or self._unnamed(held.message)}
            id_ = parts.conversation["conversation_id"]
            position = Position(file=self._file, line=held.line)
            yield from parts.add(position, {**held.message, "time": when(held.message["time"])})
        yield from parts.flush()

    def _unnamed(self, first: dict[str, Any]) -> str:
        """Return an id for a session that names none: the same one when it is imported again."""
        digest = hashlib.sha256(f"{first['time']}\0{first['content']}".encode()).hexdigest()
        return f"codex-{digest[:32]}"


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _of_file(file: str | None) -> str | None:
    return None if file is None else named(PurePosixPath(file.replace("\\", "/")).stem)
