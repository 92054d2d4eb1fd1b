"""x"""

from __future__ import annotations
from tests.app.commands.conftest import Typed
from app.clients import conversation
import json
from app.ops.memories import on_this_machine

TALK = [
    ("Ann", "2026-05-07", "Where did you stay in Lisbon?"),
    ("Ben", "2026-05-07", "A small hotel near the river, with a blue door."),
    ("Ann", "2026-05-07", "Lovely. And the food?"),
    ("Ben", "2026-05-07", "Grilled sardines every evening."),
]
OLD = [
    ("Ann", "2026-02-03", "Hotels in Lisbon are cheap in winter."),
    ("Cleo", "2026-02-03", "I would rather stay at home."),
]


def test_x(typed: Typed, memory_server) -> None:
    with on_this_machine(memory_server.data_dir) as server:
        for n, t in enumerate((TALK, OLD)):
            server.call(
                "memorize_conversation",
                {
                    "conversation_id": str(n),
                    "messages": [{"role": "user", "name": a, "time": b + "T12:00:00Z", "content": c} for a, b, c in t],
                },
            )
    print(typed("explain", "Which hotel did Ben stay at in May?", "--limit", "2"))
    for part in typed("explain", "Which hotel did Ben stay at in May?", "--limit", "2")[1:]:
        print(part)
    for part in typed("explain", "what did I", "--limit", "2")[1:]:
        print(part)
    for part in typed("explain", "Which hotel did Ben stay at in May?", "--limit", "1", "--json")[1:]:
        print(part)
    assert 0
