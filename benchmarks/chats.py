"""Chats with questions whose answers stand in known messages: ours; LoCoMo's and BEAM's if someone has put them there.

Ours (`data/chinese.json`): talks and notes in Chinese, in simplified and in traditional characters, and 100 questions
in both, many in the other characters than their answer, or in other words.

LoCoMo (snap-research, CC BY-NC 4.0): people who talk with each other. BEAM (mohammadtavakoli78/BEAM, `chats/100K`, no
licence): a user with an assistant that answers at length. Both are for evaluation only and no part of this repository.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.servers import REPOSITORY

LOCOMO = REPOSITORY.parent / "shared" / "locomo" / "dev.json"
BEAM = REPOSITORY.parent / "shared" / "beam"  # with the folders 1 to 20 of chats/100K
CHINESE = Path(__file__).with_name("data") / "chinese.json"
BEAM_CHATS = range(1, 7)  # the others are held out

CATEGORIES = {1: "several turns", 2: "time", 3: "inference", 4: "one turn"}
# BEAM's kinds of questions that ask for facts.
_FACTUAL = (
    "contradiction_resolution",
    "information_extraction",
    "knowledge_update",
    "multi_session_reasoning",
    "temporal_reasoning",
)
_MARK = re.compile(r"\s*->->[\s\d,N/A]*$")  # what BEAM's makers wrote behind a message


@dataclass(frozen=True, slots=True)
class Message:
    """A message of a chat, or a note, which has no role. id: unique in its chat."""

    id: str
    role: str | None
    name: str | None
    text: str
    at: datetime | None


@dataclass(frozen=True, slots=True)
class Question:
    """A question, the ids of all messages that answer it, and what kind of question it is."""

    text: str
    evidence: frozenset[str]
    kind: str


@dataclass(frozen=True, slots=True)
class Chat:
    """A chat in its sessions, each some messages without a long pause."""

    name: str
    sessions: list[list[Message]]
    questions: list[Question]


def locomo(file: Path = LOCOMO) -> list[Chat]:
    """Return LoCoMo's conversations with their questions of the categories 1 to 4 that have evidence."""
    return [_locomo(one) for one in json.loads(file.read_text(encoding="utf-8"))]


def _locomo(conversation: dict[str, Any]) -> Chat:
    sessions = []
    for session in conversation["sessions"]:
        at = datetime.strptime(session["date_time"], "%I:%M %p on %d %B, %Y").replace(tzinfo=UTC)
        sessions.append([Message(turn["id"], "user", turn["speaker"], _said(turn), at) for turn in session["turns"]])
    questions = [
        Question(one["question"], frozenset(one["evidence"]), CATEGORIES[one["category"]])
        for one in conversation["questions"]
        if one["category"] in CATEGORIES and one["evidence"]
    ]
    return Chat(conversation["conversation"], sessions, questions)


def _said(turn: dict[str, Any]) -> str:
    caption = turn.get("image_caption")
    return f"{turn['text']} [image: {caption}]" if caption else str(turn["text"])


def chinese(file: Path = CHINESE) -> Chat:
    """Return our Chinese talks, then each note as a session of its own, with the questions."""
    data = json.loads(file.read_text(encoding="utf-8"))
    sessions = [list(_talk(one)) for one in data["chats"]]
    sessions += [[Message(f"n{number}", None, None, text, None)] for number, text in enumerate(data["notes"], 1)]
    asked = [Question(text, frozenset(evidence), "Chinese") for text, evidence in data["questions"]]
    return Chat("chinese", sessions, asked)


def _talk(talk: dict[str, Any]) -> Iterator[Message]:
    names = talk.get("names", {})
    for number, (who, text) in enumerate(talk["turns"], 1):
        role = "user" if who in names else who
        yield Message(f"{talk['id']}:{number}", role, names.get(who), text, datetime.fromisoformat(talk["at"]))


def beam(folder: Path = BEAM, chats: range = BEAM_CHATS) -> list[Chat]:
    """Return BEAM's chats with their factual questions."""
    return [_beam(folder / str(number), f"beam-{number}") for number in chats]


def _beam(folder: Path, name: str) -> Chat:
    batches = json.loads((folder / "chat.json").read_text(encoding="utf-8"))
    asked = json.loads((folder / "probing_questions" / "probing_questions.json").read_text(encoding="utf-8"))
    questions = [
        Question(one["question"], frozenset(map(str, evidence)), kind.replace("_", " "))
        for kind in _FACTUAL
        for one in asked.get(kind, ())
        if (evidence := list(_leaves(one.get("source_chat_ids"))))
    ]
    return Chat(name, [list(_messages(batch)) for batch in batches], questions)


def _messages(batch: dict[str, Any]) -> Iterator[Message]:
    at = None
    for said in (message for group in batch["turns"] for message in group):
        if anchor := said.get("time_anchor"):
            at = datetime.strptime(anchor, "%B-%d-%Y").replace(tzinfo=UTC)
        yield Message(str(said["id"]), said["role"], None, _MARK.sub("", said["content"]), at)


def _leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, dict | list):
        for one in value.values() if isinstance(value, dict) else value:
            yield from _leaves(one)
    elif value is not None:
        yield value
