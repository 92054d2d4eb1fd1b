"""The tools as a client sees them: the contract, structured results, errors a model can mend."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any, ClassVar, NoReturn
from uuid import uuid4

import jsonschema
import pytest
from mcp import Client
from mcp.types import TextResourceContents, Tool

from app.errors import NotPermitted
from app.memory.budget import tokens
from app.memory.types import Scope
from app.runtime.runtime import Runtime
from app.serve.mcp import build_server
from app.serve.mcp.replies import compact
from app.serve.mcp.tools import TOOLS, find_tool
from app.settings.fields import Settings
from tests.support.mcp import SCHEMAS, call, refusal, running

CONTRACT: dict[str, dict[str, Any]] = {  # design.md: arguments with their defaults; ... is required
    "memorize": {"text": ..., "kind": "note", "project": None, "tags": [], "expires_in_days": None, "metadata": {}},
    "memorize_conversation": {"messages": ..., "conversation_id": None, "project": None, "title": None},
    "search_memory": {
        "query": ...,
        "limit": 10,
        "project": None,
        "kinds": None,
        "tags": None,
        "role": None,
        "conversation_id": None,
        "since": None,
        "until": None,
        "max_tokens": None,
        "archived": False,
        "full_text": False,
        "explain": False,
    },
    "recall_context": {"query": ..., "mode": "balanced", "max_tokens": None, "project": None},
    "search_across_projects": {"query": ..., "projects": None, "limit": 10, "order": "score", "full_text": False},
    "update_memory": {
        "id": ...,
        "text": None,
        "kind": None,
        "tags": None,
        "metadata": None,
        "expires_in_days": None,
        "archived": None,
        "project": None,
        "no_project": None,
    },
    "forget_memory": {"ids": None, "conversation_id": None, "project": None, "before": None, "dry_run": False},
    "memory_stats": {"project": None},
    "memory_health": {"detailed": False},
}
READ_ONLY = {"search_memory", "recall_context", "search_across_projects", "memory_stats", "memory_health"}
DESTRUCTIVE = {"update_memory", "forget_memory"}
IDEMPOTENT = READ_ONLY | {"memorize", "memorize_conversation", "forget_memory"}


@pytest.fixture
async def listed(runtime: Runtime) -> dict[str, Tool]:
    async with Client(build_server(runtime)) as client:
        return {tool.name: tool for tool in (await client.list_tools()).tools}


class TestList:
    async def test_there_are_exactly_the_tools_of_the_contract(self, listed: dict[str, Tool]) -> None:
        assert set(listed) == set(CONTRACT)

    @pytest.mark.parametrize("name", CONTRACT)
    async def test_a_tool_takes_what_the_contract_says_and_nothing_else(
        self, listed: dict[str, Tool], name: str
    ) -> None:
        schema = listed[name].input_schema

        assert set(schema["properties"]) == set(CONTRACT[name])
        assert schema["additionalProperties"] is False
        assert set(schema.get("required", [])) == {key for key, default in CONTRACT[name].items() if default is ...}
        jsonschema.Draft202012Validator.check_schema(schema)

    @pytest.mark.parametrize("name", CONTRACT)
    def test_defaults_are_the_contracts(self, name: str) -> None:
        fields = TOOLS[name].request.model_fields
        defaults = {
            key: ... if field.is_required() else field.get_default(call_default_factory=True, validated_data={})
            for key, field in fields.items()
        }

        assert defaults == CONTRACT[name]

    @pytest.mark.parametrize("name", CONTRACT)
    async def test_annotations_tell_what_a_call_does(self, listed: dict[str, Tool], name: str) -> None:
        annotations = listed[name].annotations

        assert annotations is not None
        assert annotations.title
        assert annotations.read_only_hint == (name in READ_ONLY)
        assert annotations.destructive_hint == (name in DESTRUCTIVE)
        assert annotations.idempotent_hint == (name in IDEMPOTENT)
        assert annotations.open_world_hint is False

    @pytest.mark.parametrize("name", CONTRACT)
    async def test_every_argument_and_the_result_are_described(self, listed: dict[str, Tool], name: str) -> None:
        tool = listed[name]

        assert tool.description
        assert all("description" in field for field in tool.input_schema["properties"].values())
        assert tool.output_schema is not None
        jsonschema.Draft202012Validator.check_schema(tool.output_schema)
        assert tool.output_schema["type"] == "object"


class TestResults:
    """`call` checks each structured result against the tool's output schema and the text beside it."""

    async def test_memorize(self, runtime: Runtime) -> None:
        first = await call(runtime, "memorize", text="apple pie", project="p", tags=["x"])
        again = await call(runtime, "memorize", text="apple pie", project="p", tags=["y"])

        assert first == {"id": first["id"], "created": True, "duplicate": False, "updated": [], "redacted": 0}
        assert again == {"id": first["id"], "created": False, "duplicate": True, "updated": ["tags"], "redacted": 0}

    async def test_memorize_conversation(self, runtime: Runtime) -> None:
        messages = [
            {"role": "user", "content": "hello", "name": "Ann", "time": "2026-05-08", "id": "m1"},
            {"role": "assistant", "content": "hi"},
        ]
        first = await call(runtime, "memorize_conversation", messages=messages, conversation_id="talk", title="T")
        again = await call(runtime, "memorize_conversation", messages=messages[:1], conversation_id="talk")

        assert first == {"conversation_id": "talk", "stored": 2, "skipped": 0, "redacted": 0}
        assert (again["stored"], again["skipped"]) == (0, 1)

    async def test_search_memory_shows_all_that_belongs_to_a_memory(self, runtime: Runtime) -> None:
        message = {"role": "user", "name": "Ann", "content": "apple pie", "time": "2026-05-08T12:00:00Z", "id": "m1"}
        await call(runtime, "memorize_conversation", messages=[message], conversation_id="talk", project="p")

        reply = await call(runtime, "search_memory", query="apple")

        [one] = reply["results"]
        assert one.pop("score") > 0
        assert one.pop("id")
        assert one.pop("created_at")
        assert one == {
            "text": "apple pie",
            "kind": "turn",
            "role": "user",
            "name": "Ann",
            "project": "p",
            "tags": [],
            "conversation_id": "talk",
            "message_id": "m1",
            "occurred_at": "2026-05-08T12:00:00+00:00",
        }
        assert (reply["truncated"], reply["degraded"]) == (False, False)

    async def test_recall_context(self, runtime: Runtime) -> None:
        stored = await call(runtime, "memorize", text="apple pie")

        reply = await call(runtime, "recall_context", query="apple")

        assert "apple pie" in reply["context"]
        assert [source["id"] for source in reply["sources"]] == [stored["id"]]
        assert reply["tokens"] == tokens(reply["context"])

    async def test_search_across_projects_counts_by_project(self, runtime: Runtime) -> None:
        for project in ("p", "q", "q", None):
            text = f"apple {uuid4()}"
            await call(runtime, "memorize", text=text, **({} if project is None else {"project": project}))

        reply = await call(runtime, "search_across_projects", query="apple")

        assert reply["by_project"] == {"p": 1, "q": 2, "(none)": 1}
        assert len(reply["results"]) == 4

    async def test_update_memory_and_forget_memory(self, runtime: Runtime) -> None:
        id_ = (await call(runtime, "memorize", text="apple"))["id"]

        assert await call(runtime, "update_memory", id=id_, text="pear") == {"id": id_, "version": 2, "redacted": 0}
        assert [one["text"] for one in (await call(runtime, "search_memory", query="pear"))["results"]] == ["pear"]
        assert await call(runtime, "forget_memory", ids=[id_], dry_run=True) == {"forgotten": 1, "would_forget": 1}
        assert await call(runtime, "forget_memory", ids=[id_]) == {"forgotten": 1}
        assert (await call(runtime, "search_memory", query="pear"))["results"] == []
        assert await call(runtime, "forget_memory", ids=[id_]) == {"forgotten": 0}

    async def test_archived_memories_are_found_when_they_are_asked_for_and_others_move_to_a_project(
        self, runtime: Runtime
    ) -> None:
        old, new = [(await call(runtime, "memorize", text=f"{age} apples"))["id"] for age in ("old", "new")]
        await call(runtime, "update_memory", id=old, archived=True)
        await call(runtime, "update_memory", id=new, project="p")

        archived = await call(runtime, "search_memory", query="apples", archived=True)
        of_project = await call(runtime, "search_memory", query="apples", project="p")

        assert [one["id"] for one in archived["results"]] == [old]
        assert archived["degraded"] is False
        assert [(one["id"], one["project"]) for one in of_project["results"]] == [(new, "p")]

    async def test_update_memory_tells_what_it_took_out(self, runtime: Runtime) -> None:
        id_ = (await call(runtime, "memorize", text="apple"))["id"]
        key = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"  # made up

        reply = await call(runtime, "update_memory", id=id_, text=f"pear {key}", tags=[key])

        assert reply["redacted"] == 2

    async def test_memory_stats(self, runtime: Runtime) -> None:
        empty = await call(runtime, "memory_stats")
        await call(runtime, "memorize", text="apple", kind="fact", project="p")
        full = await call(runtime, "memory_stats", project="p")

        assert (empty["memories"], empty["oldest"], empty["by_kind"]) == (0, None, {})
        assert (full["memories"], full["by_kind"], full["by_project"], full["bytes"]) == (1, {"fact": 1}, {"p": 1}, 5)

    async def test_memory_health(self, runtime: Runtime) -> None:
        short = await call(runtime, "memory_health")
        detailed = await call(runtime, "memory_health", detailed=True)

        assert short["status"] == "ok"
        assert set(short["components"]) == {"postgres", "index"}
        assert detailed["numbers"]["memories"] == 0

    async def test_memory_health_counts_all_users_for_admins_alone(self, runtime: Runtime) -> None:
        await call(runtime, "memorize", text="apple")
        reader = Scope(user="bob", permissions=frozenset({"read"}))

        everybody = await call(runtime, "memory_health", detailed=True)
        own = await find_tool("memory_health").call(runtime, reader, {"detailed": True})

        assert everybody["numbers"]["memories"] == 1
        assert own["numbers"] == {"memories": 0, "bytes": 0}


class TestErrors:
    async def test_an_unknown_tool_is_an_error_that_lists_the_tools(self, runtime: Runtime) -> None:
        assert (
            await refusal(runtime, "remember")
            == f"invalid_input: tool: got 'remember', takes one of {', '.join(CONTRACT)}"
        )

    @pytest.mark.parametrize("name", CONTRACT)
    async def test_an_unknown_argument_is_named_with_those_there_are(self, runtime: Runtime, name: str) -> None:
        said = await refusal(runtime, name, nonsense=1)

        assert f"nonsense: got 1, takes no such argument: there are {', '.join(CONTRACT[name])}" in said

    @pytest.mark.parametrize(
        ("tool", "arguments", "says"),
        [
            pytest.param("memorize", {"text": ""}, "text: got '', takes the text to remember", id="empty text"),
            pytest.param("memorize", {"text": "x" * 2_000_000}, "(2,000,000 characters), takes", id="large text"),
            pytest.param("search_memory", {"query": "a", "limit": -1}, "limit: got -1, takes a whole", id="limit"),
            pytest.param(
                "search_memory", {"query": "a", "since": "soon"}, "since: got 'soon', takes an ISO", id="date"
            ),
            pytest.param("update_memory", {"id": str(uuid4()), "text": "a"}, "not_found: memory", id="unknown id"),
            pytest.param("forget_memory", {}, "takes at least one of ids", id="nothing named"),
        ],
    )
    async def test_bad_input_is_a_tool_error_and_nothing_is_stored(
        self, runtime: Runtime, tool: str, arguments: dict[str, Any], says: str
    ) -> None:
        assert says in await refusal(runtime, tool, **arguments)
        assert (await call(runtime, "memory_stats"))["memories"] == 0

    async def test_a_crash_is_told_without_its_text_and_logged(
        self, runtime: Runtime, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        async def crash(*arguments: object) -> NoReturn:
            raise ZeroDivisionError("with a secret")

        monkeypatch.setattr(runtime.domain.store, "stats", crash)
        said = await refusal(runtime, "memory_stats")

        assert said == "internal: unexpected error, which the server has logged; nothing was acknowledged"
        assert "ZeroDivisionError" in caplog.text

    async def test_calls_are_counted_by_outcome_and_never_under_a_strangers_name(self, runtime: Runtime) -> None:
        counted = []
        runtime.observers.append(lambda tool, user, outcome, seconds: counted.append((tool, user, outcome)))

        await call(runtime, "memory_stats")
        await refusal(runtime, "memorize", text="")
        await refusal(runtime, "remember")

        user = runtime.settings.default_user_id
        assert counted == [
            ("memory_stats", user, "ok"),
            ("memorize", user, "invalid_input"),
            ("unknown", user, "invalid_input"),
        ]


class TestScopes:
    GOOD: ClassVar[dict[str, dict[str, Any]]] = {
        "memorize": {"text": "a"},
        "memorize_conversation": {"messages": [{"role": "user", "content": "a"}]},
        "search_memory": {"query": "a"},
        "recall_context": {"query": "a"},
        "search_across_projects": {"query": "a"},
        "update_memory": {"id": str(uuid4()), "text": "a"},
        "forget_memory": {"project": "p"},
        "memory_stats": {},
        "memory_health": {},
    }

    @pytest.mark.parametrize("name", CONTRACT)
    async def test_reading_needs_read_and_changing_needs_write(self, runtime: Runtime, name: str) -> None:
        needed, other = ("read", "write") if name in READ_ONLY else ("write", "read")

        with pytest.raises(
            NotPermitted, match=f"{name}: this token does not have the scope '{needed}'.*--scope {needed}"
        ):
            await find_tool(name).call(
                runtime, Scope("alice", permissions=frozenset({other, "admin"})), self.GOOD[name]
            )
        if name != "update_memory":  # which there is nothing for yet
            reply = await find_tool(name).call(
                runtime, Scope("alice", permissions=frozenset({needed})), self.GOOD[name]
            )
            jsonschema.validate(reply, SCHEMAS[name])


class TestLongTexts:
    """A long memory is shown by the part that answers, unless all of it is asked for."""

    TEXT = "The weather was mild and the garden stayed green. " * 40 + "A zebra came by." + " It rained." * 40

    @pytest.fixture(autouse=True)
    async def _stored(self, runtime: Runtime) -> None:
        for number in range(20):
            await call(runtime, "memorize", text=f"{number}. {self.TEXT}", project=f"p{number % 2}")

    @pytest.mark.parametrize("tool", ["search_memory", "search_across_projects"])
    async def test_a_reply_holds_the_results_that_were_asked_for(self, runtime: Runtime, tool: str) -> None:
        reply = await call(runtime, tool, query="zebra", limit=20)

        assert len(reply["results"]) == 20
        assert not reply["truncated"]
        for one in reply["results"]:
            assert one["excerpt"] is True
            assert one["text"].startswith("…The weather")
            assert "A zebra came by." in one["text"]
            assert one["text"].endswith("It rained.…")

    @pytest.mark.parametrize("tool", ["search_memory", "search_across_projects"])
    async def test_the_whole_text_comes_when_it_is_asked_for(self, runtime: Runtime, tool: str) -> None:
        reply = await call(runtime, tool, query="zebra", limit=2, full_text=True)

        assert all(one["text"].endswith(self.TEXT) for one in reply["results"])
        assert not any("excerpt" in one or "uri" in one for one in reply["results"])

    async def test_the_whole_text_is_at_the_results_uri(self, runtime: Runtime) -> None:
        [one] = (await call(runtime, "search_memory", query="zebra", limit=1))["results"]

        async with Client(build_server(runtime)) as client:
            [contents] = (await client.read_resource(one["uri"])).contents

        assert isinstance(contents, TextResourceContents)
        assert json.loads(contents.text)["text"].endswith(self.TEXT)

    async def test_a_short_text_is_no_excerpt(self, runtime: Runtime) -> None:
        await call(runtime, "memorize", text="quokkas are small")

        [one] = (await call(runtime, "search_memory", query="quokkas"))["results"]

        assert one["text"] == "quokkas are small"
        assert not {"excerpt", "uri"} & set(one)

    async def test_recall_tells_the_part_and_says_so_at_the_source(self, runtime: Runtime) -> None:
        await call(runtime, "memorize", text="zebra: short")

        reply = await call(runtime, "recall_context", query="zebra")

        assert reply["context"].count("A zebra came by.") >= 10
        in_part = [one.get("excerpt", False) for one in reply["sources"]]
        assert in_part.count(False) == 1
        assert in_part.count(True) == reply["context"].count("A zebra came by.")


class TestExplain:
    async def test_a_score_comes_with_all_that_it_is_made_of(self, runtime: Runtime) -> None:
        said = [("Ann", "Where did you stay in Lisbon?"), ("Ben", "A small hotel, in 2026."), ("Ann", "Nice.")]
        messages = [{"role": "user", "name": name, "content": text} for name, text in said]
        await call(runtime, "memorize_conversation", messages=messages)

        reply = await call(runtime, "search_memory", query="Which hotel did Ben stay at in May?", explain=True)

        best, other, *_ = reply["results"]
        parts, words = best["explanation"]["parts"], best["explanation"]["words"]
        assert best["text"] == "A small hotel, in 2026."
        assert sum(parts.values()) == pytest.approx(best["score"], abs=1e-4)
        assert (parts["words"], parts["speaker"], parts["number"]) == (0.75, 0.21, 0.05)
        assert {word["word"]: word["in_memory"] for word in words} == {"hotel": True, "stay": False}
        assert sum(word["product"] for word in words) == pytest.approx(reply["explanation"]["divisor"], abs=1e-3)
        assert best["explanation"]["neighbours"] == [
            {"id": other["id"], "distance": -1, "near": 0.7, "around": 1.0, "asked": True, "words": ["stay"]}
        ]
        question = reply["explanation"]
        assert (question["date"], question["speakers"], question["memories"]) == ("May", ["Ben"], 3)
        assert [word["word"] for word in question["words"] if word.get("in_a_name")] == ["Ben"]

    async def test_without_it_a_reply_is_as_it_always_was(self, runtime: Runtime) -> None:
        await call(runtime, "memorize", text="apple")

        reply = await call(runtime, "search_memory", query="apple")

        assert set(reply) == {"results", "truncated", "degraded"}
        assert "explanation" not in reply["results"][0]


class TestBudget:
    """No reply passes REPLY_TOKEN_BUDGET; what is left out is said."""

    @pytest.fixture
    async def small(self, plain_settings: Settings, connect_arguments: dict[str, Any]) -> AsyncIterator[Runtime]:
        async with running(plain_settings.model_copy(update={"reply_token_budget": 500}), connect_arguments) as runtime:
            for number in range(30):
                text = f"apple {number} " + "and more of that story " * 6
                await call(runtime, "memorize", text=text, project=f"project {number} " + "x" * 180)
            yield runtime

    @pytest.mark.parametrize(
        ("tool", "arguments"),
        [
            pytest.param("search_memory", {"query": "apple", "limit": 30}, id="search"),
            pytest.param("search_memory", {"query": "apple", "limit": 30, "max_tokens": 100_000}, id="asked for more"),
            pytest.param("search_memory", {"query": "apple", "limit": 30, "max_tokens": 300}, id="asked for less"),
            pytest.param("search_memory", {"query": "apple 1", "limit": 30, "explain": True}, id="explained"),
            pytest.param(
                "search_memory", {"query": "apple", "explain": True, "max_tokens": 300}, id="no room for that"
            ),
            pytest.param("search_across_projects", {"query": "apple", "limit": 30}, id="across projects"),
            pytest.param("recall_context", {"query": "apple", "mode": "comprehensive"}, id="recall"),
            pytest.param("recall_context", {"query": "apple", "max_tokens": 8_000}, id="recall asked for more"),
        ],
    )
    async def test_a_reply_is_cut_at_item_borders_and_says_so(
        self, small: Runtime, tool: str, arguments: dict[str, Any]
    ) -> None:
        reply = await call(small, tool, **arguments)

        assert tokens(compact(reply)) <= min(arguments.get("max_tokens", 500), 500)
        assert reply.get("truncated") or reply.get("left_out"), "something was left out"
        items = reply["results"] if "results" in reply else reply["sources"]
        assert items, "and something fits"

    async def test_statistics_of_many_projects_fit_too(self, small: Runtime) -> None:
        assert tokens(compact(await call(small, "memory_stats"))) <= 500
