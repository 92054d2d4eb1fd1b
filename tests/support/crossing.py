"""What one user owns, and every call by which another may try to get at it.

The calls are a dictionary by tool, and every resource with every name the owner has. A new tool or resource is not in
it, so the tests that compare it with the registries fail until its attempts are written.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from app.serve.mcp.resources import FIXED, TEMPLATES

TEXTS = {
    "memorize": "The quinces of the abbey ripen late; marker vervain.",
    "turn": "We pick quinces in October; marker lovage.",
}
# No reply to somebody else may hold one of these words, unless that call itself has sent it.
MARKERS = ("vervain", "lovage", "abbey", "October", "tagged-by-her", "noted-by-her", "Hildegard", "garden")


@dataclass(frozen=True)
class Belongings:
    """The ids of what the owner has."""

    memory: str
    turn: str
    project: str = "garden"
    conversation: str = "harvest"


MEMORIZE = {
    "text": TEXTS["memorize"],
    "project": "garden",
    "tags": ["tagged-by-her"],
    "metadata": {"by": "noted-by-her"},
}
CONVERSE = {
    "conversation_id": "harvest",
    "project": "garden",
    "messages": [{"role": "user", "name": "Hildegard", "content": TEXTS["turn"], "id": "m1"}],
}


def attempts(hers: Belongings) -> dict[str, list[dict[str, Any]]]:
    """Return the calls by tool: with her ids and names, with and without limits, harmless ones before destructive."""
    ids = [hers.memory, hers.turn]
    return {
        "search_memory": [
            {"query": "quinces"},
            {"query": "quinces", "project": hers.project, "limit": 100},
            {"query": "quinces", "conversation_id": hers.conversation, "kinds": ["turn"], "role": "user"},
            {"query": "quinces", "tags": ["tagged-by-her"], "kinds": ["note"]},
            {"query": "quinces", "since": "2000-01-01", "until": "2100-01-01", "max_tokens": 8000},
            {"query": "quinces", "archived": True},
            {"query": "who picks quinces late?", "explain": True},
            {"query": "we in", "explain": True},
        ],
        "recall_context": [
            {"query": "quinces", "mode": "comprehensive"},
            {"query": "quinces", "project": hers.project},
        ],
        "search_across_projects": [
            {"query": "quinces"},
            {"query": "quinces", "projects": [hers.project], "order": "time"},
        ],
        "memory_stats": [{}, {"project": hers.project}],
        "memory_health": [{}, {"detailed": True}],
        "memorize": [{"text": "mine", "project": hers.project}],
        "memorize_conversation": [
            {"conversation_id": hers.conversation, "messages": [{"role": "user", "content": "mine too", "id": "m1"}]}
        ],
        "update_memory": [
            change
            for id_ in ids
            for change in (
                {"id": id_, "tags": ["taken"]},
                {"id": id_, "archived": True},
                {"id": id_, "project": "taken"},
                {"id": id_, "text": "overwritten", "kind": "fact", "expires_in_days": 1},
            )
        ],
        "forget_memory": [
            {"ids": ids, "dry_run": True},
            {"ids": ids},
            {"conversation_id": hers.conversation},
            {"project": hers.project},
            {"before": "2100-01-01"},
        ],
    }


def uris(hers: Belongings) -> list[str]:
    """Return every resource, templates filled in with each of her names."""
    names = (hers.memory, hers.turn, hers.project, hers.conversation)
    recent = [f"claude://memory/recent?{query}" for query in ("archived=true", f"project={hers.project}", "limit=500")]
    return (
        [one.uri for one in FIXED]
        + recent
        + [re.sub(r"\{[^}]+\}", name, one.uri_template) for one in TEMPLATES for name in names]
    )


def leaked(reply: Any, sent: Any) -> list[str]:
    """Return what of hers a reply holds that was not in the call."""
    got, given = json.dumps(reply, ensure_ascii=False), json.dumps(sent, ensure_ascii=False)
    return [marker for marker in MARKERS if marker in got and marker not in given]
