"""What each generation is asked, to the byte, and what it makes of the answers that are known."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from app.errors import MemuRefused, NotOffered
from app.memory.outbox import OutboxMessage, OutboxState
from app.memu.generations import Request, api_of
from app.memu.reading import WrongShape
from app.memu.service import Category, Found, Generation, Item, Progress, Task
from tests.support.memu import an_entry

KEY = UUID("00000000-0000-4000-8000-000000000007")
AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
NOTE = an_entry("Use PostgreSQL.", key=KEY, kind="decision", project="x", tags=("a", "b"))
TALK = an_entry(
    key=KEY,
    kind="turn",
    conversation_id="c",
    title="Databases",
    part=2,
    parts=3,
    messages=(
        OutboxMessage(role="user", name="Ann", text="Which one?", at=AT),
        OutboxMessage(role="assistant", text="PostgreSQL."),
    ),
)
V1, V2, V3, V4 = (api_of(generation) for generation in Generation)
CONVERSATIONS = pytest.mark.parametrize("generation", [Generation.V1, Generation.V2, Generation.V3])


class TestHandingOver:
    @CONVERSATIONS
    def test_a_memory_is_a_conversation_of_one_message(self, generation: Generation) -> None:
        assert api_of(generation).memorize(NOTE) == Request(
            path=f"/api/{generation}/memory/memorize",
            body={
                "conversation": [{"role": "user", "content": "[decision; project x; tags a, b]\nUse PostgreSQL."}],
                "user_id": "alice",
                "agent_id": "claude",
                "user_name": "User",
                "agent_name": "Assistant",
                "session_date": "2026-11-28T12:30:00+00:00",
            },
        )

    @pytest.mark.parametrize(
        ("generation", "when"),
        [
            (Generation.V1, {"time": "2026-01-02T03:04:05+00:00"}),
            (Generation.V2, {"time": "2026-01-02T03:04:05+00:00"}),
            (Generation.V3, {"created_at": "2026-01-02 03:04:05"}),
        ],
    )
    def test_a_conversation_is_its_messages(self, generation: Generation, when: dict[str, str]) -> None:
        body = api_of(generation).memorize(TALK).body

        assert body is not None
        assert body["conversation"] == [
            {"role": "user", "content": "Which one?", **when},
            {"role": "assistant", "content": "PostgreSQL."},
        ]
        assert (body["user_name"], body["session_date"]) == ("Ann", "2026-01-02T03:04:05+00:00")

    def test_in_v4_a_memory_is_a_file_with_a_name_of_its_own(self) -> None:
        assert V4.memorize(NOTE) == Request(
            path="/api/v4/memory",
            body={
                "user": {
                    "user_id": "alice",
                    "agent_id": "claude",
                    "user_name": "User",
                    "agent_name": "Assistant",
                },
                "recall_files": [
                    {
                        "name": f"decision-{KEY}",
                        "track": "memory",
                        "description": "Use PostgreSQL.",
                        "content": "[decision; project x; tags a, b]\nUse PostgreSQL.",
                    }
                ],
                "resource": [],
            },
        )

    def test_in_v4_a_conversation_is_a_file_that_says_who_spoke_and_which_piece_it_is(self) -> None:
        body = V4.memorize(TALK).body

        assert body is not None
        assert body["recall_files"] == [
            {
                "name": f"turn-{KEY}",
                "track": "memory",
                "description": "Databases (part 2 of 3)",
                "content": "2026-01-02 03:04:05 [user] Which one?\n[assistant] PostgreSQL.",
            }
        ]

    @pytest.mark.parametrize("generation", list(Generation))
    @pytest.mark.parametrize("entry", [NOTE, TALK], ids=["memory", "conversation"])
    def test_what_became_of_an_entry_changes_nothing_in_its_request(self, generation: Generation, entry: Any) -> None:
        later = replace(
            entry, id=9, attempts=5, task_id="t", problem="busy", state=OutboxState.SENT, next_at=datetime.now(UTC)
        )

        assert api_of(generation).memorize(later) == api_of(generation).memorize(entry)

    @pytest.mark.parametrize("generation", list(Generation))
    def test_a_user_or_an_agent_without_a_name_has_the_one_that_memu_gives_it(self, generation: Generation) -> None:
        body = api_of(generation).memorize(an_entry(user="", agent="")).body or {}

        owner = body.get("user", body)
        assert (owner["user_id"], owner["agent_id"]) == ("default", "default")

    def test_v4_has_taken_a_file_only_when_it_names_it(self) -> None:
        assert V4.memorized(NOTE, {"recall_files": [{"name": f"decision-{KEY}"}], "resources": []}) == Task(
            id=None, progress=Progress.DONE
        )

    @pytest.mark.parametrize(
        "answer",
        [{}, [], {"message": "ok"}, {"recall_files": []}, {"recall_files": [None, {"name": "another"}]}],
    )
    def test_v4_has_not_taken_a_file_that_it_does_not_name(self, answer: Any) -> None:
        with pytest.raises(WrongShape):
            V4.memorized(NOTE, answer)


class TestTasks:
    @CONVERSATIONS
    def test_an_id_cannot_leave_its_place_in_the_path(self, generation: Generation) -> None:
        path = f"/api/{generation}/memory/memorize/status"

        assert api_of(generation).task("a/../b?c").path == f"{path}/a%2F..%2Fb%3Fc"
        for bad in ("..", "", "a\nb", "x" * 201):
            with pytest.raises(MemuRefused):
                api_of(generation).task(bad)

    def test_v4_has_none(self) -> None:
        with pytest.raises(MemuRefused, match="v4 has no tasks"):
            V4.task("t")


class TestFinding:
    @pytest.mark.parametrize("generation", [Generation.V1, Generation.V2])
    def test_v1_and_v2_are_asked_for_so_many_memories(self, generation: Generation) -> None:
        assert api_of(generation).retrieve("alice", "claude", "which?", 7) == Request(
            path=f"/api/{generation}/memory/retrieve/related-memory-items",
            body={
                "user_id": "alice",
                "agent_id": "claude",
                "query": "which?",
                "top_k": 7,
                "min_similarity": 0.3,
                "include_categories": None,
            },
        )

    def test_v3_and_v4_are_asked_a_question(self) -> None:
        asked = {"user_id": "alice", "agent_id": "claude", "query": "which?"}

        assert V3.retrieve("alice", "claude", "which?", 7) == Request(path="/api/v3/memory/retrieve", body=asked)
        assert V4.retrieve("alice", "claude", "which?", 7) == Request(path="/api/v4/memory/search", body=asked)

    @pytest.mark.parametrize(
        "answer",
        [
            pytest.param(
                {
                    "related_memories": [
                        {"memory": {"memory_id": "m", "category": "c", "content": "a"}, "similarity_score": 0.5}
                    ],
                    "total_found": 1,
                },
                id="as declared",
            ),
            pytest.param({"memories": [{"id": "m", "content": "a", "similarity": 0.5, "category": "c"}]}, id="flat"),
        ],
    )
    def test_v1_and_v2_give_memories_with_their_likeness(self, answer: Any) -> None:
        assert V2.retrieved(answer, 5) == Found(items=(Item(id="m", text="a", kind="c", score=0.5),))

    def test_v3_gives_memories_and_subjects(self) -> None:
        answer = {
            "categories": [{"name": "food", "description": "d", "summary": "s"}],
            "items": [{"id": "i", "memory_type": "event", "summary": "a"}],
            "resources": [],
            "next_step_query": None,
        }

        assert V3.retrieved(answer, 5) == Found(
            items=(Item(id="i", text="a", kind="event"),),
            categories=(Category(name="food", description="d", summary="s"),),
        )

    @pytest.mark.parametrize("answer", [{}, [], {"items": None}, {"next_step_query": "x"}])
    def test_v3_may_find_nothing(self, answer: Any) -> None:
        assert V3.retrieved(answer, 5) == Found()

    @pytest.mark.parametrize("answer", [{"message": "failed"}, {"items": {"a": 1}}, {"items": "x"}, "x", None])
    def test_another_answer_of_v3_is_not_taken_for_nothing_found(self, answer: Any) -> None:
        with pytest.raises(WrongShape):
            V3.retrieved(answer, 5)

    def test_v4_gives_whole_files(self) -> None:
        answer = {
            "segments": [{"id": "s", "text": "a", "score": 0.9, "recall_file_id": "f"}],
            "files": [
                {"id": "f", "track": "memory", "content": "a\nb", "score": 0.9},
                {"id": "g", "track": "skill", "description": "d", "content": None, "score": 0.5},
            ],
            "resources": [],
        }

        assert V4.retrieved(answer, 5).items == (
            Item(id="f", text="a\nb", score=0.9),
            Item(id="g", text="d", kind="skill", score=0.5),
        )

    def test_v4_may_give_lines_alone(self) -> None:
        answer = {"segments": [{"id": "s", "text": "a", "score": 0.9}], "files": []}

        assert V4.retrieved(answer, 5).items == (Item(id="s", text="a", score=0.9),)


class TestListing:
    @pytest.mark.parametrize("generation", [Generation.V1, Generation.V2])
    @pytest.mark.parametrize("agent", ["claude", None])
    def test_v1_and_v2_list_the_memories_of_each_subject(self, generation: Generation, agent: str | None) -> None:
        path = f"/api/{generation}/memory/retrieve/default-categories"
        asked = {"user_id": "alice", "agent_id": agent}

        assert api_of(generation).page("alice", agent, None) == Request(
            path=path, body={**asked, "want_memory_items": True}
        )
        assert api_of(generation).categories("alice", agent) == Request(
            path=path, body={**asked, "want_memory_items": False}
        )

    @pytest.mark.parametrize(
        "within",
        [
            pytest.param({"memory_items": {"memories": [{"memory_id": "m", "content": "a"}]}}, id="as declared"),
            pytest.param({"memory_items": None, "memories": [{"memory_id": "m", "content": "a"}]}, id="self-hosted"),
        ],
    )
    def test_the_memories_of_v1_and_v2_are_read_where_they_are(self, within: dict[str, Any]) -> None:
        items, cursor = V1.paged({"categories": [{"name": "food", "description": "d", **within}, None]})

        assert (items, cursor) == ([Item(id="m", text="a")], None)

    def test_a_subject_without_memories_is_its_summary_and_an_empty_one_is_none(self) -> None:
        answer = {"categories": [{"name": "food", "summary": "s"}, {"name": "new", "description": "d"}]}

        assert V1.paged(answer)[0] == V3.paged(answer)[0] == [Item(id="food", text="s", kind="food")]

    def test_v3_lists_summaries_of_one_agent_or_of_all(self) -> None:
        path = "/api/v3/memory/categories"

        assert V3.page("alice", None, None) == Request(path=path, body={"user_id": "alice"})
        assert V3.page("alice", "claude", None) == Request(path=path, body={"user_id": "alice", "agent_id": "claude"})

    def test_v4_lists_files_page_by_page(self) -> None:
        asked = {"user_id": "alice", "agent_id": "claude", "limit": "50"}

        assert V4.page("alice", "claude", None) == Request(method="GET", path="/api/v4/memory", parameters=asked)
        assert V4.page("alice", "claude", "x").parameters == asked | {"cursor": "x"}
        assert V4.paged({"recall_files": [{"id": "f", "track": "memory", "content": "a"}], "next_cursor": "y"}) == (
            [Item(id="f", text="a")],
            "y",
        )
        assert V4.paged({"categories": [], "next_cursor": None}) == ([], None)

    def test_what_a_generation_cannot_do_says_what_to_do_instead(self) -> None:
        with pytest.raises(NotOffered, match="name the agent"):
            V4.page("alice", None, None)
        with pytest.raises(NotOffered, match="MEMU_API_VERSION=v3"):
            V4.categories("alice", "claude")


@pytest.mark.parametrize("generation", list(Generation))
def test_what_it_offers_is_what_it_does(generation: Generation) -> None:
    api = api_of(generation)

    def does(*, action: Any) -> bool:
        try:
            action()
        except (NotOffered, MemuRefused):
            return False
        return True

    assert does(action=lambda: api.categories("alice", None)) == api.offers.categories
    assert does(action=lambda: api.page("alice", None, None)) == api.offers.all_agents
    assert does(action=lambda: api.task("t")) == api.offers.tasks
