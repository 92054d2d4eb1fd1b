"""Reads the file of the MCP server `memory`: a graph of entities with observations, and of relations between them.

Source: github.com/modelcontextprotocol/servers, src/memory/index.ts: JSON Lines of `{"type": "entity", …}` and
`{"type": "relation", …}` (memory.jsonl, MEMORY_FILE_PATH), or what its tool read_graph answers: one object of both.
Each observation becomes a fact about its entity, each relation a fact.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO, Any

from app.memory.types import Kind
from app.ops.importing.entries import BadEntry, Entry, LeftAside, Position, named, remembered, said
from app.ops.importing.json_values import values

AGENT = "server-memory"


def read(stream: IO[bytes], file: str | None) -> Iterator[Entry]:
    """Yield the facts of a graph."""
    for position, value in values(stream, file, "line"):
        if isinstance(value, BadEntry):
            yield value
        elif "entities" in value or "relations" in value:
            for name, read_one in (("entities", _entity), ("relations", _relation)):
                members = value.get(name)
                for number, member in enumerate(members if isinstance(members, list) else [], 1):
                    if isinstance(member, dict):
                        yield from read_one(Position(file=file, part=f"{name} {number}"), member)
        elif value.get("type") == "relation":
            yield from _relation(position, value)
        elif value.get("type") == "entity":
            yield from _entity(position, value)
        else:
            yield LeftAside(what="lines that are neither entity nor relation")


def _entity(position: Position, entity: dict[str, Any]) -> Iterator[Entry]:
    name, type_ = named(entity.get("name")), named(entity.get("entityType"))
    if name is None:
        yield BadEntry(position=position, reason="is an entity without a name")
        return
    observations = entity.get("observations")
    texts = [text for text in map(_observation, observations if isinstance(observations, list) else []) if text]
    about = {"source": AGENT, "entity": name} | ({"entity_type": type_} if type_ else {})
    for text in texts or [f"is known as {type_}" if type_ else "is known"]:
        yield _fact(position, f"{name}: {text}", [type_] if type_ else [], about)


def _observation(value: Any) -> str:
    return said(value.get("content") if isinstance(value, dict) else value).strip()


def _relation(position: Position, relation: dict[str, Any]) -> Iterator[Entry]:
    ends = [named(relation.get(key)) for key in ("from", "relationType", "to")]
    if None in ends:
        yield BadEntry(position=position, reason="is a relation that lacks from, relationType or to")
        return
    subject, verb, thing = map(str, ends)
    about = {"source": AGENT, "from": subject, "relation": verb, "to": thing}
    yield _fact(position, f"{subject} {verb.replace('_', ' ')} {thing}", [], about)


def _fact(position: Position, text: str, tags: list[str], metadata: dict[str, str]) -> Entry:
    return remembered(position, {"text": text, "kind": Kind.FACT, "tags": tags, "metadata": metadata}, AGENT)
