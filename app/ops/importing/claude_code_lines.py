"""Tells what the person and Claude said in one line of a Claude Code transcript, and what a line is to the tree.

Sources beside transcripts: descriptions of the lines in public projects, such as cc-convo-explorer (`promptSource`,
`origin.kind`), and in the code of readers (`queued_command`, `absorbed_mid_turn`, `toolUseResult.answers`).
"""

from __future__ import annotations

import re
from collections import Counter, OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from app.ops.importing.branches import Line
from app.ops.importing.entries import said as clean
from app.ops.importing.program_text import between, spoken

# No part of the conversation: a summary after compaction, an API error, a side conversation with a sub-agent.
_NOT_SAID = ("isMeta", "isSidechain", "isCompactSummary", "isVisibleInTranscriptOnly", "isApiErrorMessage")
_OWN_MODEL = "<synthetic>"
_ASKS = "AskUserQuestion"
_ASKED_KEPT = 1_000
_ANSWER = re.compile(r'"((?:[^"\\]|\\.)*)"\s*=\s*"((?:[^"\\]|\\.)*?)"(?=[,.\s]|\Z)')
_ANSWERED = re.compile(r"\A(?:User has answered your questions|Your questions have been answered):")
_ANSWERED_ENDS = "You can now continue"
_REFUSED = re.compile(
    r"\A(?:The user doesn't want to proceed with this tool use|Permission for this tool use was denied)\..*?"
    r"(?:the user said|reason for the rejection):",
    re.DOTALL,
)
_REFUSED_ENDS = "Note: The user's next message may contain"


@dataclass(frozen=True, slots=True)
class Said:
    """Words of the person ("user") or of Claude. attached: typed while Claude worked, and kept as an attachment."""

    role: str
    text: str
    attached: bool


class Asked:
    """The ids of the calls by which Claude asked the person something; the newest ones."""

    def __init__(self) -> None:
        self._calls: OrderedDict[str, None] = OrderedDict()

    def add(self, call: Any) -> None:
        """Remember a call."""
        if isinstance(call, str):
            self._calls[call] = None
            if len(self._calls) > _ASKED_KEPT:
                self._calls.popitem(last=False)

    def __contains__(self, call: Any) -> bool:
        return isinstance(call, str) and call in self._calls


def in_tree(line: dict[str, Any]) -> Line:
    """Return what a line is to the branches of its transcript."""
    if line.get("type") == "assistant":
        return Line.OTHER
    if line.get("type") != "user":
        return Line.BESIDE
    if line.get("isMeta"):
        return Line.BESIDE
    if line.get("isCompactSummary") or not _is_from_person(line.get("origin"), line):
        return Line.OTHER
    results = [block for block in _blocks(line) if block.get("type") == "tool_result"]
    return Line.OTHER if results else Line.PROMPT


def said(line: dict[str, Any], asked: Asked, aside: Counter[str]) -> Iterator[Said]:
    """Yield what was said in a line. aside: counts what was not."""
    kind = line.get("type")
    if kind == "attachment":
        yield from _attached(line, aside)
    elif kind == "system" and line.get("subtype") == "local_command":
        arguments = between(clean(line.get("content")), "<command-args>", "</command-args>")
        in_words = bool(arguments) and len(arguments[0].split(None, 1)) > 1
        if in_words and not line.get("isMeta") and (text := spoken(clean(line["content"]))):
            yield Said("user", text, False)
    elif kind in ("user", "assistant"):
        if line.get("isSidechain"):
            aside["messages of sub-agents"] += 1
        elif any(line.get(flag) for flag in _NOT_SAID):
            aside["texts of the program"] += 1
        elif kind == "user":
            yield from _of_person(line, asked, aside)
        else:
            yield from _of_claude(line, asked, aside)


def queued(line: dict[str, Any]) -> str | None:
    """Return the person's words in a line about the queue of prompts, if there are any."""
    content = line.get("content")
    if not _is_from_person(line.get("origin"), line):
        return None
    text = "\n\n".join(_texts([{"type": "text", "text": content}] if isinstance(content, str) else content))
    return spoken(text) or None


def _attached(line: dict[str, Any], aside: Counter[str]) -> Iterator[Said]:
    attachment = line.get("attachment")
    if not isinstance(attachment, dict) or attachment.get("type") != "queued_command" or line.get("isSidechain"):
        return
    prompt = attachment.get("prompt")
    typed = (
        attachment.get("commandMode") in (None, "prompt", "slash-command")
        and not attachment.get("isMeta")
        and not line.get("isMeta")
        and _is_from_person(attachment.get("origin"), line)
    )
    text = "\n\n".join(_texts([{"type": "text", "text": prompt}] if isinstance(prompt, str) else prompt))
    if typed and (words := spoken(text)):
        yield Said("user", words, True)
    else:
        aside["messages of the program and of other agents"] += 1


def _of_person(line: dict[str, Any], asked: Asked, aside: Counter[str]) -> Iterator[Said]:
    if not _is_from_person(line.get("origin"), line) or isinstance(line.get("planContent"), str):
        aside["messages of the program and of other agents"] += 1
        return
    blocks = _blocks(line)
    texts = _texts(blocks)
    words = [text for text in map(spoken, texts) if text]
    if len(words) < len(texts):
        aside["messages of the program and of other agents"] += 1
    for block in blocks:
        if block.get("type") == "tool_result":
            answer = _answer(block, line.get("toolUseResult"), asked)
            if answer:
                words.append(answer)
            else:
                aside["results of tools"] += 1
        elif block.get("type") in ("image", "document"):
            aside["pictures and documents"] += 1
    if words:
        yield Said("user", "\n\n".join(words), False)


def _of_claude(line: dict[str, Any], asked: Asked, aside: Counter[str]) -> Iterator[Said]:
    message = line.get("message")
    if not isinstance(message, dict) or message.get("model") == _OWN_MODEL:
        aside["texts of the program"] += 1
        return
    blocks = _blocks(line)
    texts = _texts(blocks)
    for block in blocks:
        if block.get("type") == "tool_use" and block.get("name") == _ASKS:
            asked.add(block.get("id"))
            texts += _questions(block.get("input"))
        elif block.get("type") == "tool_use":
            aside["calls of tools"] += 1
        elif block.get("type") in ("thinking", "redacted_thinking"):
            aside["thoughts"] += 1
    if texts:
        yield Said("assistant", "\n\n".join(texts), False)


def _is_from_person(origin: Any, line: dict[str, Any]) -> bool:
    """Whether a line says that the person wrote it, or says nothing about it."""
    kind = origin.get("kind") if isinstance(origin, dict) else None
    return (
        kind in (None, "human")
        and line.get("promptSource") != "system"
        and line.get("turnOrigin") in (None, "human", "user")
    )


def _blocks(line: dict[str, Any]) -> list[dict[str, Any]]:
    message = line.get("message")
    content = message.get("content") if isinstance(message, dict) else None
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    return [block for block in content if isinstance(block, dict)] if isinstance(content, list) else []


def _texts(blocks: Any) -> list[str]:
    if not isinstance(blocks, list):
        return []
    texts = (clean(block.get("text")) for block in blocks if isinstance(block, dict) and block.get("type") == "text")
    return [text for text in texts if text.strip()]


def _questions(given: Any) -> list[str]:
    """Return Claude's questions to the person, each with the choices it offered."""
    questions = given.get("questions") if isinstance(given, dict) else None
    texts = []
    for question in questions if isinstance(questions, list) else []:
        if isinstance(question, dict) and (text := clean(question.get("question"))):
            options = question.get("options")
            labels = [
                label
                for option in (options if isinstance(options, list) else [])
                if isinstance(option, dict) and (label := clean(option.get("label")))
            ]
            texts.append(f"{text} ({' / '.join(labels)})" if labels else text)
    return texts


def _answer(block: dict[str, Any], result: Any, asked: Asked) -> str:
    """Return what the person answered to Claude's questions, or said when they refused a tool."""
    content = block.get("content")
    text = clean(content) if isinstance(content, str) else "\n\n".join(_texts(content))
    if (refused := _REFUSED.match(text)) is not None and block.get("is_error"):
        return text[refused.end() :].partition(_REFUSED_ENDS)[0].strip()
    if isinstance(result, dict) and isinstance(result.get("answers"), dict) and "questions" in result:
        return _answers(result["answers"], result.get("annotations"))
    if block.get("tool_use_id") in asked and (answered := _ANSWERED.match(text)) is not None:
        told = text[answered.end() :].partition(_ANSWERED_ENDS)[0].strip()
        pairs = _ANSWER.findall(told)
        rest = _ANSWER.sub("", told).strip(" ,.")
        return told if rest else _answers(dict(pairs), None)  # quotes in an answer: told as it stands
    return ""


def _answers(answers: dict[str, Any], notes: Any) -> str:
    """Return the answers; several ones each with its question."""
    given = {}
    for question, answer in answers.items():
        words = ", ".join(filter(None, map(clean, answer))) if isinstance(answer, list) else clean(answer)
        note = notes.get(question) if isinstance(notes, dict) else None
        more = clean(note.get("notes")) if isinstance(note, dict) else ""
        if words or more:
            given[question] = f"{words} ({more})" if words and more else words or more
    if len(given) == 1:
        return next(iter(given.values()))
    return "\n".join(f"{clean(question)} {words}" for question, words in given.items())
