"""Bad input: refused before anything is done, in words that name the argument, what came and what it takes."""

# ruff: noqa: E501 - a table: one case a line
from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from app.errors import InvalidInput
from app.memory import requests
from app.memory.requests import checked
from app.memory.types import Kind

ID = str(uuid4())
MESSAGE = {"role": "user", "content": "hello"}
TEN_MEGABYTES = "x" * 10_000_000


def nested(depth: int) -> Any:
    value: Any = "deep"
    for _ in range(depth):
        value = {"a": value}
    return value


BAD = [
    # what the issue lists
    pytest.param("Memorize", {"text": 5}, "text: got 5, takes the text to remember, 1 to", id="wrong type"),
    pytest.param("Memorize", {"text": None}, "text: got nothing, takes the text", id="null"),
    pytest.param("Memorize", {"text": ""}, "text: got '', takes the text", id="empty text"),
    pytest.param("Memorize", {"text": " \n\t"}, r"text: got ' \n\t', takes the text", id="blank text"),
    pytest.param("Memorize", {"text": TEN_MEGABYTES}, "… (10,000,000 characters), takes the text", id="10 MB text"),
    pytest.param("Memorize", {"text": "a\x00b"}, r"text: got 'a\x00b', takes the text", id="NUL"),
    pytest.param("Memorize", {"text": "a\ud800b"}, r"text: got 'a\ud800b', takes the text", id="lone surrogate"),
    pytest.param("Memorize", {}, "text: got nothing, takes the text", id="missing"),
    pytest.param("Memorize", {"text": "a", "txet": 1}, "txet: got 1, takes no such argument: there are text, kind", id="unknown argument"),
    pytest.param("Memorize", {"text": "a", "kind": "idea"}, "kind: got 'idea', takes one of note, fact", id="unknown kind"),
    pytest.param("Memorize", {"text": "a", "tags": 5}, "tags: got 5, takes a list of up to 50 tags", id="tags no list"),
    pytest.param("Memorize", {"text": "a", "tags": ["x"] * 51}, "tags: got list of 51, takes a list of up to 50", id="too many tags"),
    pytest.param("Memorize", {"text": "a", "tags": ["ok", ""]}, "tags[1]: got '', takes a list of up to 50 tags", id="empty tag"),
    pytest.param("Memorize", {"text": "a", "tags": ["a\nb"]}, r"tags[0]: got 'a\nb', takes", id="control character in a tag"),
    pytest.param("Memorize", {"text": "a", "project": "p" * 201}, "(201 characters), takes a project's name, up to 200", id="long project"),
    pytest.param("Memorize", {"text": "a", "project": "\ud800"}, r"project: got '\ud800', takes", id="lone surrogate in a name"),
    pytest.param("Memorize", {"text": "a", "project": "a\x7f"}, r"project: got 'a\x7f', takes", id="control character"),
    pytest.param("Memorize", {"text": "a", "expires_in_days": 0}, "expires_in_days: got 0, takes a number of days above 0", id="no days"),
    pytest.param("Memorize", {"text": "a", "expires_in_days": -1.5}, "expires_in_days: got -1.5, takes", id="negative days"),
    pytest.param("Memorize", {"text": "a", "expires_in_days": float("nan")}, "expires_in_days: got NaN, takes", id="nan days"),
    pytest.param("Memorize", {"text": "a", "expires_in_days": float("inf")}, "expires_in_days: got Infinity, takes", id="infinite days"),
    pytest.param("Memorize", {"text": "a", "expires_in_days": "7d"}, "expires_in_days: got '7d', takes", id="days that are no number"),
    pytest.param("Memorize", {"text": "a", "expires_in_days": True}, "expires_in_days: got true, takes", id="days as truth"),
    pytest.param("Memorize", {"text": "a", "metadata": [1]}, "metadata: got [1], takes a JSON object of up to", id="metadata no object"),
    pytest.param("Memorize", {"text": "a", "metadata": {"a": "x" * 20_000}}, "metadata: got {\"a\": \"xxx", id="large metadata"),
    pytest.param("Memorize", {"text": "a", "metadata": {"a": float("nan")}}, "metadata: got {\"a\": NaN}, takes a JSON", id="metadata not JSON"),
    pytest.param("Memorize", {"text": "a", "metadata": {"a": ["\x00"]}}, r'metadata: got {"a": ["\u0000"]}, takes', id="NUL in metadata"),
    pytest.param("Memorize", {"text": "a", "metadata": {"a": "\ud800"}}, r'metadata: got {"a": "\ud800"}, takes', id="surrogate in metadata"),
    pytest.param("Memorize", {"text": "a", "metadata": {"\ud800": 1}}, "metadata", id="surrogate in a metadata key"),
    pytest.param("Memorize", {"text": "a", "metadata": nested(2_000)}, "metadata: got an object nested too deep, takes a JSON object", id="metadata nested too deep for Python"),
    pytest.param("MemorizeConversation", {"messages": []}, "messages: got [], takes 1 to 5,000 messages", id="no message"),
    pytest.param("MemorizeConversation", {"messages": [MESSAGE] * 10_000}, "messages: got list of 10,000, takes 1 to 5,000", id="10,000 messages"),
    pytest.param("MemorizeConversation", {"messages": "hello"}, "messages: got 'hello', takes 1 to 5,000 messages", id="messages no list"),
    pytest.param("MemorizeConversation", {"messages": [MESSAGE, "hi"]}, "messages[1]: got 'hi', takes 1 to 5,000 messages", id="message no object"),
    pytest.param("MemorizeConversation", {"messages": [{"role": "user"}]}, "messages[0].content: got nothing, takes what was said", id="message without content"),
    pytest.param("MemorizeConversation", {"messages": [MESSAGE, {**MESSAGE, "content": "\x00"}]}, r"messages[1].content: got '\x00', takes what was said", id="NUL in a message"),
    pytest.param("MemorizeConversation", {"messages": [{**MESSAGE, "time": "yesterday"}]}, "messages[0].time: got 'yesterday', takes an ISO 8601", id="time that is none"),
    pytest.param("MemorizeConversation", {"messages": [{**MESSAGE, "text": "x"}]}, "messages[0].text: got 'x', takes no such argument: there are role, content, name, time, id", id="unknown field of a message"),
    pytest.param("MemorizeConversation", {"messages": [{**MESSAGE, "role": 1}]}, "messages[0].role: got 1, takes who spoke", id="role no text"),
    pytest.param("Search", {"query": ""}, "query: got '', takes a question or words", id="empty query"),
    pytest.param("Search", {"query": "x" * 4_001}, "(4,001 characters), takes a question or words to look for, 1 to 4,000", id="long query"),
    pytest.param("Search", {"query": "a", "limit": -1}, "limit: got -1, takes a whole number from 1 to 100", id="negative limit"),
    pytest.param("Search", {"query": "a", "limit": 0}, "limit: got 0, takes", id="limit zero"),
    pytest.param("Search", {"query": "a", "limit": 101}, "limit: got 101, takes", id="limit too high"),
    pytest.param("Search", {"query": "a", "limit": 10**30}, "limit: got 1000000", id="limit beyond any integer type"),
    pytest.param("Search", {"query": "a", "limit": 2.5}, "limit: got 2.5, takes", id="limit no whole number"),
    pytest.param("Search", {"query": "a", "limit": "many"}, "limit: got 'many', takes", id="limit no number"),
    pytest.param("Search", {"query": "a", "limit": True}, "limit: got true, takes", id="limit as truth"),
    pytest.param("Search", {"query": "a", "kinds": ["note", "idea"]}, "kinds[1]: got 'idea', takes a list; each one of", id="unknown kind in a list"),
    pytest.param("Search", {"query": "a", "kinds": 5}, "kinds: got 5, takes a list", id="kinds no list"),
    pytest.param("Search", {"query": "a", "since": "2026-13-01"}, "since: got '2026-13-01', takes an ISO 8601 date", id="month 13"),
    pytest.param("Search", {"query": "a", "since": "2023-02-30"}, "since: got '2023-02-30', takes an ISO 8601 date", id="30 February"),
    pytest.param("Search", {"query": "a", "until": 1_700_000_000}, "until: got 1700000000, takes an ISO 8601 date", id="date as a number"),
    pytest.param("Search", {"query": "a", "until": "0001-01-01T00:00:00+14:00"}, "until: got '0001-01-01T00:00:00+14:00', takes", id="date before year 1"),
    pytest.param("Search", {"query": "a", "max_tokens": 10}, "max_tokens: got 10, takes a whole number from 50", id="too few tokens"),
    pytest.param("Recall", {"query": "a", "mode": "all"}, "mode: got 'all', takes one of conservative, balanced", id="unknown mode"),
    pytest.param("Recall", {"query": "a", "max_tokens": 9_000}, "max_tokens: got 9000, takes a whole number from 500 to 8,000", id="too many tokens"),
    pytest.param("SearchAcrossProjects", {"query": "a", "projects": ["p"] * 101}, "projects: got list of 101, takes a list of 1 to 100", id="too many projects"),
    pytest.param("SearchAcrossProjects", {"query": "a", "projects": ["p", 1]}, "projects[1]: got 1, takes a list of 1 to 100", id="project no text"),
    pytest.param("SearchAcrossProjects", {"query": "a", "order": "name"}, "order: got 'name', takes one of score, time", id="unknown order"),
    pytest.param("Update", {"id": "17", "text": "a"}, "id: got '17', takes the id of a memory", id="id that is none"),
    pytest.param("Update", {"id": 17, "text": "a"}, "id: got 17, takes the id of a memory", id="id a number"),
    pytest.param("Update", {"id": ID}, "arguments: got nothing, takes at least one of text, kind", id="nothing to change"),
    pytest.param("Update", {"id": ID, "text": None}, "takes at least one of text", id="only nulls to change"),
    pytest.param("Update", {"id": ID, "no_project": False}, "takes at least one of text", id="no move"),
    pytest.param("Update", {"id": ID, "project": "p", "no_project": True}, "takes either project or no_project", id="two places"),
    pytest.param("Update", {"id": ID, "archived": "maybe"}, "archived: got 'maybe', takes true", id="no truth"),
    pytest.param("Update", {"id": ID, "archived": 2}, "archived: got 2, takes true", id="truth as a number above 1"),
    pytest.param("Forget", {}, "arguments: got nothing, takes at least one of ids", id="nothing to forget"),
    pytest.param("Forget", {"dry_run": True}, "takes at least one of ids", id="nothing to count"),
    pytest.param("Forget", {"ids": []}, "ids: got [], takes a list of 1 to 1,000 ids", id="no ids"),
    pytest.param("Forget", {"ids": [ID, "x"]}, "ids[1]: got 'x', takes a list of 1 to 1,000 ids", id="one bad id"),
    pytest.param("Forget", {"ids": [ID] * 1_001}, "ids: got list of 1,001, takes", id="too many ids"),
    pytest.param("Forget", {"project": "p", "dry_run": "please"}, "dry_run: got 'please', takes true", id="dry run as text"),
    pytest.param("StatsRequest", {"project": 1}, "project: got 1, takes a project's name", id="project no text in stats"),
    pytest.param("Memorize", ["text"], "arguments: got [\"text\"], takes an object with text, kind", id="no object at all"),
    pytest.param("Memorize", {"text": "a", "x" * 10_000: 1}, "xxx… (10,000 characters): got 1, takes no such argument", id="a huge unknown name"),
    pytest.param("Memorize", {"text": "a", "\n": 1}, r"'\n': got 1, takes no such argument", id="an unknown name of two lines"),
    pytest.param("Memorize", {"text": "a", "function-x": 1}, "'function-x': got 1, takes no such argument", id="an unknown name like pydantic's own"),
    pytest.param("Memorize", {"text": "a", "": 1}, "'': got 1, takes no such argument", id="an empty unknown name"),
    pytest.param("Memorize", {"text": "a", "metadata": nested(33)}, "metadata: got {\"a\": {\"a\"", id="metadata nested too deep"),
    pytest.param("Memorize", {"text": "a", "\ud800": 1}, "takes an object with text, kind", id="an unknown name with a lone surrogate"),
]  # fmt: skip


@pytest.mark.parametrize(("request_name", "arguments", "says"), BAD)
def test_bad_input_is_refused_by_name(request_name: str, arguments: Any, says: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        checked(getattr(requests, request_name), arguments)

    message = str(refusal.value)
    assert says in message
    assert "\n" not in message
    assert len(message) < 1_000, "a message is one line, however large the input"
    message.encode()  # can be sent


def test_all_wrong_arguments_are_named_together() -> None:
    with pytest.raises(InvalidInput) as refusal:
        checked(requests.Search, {"query": "", "limit": 0, "nonsense": 1})

    for name in ("query: got ''", "limit: got 0", "nonsense: got 1"):
        assert name in str(refusal.value)


def test_the_content_of_what_is_refused_is_cut_to_a_glimpse() -> None:
    with pytest.raises(InvalidInput) as refusal:
        checked(requests.Memorize, {"text": "secret " * 1_000_000})

    assert len(str(refusal.value)) < 300


def test_defaults_are_those_of_the_contract() -> None:
    assert checked(requests.Memorize, {"text": "a"}).kind is Kind.NOTE
    assert checked(requests.Search, {"query": "a"}).limit == 10
    assert checked(requests.Recall, {"query": "a"}).mode == "balanced"
    assert checked(requests.SearchAcrossProjects, {"query": "a"}).order == "score"
    assert checked(requests.Forget, {"ids": [ID]}).dry_run is False


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
_REQUESTS: list[type[BaseModel]] = [
    requests.Memorize,
    requests.MemorizeConversation,
    requests.Search,
    requests.Recall,
    requests.SearchAcrossProjects,
    requests.Update,
    requests.Forget,
    requests.StatsRequest,
    requests.HealthRequest,
]
_names = st.sampled_from(sorted({name for one in _REQUESTS for name in one.model_fields}))


@given(st.sampled_from(_REQUESTS), st.dictionaries(_names | st.text(max_size=10), _json, max_size=6))
def test_any_json_is_either_taken_or_refused_in_one_line_that_can_be_sent(
    request_type: type[requests.Request], arguments: dict[str, Any]
) -> None:
    try:
        taken = checked(request_type, arguments)
    except InvalidInput as refusal:
        assert "\n" not in str(refusal)
        json.dumps(str(refusal)).encode()
    else:
        assert set(taken.model_fields_set) <= set(request_type.model_fields)
