"""What the tools can do when memU holds the memories: which are offered, without which arguments, and why.

memU takes conversations and finds by a question. No generation of its API changes a memory or deletes a single one,
and none filters by what it was not told as a field of its own.
"""

from __future__ import annotations

from dataclasses import dataclass

from app.errors import NotOffered

_KEEP_HERE = "set MEMORY_BACKEND=both to keep memories here as well"


@dataclass(frozen=True, slots=True)
class Offer:
    """How a tool is offered. without: arguments that have no counterpart. description: in place of the usual one."""

    without: frozenset[str] = frozenset()
    description: str | None = None


OFFERED = {
    "memorize": Offer(
        frozenset({"expires_in_days", "metadata"}),
        "Remember a text for later conversations: a fact, a preference, a decision, a note. memU makes memories of it "
        "within minutes; until then it is found by its words. The same text is not sent twice. Keys and tokens of "
        "known forms are replaced before storing.",
    ),
    "memorize_conversation": Offer(
        description="Remember the messages of a conversation, in order. memU makes memories of them within minutes; "
        "until then they are found by their words. Give the conversation and each message an id to send it again "
        "later with new messages at the end: messages that memU already has are skipped.",
    ),
    "search_memory": Offer(
        frozenset({"project", "kinds", "tags", "role", "conversation_id", "since", "until", "archived"}),
        "Find memories by a question or by words; best first. Of a long text it shows the part that answers, marked "
        "excerpt; full_text shows all of it. Each says its source: memu, or outbox for what memU "
        "does not have yet. degraded with a reason: memU did not answer.",
    ),
    "recall_context": Offer(
        frozenset({"project"}),
        "Gather what is known about a question into one text that fits a token budget, in the order things happened, "
        "with its sources. Of a long text it has the part that answers. Good at the start of a task.",
    ),
    "memory_stats": Offer(
        description="Count what was remembered through this server by kind and project, conversations, and what "
        "still waits in the outbox for memU.",
    ),
    "memory_health": Offer(),
}

_WHY_NOT = {
    "search_across_projects": "memU does not know projects",
    "update_memory": "memU cannot change a memory",
    "forget_memory": "memU cannot delete single memories",
}


def require_offered(tool: str, given: set[str], generation: str) -> None:
    """Raise NotOffered for a tool, or for arguments given to it, that have no counterpart in memU."""
    if tool not in OFFERED:
        raise NotOffered(f"{tool}: {_WHY_NOT[tool]} (API {generation}); {_KEEP_HERE}")
    missing = sorted(OFFERED[tool].without & given)
    if missing:
        raise NotOffered(
            f"{tool}: memU takes no {', '.join(missing)} (API {generation}); leave it out, or {_KEEP_HERE}"
        )
