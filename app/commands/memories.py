"""What the commands for single memories share: which server they ask, and how they show memories."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any

from app.commands.common import add_common, add_json, print_rich, project_name
from app.commands.remote import add_token_file, server_url, token_of

if TYPE_CHECKING:
    from app.ops.memories import MemoryServer

_TEXT_CHARACTERS = 500  # of a memory in a list
STDIN = "-"


def add_server_options(parser: ArgumentParser) -> None:
    """Declare which server is asked, and --json."""
    parser.add_argument("--url", type=server_url, metavar="URL", help="Ask the server there instead.")
    add_token_file(parser)
    add_json(parser)
    add_common(parser)


def add_search(parser: ArgumentParser, results: int) -> None:
    """Declare a question and what its search is limited to. results: so many by default."""
    parser.add_argument("question", metavar="QUESTION", nargs="+", help="The question; - is standard input.")
    add_project(parser, "Only those of this project.")
    add_kind(parser, "Only those of this kind.")
    add_tags(parser, "Only those with all these tags.")
    parser.add_argument("--archived", action="store_true", help="Find archived memories instead.")
    about = f"At most so many ({results}; up to 100)."
    parser.add_argument("--limit", type=number, default=results, metavar="N", help=about)


def searched(args: Namespace, **more: Any) -> dict[str, Any]:
    """Ask search_memory with the options of `add_search` and other arguments; return its reply. Raises Unavailable."""
    arguments = {
        "query": text_of(args.question),
        "project": args.project,
        "kinds": args.kind and [args.kind],
        "tags": args.tags or None,
        "archived": args.archived or None,
        "limit": args.limit,
        **more,
    }
    with asked_server(args) as server:
        return server.call("search_memory", arguments)


def print_what_is_missing(reply: dict[str, Any]) -> None:
    """Say what a search has left out."""
    if reply["degraded"]:
        why = reply.get("reason") or "the index does not answer, so only words were compared"
        print(f"claude-memory: not all was searched: {why}", file=sys.stderr)
    if reply["truncated"]:
        print(f"the best {len(reply['results'])}; --limit shows more")


def add_kind(parser: ArgumentParser, about: str) -> None:
    """Declare --kind."""
    from app.memory.types import Kind

    parser.add_argument("--kind", choices=tuple(map(str, Kind)), help=about)


def add_project(parser: ArgumentParser, about: str) -> None:
    """Declare --project."""
    parser.add_argument("--project", type=project_name, metavar="NAME", help=about)


def add_tags(parser: ArgumentParser, about: str) -> None:
    """Declare --tags."""
    parser.add_argument("--tags", type=_tags, metavar="TAG,TAG", help=about)


def memory_id(value: str) -> str:
    """Check the id of a memory."""
    from uuid import UUID

    try:
        return str(UUID(value))
    except ValueError:
        raise ArgumentTypeError(
            f"got {value[:40]!r}, takes an id, as `claude-memory search` and `list` show it"
        ) from None


def number(value: str) -> int:
    """Check how many memories are wanted."""
    if not (value.isdecimal() and value.isascii() and 1 <= int(value[:20]) <= 1_000_000):
        raise ArgumentTypeError(f"got {value[:40]!r}, takes a whole number from 1 to 1,000,000")
    return int(value)


def _tags(value: str) -> list[str]:
    return [tag for part in value.split(",") if (tag := part.strip())]


@contextmanager
def asked_server(args: Namespace) -> Iterator[MemoryServer]:
    """Yield the server that the options name. Raises Unavailable."""
    from app.datadir.lock import holder
    from app.ops.memories import elsewhere, on_this_machine
    from app.settings.loading import load_settings

    settings = load_settings({"memory_data_dir": args.data_dir, "memory_token": token_of(args)})
    if args.url is not None:
        yield elsewhere(settings, args.url)
        return
    if sys.stderr.isatty() and holder(settings.data_dir) is None:
        print(f"claude-memory: starting the memory in {settings.data_dir}, which stays ready", file=sys.stderr)
    with on_this_machine(settings.data_dir) as server:
        yield server


def text_of(words: Sequence[str]) -> str:
    """Return the words as one text; - alone is standard input."""
    return sys.stdin.read() if list(words) == [STDIN] else " ".join(words)


def print_memories(memories: Sequence[dict[str, Any]], nothing: str, *, whole: bool = False) -> None:
    """Print memories as a table. nothing: what to say when there are none. whole: with all of their texts."""
    if memories:
        rows = [(about(memory), memory["text"] if whole else _beginning(memory["text"])) for memory in memories]
        print_rich(("memory", "text"), rows)
    else:
        print(f"claude-memory: {nothing}", file=sys.stderr)


def about(memory: dict[str, Any]) -> str:
    """Return a memory's id, and below it what a person knows it by."""
    # As it was where it happened: the server tells the time there, or in its TIMEZONE.
    day = datetime.fromisoformat(memory["occurred_at"] or memory["created_at"]).date().isoformat()
    facts = [day, memory["name"] or memory["role"] or memory["kind"], memory["project"], *memory["tags"]]
    return f"{memory['id']}\n{', '.join(fact for fact in facts if fact)}"


def _beginning(text: str) -> str:
    return text if len(text) <= _TEXT_CHARACTERS else f"{text[:_TEXT_CHARACTERS]}… (`show` prints all)"
