"""`explain`."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Iterator, Sequence
from typing import Any

from app.commands.common import Commands, add_command, cell, print_json, print_table
from app.commands.memories import about, add_search, add_server_options, print_what_is_missing, searched
from app.terminal import on_one_line

_TEXT_CHARACTERS = 100  # of a memory's text
_RESULTS = 3

Rows = list[tuple[str, ...]]


def declare(commands: Commands[Any]) -> None:
    """Declare `explain`."""
    parser = add_command(commands, "explain", "Find memories, and show what their scores are made of.")
    add_search(parser, _RESULTS)
    add_server_options(parser)
    parser.set_defaults(run=run)


def run(args: Namespace) -> int:
    """Search and print the explanations; it is no failure if nothing is found."""
    reply = searched(args, explain=True)
    if args.json:
        print_json(reply)
        return 0
    if why := reply.get("unexplained"):
        print(f"claude-memory: no explanations: {why}", file=sys.stderr)
    if question := reply.get("explanation"):
        _print_question(question)
    if not reply["results"]:
        print("claude-memory: nothing found", file=sys.stderr)
    for rank, memory in enumerate(reply["results"], 1):
        _print_result(rank, memory)
    if reply["truncated"]:
        print()
    print_what_is_missing(reply)
    return 0


def _print_question(question: dict[str, Any]) -> None:
    """Print how the question was taken, and its words."""
    facts: Rows = [
        ("memories", str(question["memories"])),
        ("words compared with", _COMPARED.get(question["compared"], question["compared"])),
        ("words divided by", _figure(question["divisor"]) if question["divisor"] else "-"),
        ("vectors", "count" if question["vectors"] else "do not count"),
        ("asks for a time", "yes" if question["asks_when"] else "no"),
        ("names a date", cell(question["date"])),
        ("names speakers", ", ".join(question["speakers"]) or "-"),
    ]
    print_table(("question", ""), facts)
    words: Rows = [
        (word["word"], _figure(word["weight"]), str(word["memories"]), "a name" if word.get("in_a_name") else "")
        for word in question["words"]
    ]
    if more := question.get("more_words"):
        words.append((f"and {more} more", "", "", ""))
    _print_below(("word", "weight", "memories", ""), words)


_COMPARED = {
    "index": "the memories' and their neighbours'",
    "own words": "the memories' own, without the index",
    "text": "the texts: these are stop words",
}


def _print_result(rank: int, memory: dict[str, Any]) -> None:
    """Print a result: what it is, the parts of its score, the words that matched and the neighbours that counted."""
    id_, known = about(memory).split("\n", 1)
    print(f"\n{rank}. {id_}  {on_one_line(known)}")
    text = memory["text"]
    print(on_one_line(text if len(text) <= _TEXT_CHARACTERS else f"{text[:_TEXT_CHARACTERS]}…"))
    explanation = memory.get("explanation")
    if explanation is None:
        return
    parts = {name: part for name, part in explanation["parts"].items() if part}
    header = ("score", *(name.replace("_", " ") for name in parts))
    _print_below(header, [(_figure(memory["score"]), *map(_figure, parts.values()))])
    _print_below(("word", "weight", "stored", "product", "where"), _words(explanation))
    _print_below(
        ("neighbour", "memory", "near", "around", "words"), [_neighbour(one) for one in explanation["neighbours"]]
    )
    for line in _notes(explanation):
        print(line)


def _words(explanation: dict[str, Any]) -> Rows:
    rows: Rows = [
        (
            word["word"],
            *(_figure(word[name]) for name in ("weight", "stored", "product")),
            "here" if word["in_memory"] else "neighbours",
        )
        for word in explanation["words"]
    ]
    if more := explanation.get("more_words"):
        rows.append((f"and {more['words']} more", "", "", _figure(more["product"]), ""))
    if len(rows) > 1:
        rows.append(("all", "", "", _figure(explanation["word_score"]), ""))
    return rows


def _neighbour(one: dict[str, Any]) -> tuple[str, ...]:
    place = f"{abs(one['distance'])} {'before' if one['distance'] < 0 else 'after'}{', asks' if one['asked'] else ''}"
    more = [f"and {one['more_words']} more"] if "more_words" in one else []
    return place, one["id"], _figure(one["near"]), _figure(one["around"]), ", ".join([*one["words"], *more])


def _notes(explanation: dict[str, Any]) -> Iterator[str]:
    if written := explanation.get("written"):
        yield f"it has the question {written}"
    if (similarity := explanation.get("similarity")) is not None:
        cosine = explanation["cosine"]
        of = "without a vector, so the median" if cosine is None else f"cosine {_figure(cosine)}"
        yield f"vector: {of}, scaled {_figure(similarity)}"
    if explanation.get("changed"):
        yield "it, or a neighbour, was changed meanwhile: these are not the words of this score"
    if place := explanation.get("reranked_from"):
        yield f"the rerank model put it here from place {place}, and the score is that of this place"


def _print_below(header: Sequence[str], rows: Rows) -> None:
    """Print a table after an empty line, if it has rows."""
    if rows:
        print()
        print_table(header, rows)


def _figure(value: float) -> str:
    return f"{value:.2f}"
