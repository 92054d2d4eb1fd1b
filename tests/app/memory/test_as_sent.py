"""Arguments as clients send them: every form that can mean only one thing is read as that, and no other is."""

from __future__ import annotations

import json
import logging
from typing import Any, Literal
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import InvalidInput
from app.memory import requests
from app.memory.as_sent import STRANGERS, object_as_meant, texts_as_meant
from app.memory.requests import Request, checked
from app.memory.types import Kind, Order, RecallMode

FIRST, SECOND = str(uuid4()), str(uuid4())
HELLO = {"role": "user", "content": "hello"}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)


class Several(Request):
    """An argument of more than one type, as lines of an export have."""

    agent: Literal[""] | str | None = None


def same(request: type[Request], sent: Any, meant: dict[str, Any]) -> None:
    assert checked(request, sent) == checked(request, meant)


@pytest.mark.parametrize(
    ("sent", "meant"),
    [
        pytest.param('["a", "b"]', ["a", "b"], id="JSON text"),
        pytest.param("a, b", ["a", "b"], id="commas"),
        pytest.param(" a ,, b,", ["a", "b"], id="commas without a name between"),
        pytest.param("a", ["a"], id="one value"),
        pytest.param('"a"', ["a"], id="one value in quotes"),
        pytest.param("['a', \"b's\"]", ["a", "b's"], id="a list as Python writes it"),
        pytest.param("[ 'a' ,'b',]", ["a", "b"], id="the same with spaces, and a comma at the end"),
        pytest.param(json.dumps(json.dumps(["a"])), ["a"], id="JSON text of JSON text"),
        pytest.param(["a", None], ["a"], id="null in a list"),
        pytest.param("[]", [], id="an empty list as text"),
        pytest.param("", [], id="an empty text"),
        pytest.param(None, [], id="null"),
    ],
)
def test_a_list_of_names(sent: Any, meant: list[str]) -> None:
    same(requests.Memorize, {"text": "t", "tags": sent}, {"text": "t", "tags": meant})


@pytest.mark.parametrize(
    "sent",
    [
        *("[a, b]", "[1, 2]", "['a', 5]", "['a' 'b']", "['a'", "['a\\n']", "[", "['a',,'b']"),
        *(5, {"a": 1}, [["a"]], [None], " , "),
        pytest.param("[" + "'a'," * 1_000_000 + "]", id="names as Python writes them, far too many"),
        pytest.param("a," * 1_000_000, id="names with commas, far too many"),
        pytest.param(["a", None] * 1_000_000, id="a list far too long"),
    ],
)
def test_what_is_no_list_of_names_is_refused(sent: Any) -> None:
    with pytest.raises(InvalidInput, match=r"^tags"):
        checked(requests.Memorize, {"text": "t", "tags": sent})


def test_kinds_projects_and_ids_are_lists_too() -> None:
    same(requests.Search, {"query": "q", "kinds": "Note,FACT"}, {"query": "q", "kinds": ["note", "fact"]})
    same(requests.SearchAcrossProjects, {"query": "q", "projects": '["a"]'}, {"query": "q", "projects": ["a"]})
    same(requests.Forget, {"ids": f"{FIRST}, {SECOND}"}, {"ids": [FIRST, SECOND]})


@pytest.mark.parametrize(
    "sent",
    [
        json.dumps([HELLO]),
        [json.dumps(HELLO)],
        HELLO,
        json.dumps(HELLO),
        [{**HELLO, "name": None, "time": "", "id": None, "_meta": {}}],
        [{"role": "user", "content": [{"type": "text", "text": "hello"}]}],
        [{"role": "user", "content": {"type": "text", "text": "hello"}}],
    ],
)
def test_messages(sent: Any) -> None:
    same(requests.MemorizeConversation, {"messages": sent}, {"messages": [HELLO]})


def test_messages_far_too_many_are_refused_unread() -> None:
    with pytest.raises(InvalidInput, match=r"^messages: got '\[\{\}.*… \(1,200,000 characters\), takes 1 to 5,000 m"):
        checked(requests.MemorizeConversation, {"messages": json.dumps([{}] * 300_000)})


def test_several_blocks_of_text_are_one_text_and_other_blocks_are_refused() -> None:
    blocks = [{"type": "text", "text": "one"}, {"type": "text", "text": "two"}]
    same(requests.Memorize, {"text": blocks}, {"text": "one\n\ntwo"})

    with pytest.raises(InvalidInput, match=r"^text"):
        checked(requests.Memorize, {"text": [*blocks, {"type": "image", "data": "…"}]})


@pytest.mark.parametrize("sent", ["5", " 5 ", "5.0", 5.0, '"5"', "+5"])
def test_a_whole_number(sent: Any) -> None:
    same(requests.Search, {"query": "q", "limit": sent}, {"query": "q", "limit": 5})


@pytest.mark.parametrize(
    "sent", [5.5, "5.5", "many", "5 results", "0x5", "1e1", "٥", True, [5], float("inf"), "9" * 400]
)
def test_what_is_no_whole_number_is_refused(sent: Any) -> None:
    with pytest.raises(InvalidInput, match=r"^limit"):
        checked(requests.Search, {"query": "q", "limit": sent})


@pytest.mark.parametrize(("sent", "meant"), [("7", 7), ("0.5", 0.5), (".5", 0.5), (7, 7), (" 7.0", 7)])
def test_a_number(sent: Any, meant: float) -> None:
    same(requests.Memorize, {"text": "t", "expires_in_days": sent}, {"text": "t", "expires_in_days": meant})


@pytest.mark.parametrize(
    ("sent", "meant"),
    [
        ("true", True),
        ("False", False),
        ("TRUE", True),
        ("yes", True),
        ("off", False),
        (1, True),
        (0.0, False),
        ("0", False),
    ],
)
def test_a_truth_value(sent: Any, meant: bool) -> None:
    same(requests.HealthRequest, {"detailed": sent}, {"detailed": meant})


def test_metadata_as_text() -> None:
    same(requests.Memorize, {"text": "t", "metadata": '{"a": [1]}'}, {"text": "t", "metadata": {"a": [1]}})


def test_a_text_stays_as_it_is_however_it_looks() -> None:
    for text in ('["a"]', '{"a": 1}', "5", "true", "null", '"quoted"', "a, b"):
        assert checked(requests.Memorize, {"text": text}).text == text


def test_names_of_choices_in_any_case() -> None:
    assert checked(requests.Memorize, {"text": "t", "kind": " Fact "}).kind is Kind.FACT
    assert checked(requests.Recall, {"query": "q", "mode": "BALANCED"}).mode is RecallMode.BALANCED
    assert checked(requests.SearchAcrossProjects, {"query": "q", "order": "Time"}).order is Order.TIME


def test_null_and_blank_filters_are_not_given() -> None:
    optional = {name: None for name in requests.Search.model_fields if name != "query"}
    same(requests.Search, {"query": "q", **optional}, {"query": "q"})
    blank = dict.fromkeys(("project", "role", "conversation_id", "since", "until", "kinds", "tags"), " ")
    same(requests.Search, {"query": "q", **blank}, {"query": "q"})


@pytest.mark.parametrize("sent", [[], [""], "[]", '[""]'])
def test_a_filter_without_a_name_is_not_given(sent: Any) -> None:
    same(requests.Search, {"query": "q", "kinds": sent, "tags": sent}, {"query": "q"})
    same(requests.SearchAcrossProjects, {"query": "q", "projects": sent}, {"query": "q"})


@pytest.mark.parametrize("sent", ["null", " null ", ["null"]])
def test_null_as_a_text_is_null_where_no_text_is_taken(sent: Any) -> None:
    for name in ("limit", "kinds", "since", "until", "max_tokens"):
        same(requests.Search, {"query": "q", name: sent}, {"query": "q"})
    same(requests.Memorize, {"text": "t", "expires_in_days": sent, "metadata": sent}, {"text": "t"})
    same(requests.HealthRequest, {"detailed": sent}, {})


def test_null_as_a_text_is_a_name_where_names_are_taken() -> None:
    request = checked(requests.Memorize, {"text": "null", "project": "null", "tags": ["null"]})
    assert (request.text, request.project, request.tags) == ("null", "null", ["null"])
    assert checked(requests.SearchAcrossProjects, {"query": "q", "projects": "null"}).projects == ["null"]


def test_an_empty_list_is_an_empty_object() -> None:
    same(requests.Memorize, {"text": "t", "metadata": []}, {"text": "t", "metadata": {}})


def test_all_arguments_in_one() -> None:
    same(requests.Search, {"kwargs": {"query": "q", "limit": "5"}}, {"query": "q", "limit": 5})
    same(requests.Search, {"input": {"query": "q"}, "toolCallId": "call_1"}, {"query": "q"})
    same(requests.Search, {"arguments": '{"query": "q"}'}, {"query": "q"})
    same(requests.Search, '{"kwargs": "{\\"query\\": \\"q\\"}"}', {"query": "q"})
    for unclear in ({"kwargs": {"query": "q"}, "limit": 5}, {"kwargs": "q"}, {"kwargs": [{"query": "q"}]}):
        with pytest.raises(InvalidInput, match=r"kwargs: .* no such argument"):
            checked(requests.Search, unclear)


def test_the_whole_as_text_or_null() -> None:
    same(requests.Search, '{"query": "q", "limit": "5"}', {"query": "q", "limit": 5})
    same(requests.StatsRequest, None, {})
    assert object_as_meant('{"a": 1}') == {"a": 1}
    nothings: list[Any] = [None, [], "", " ", "{}"]
    for nothing in nothings:
        assert object_as_meant(nothing) == {}
    assert object_as_meant("nonsense") == "nonsense"


@pytest.mark.parametrize("name", [*STRANGERS, "_meta", "_anything"])
def test_what_clients_add_is_passed_over_and_noted(name: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, logger="app.memory.as_sent"):
        same(requests.Search, {"query": "q", name: {"any": "thing"}, "toolCallId": "call_1"}, {"query": "q"})
    assert caplog.records


def test_a_session_of_the_client_is_passed_over_where_nothing_is_selected_by_it() -> None:
    same(requests.Search, {"query": "q", "sessionId": "s"}, {"query": "q"})
    assert texts_as_meant({"query": "q", "sessionId": "s"}) == {"query": "q"}


def test_ids_in_quotes_and_lines_in_json_text() -> None:
    same(requests.Update, {"id": f' "{FIRST}" ', "archived": True}, {"id": FIRST, "archived": True})
    messages = '[{"role": "user", "content": "two\nlines"}]'
    same(requests.MemorizeConversation, {"messages": messages}, {"messages": json.loads(messages, strict=False)})


def test_no_name_of_ours_is_a_strangers() -> None:
    ours = {name for request in Request.__subclasses__() for name in request.model_fields}

    assert not ours & STRANGERS.keys()


@pytest.mark.parametrize("name", ["tag", "Tags", "kinds", "expiresInDays", "metaData", "textt"])
def test_our_own_names_misspelt_are_refused(name: str) -> None:
    with pytest.raises(InvalidInput, match=f"^{name}: .* no such argument"):
        checked(requests.Memorize, {"text": "t", name: "x"})


class TestForget:
    """No reading deletes more than the strict one: what narrows a selection is never left out."""

    @pytest.mark.parametrize("name", ["ids", "conversation_id", "before"])
    def test_a_blank_selector_is_refused(self, name: str) -> None:
        with pytest.raises(InvalidInput, match=f"^{name}"):
            checked(requests.Forget, {"project": "p", name: ""})

    @pytest.mark.parametrize("ids", ["[]", [None], "", " , ", "[x]"])
    def test_ids_that_are_none_are_refused(self, ids: Any) -> None:
        with pytest.raises(InvalidInput, match=r"^ids"):
            checked(requests.Forget, {"project": "p", "ids": ids})

    @pytest.mark.parametrize("unclear", ["maybe", 2, "dry", [], "t"])
    def test_an_unclear_dry_run_is_refused(self, unclear: Any) -> None:
        with pytest.raises(InvalidInput, match=r"^dry_run"):
            checked(requests.Forget, {"project": "p", "dry_run": unclear})

    @pytest.mark.parametrize("name", ["older_than", "sessionId", "kwargs"])
    def test_a_selector_of_another_name_is_refused(self, name: str) -> None:
        with pytest.raises(InvalidInput, match=f"^{name}"):
            checked(requests.Forget, {"project": "p", name: "2020-01-01"})

    @pytest.mark.parametrize("name", ["ids", "before", "dry_run"])
    def test_null_as_a_text_is_refused(self, name: str) -> None:
        with pytest.raises(InvalidInput, match=f"^{name}"):
            checked(requests.Forget, {"project": "p", name: "null"})

    @given(st.data())
    def test_nothing_that_is_sent_takes_a_selector_away(self, data: st.DataObject) -> None:
        value = data.draw(JSON.filter(lambda one: one is not None))
        name = data.draw(st.sampled_from(["ids", "conversation_id", "project", "before"]))
        other = "project" if name != "project" else "conversation_id"
        try:
            request = checked(requests.Forget, {other: "x", name: value})
        except InvalidInput:
            return
        assert getattr(request, name) is not None


class TestUpdate:
    """No reading takes anything away that the sender did not clearly give up."""

    @pytest.mark.parametrize("tags", ["", " , ", [None], [None, None]])
    def test_tags_are_not_taken_away_by_what_may_mean_nothing(self, tags: Any) -> None:
        with pytest.raises(InvalidInput, match=r"^tags"):
            checked(requests.Update, {"id": FIRST, "text": "new", "tags": tags})

    @pytest.mark.parametrize("tags", [[], "[]"])
    def test_an_empty_list_takes_all_tags_away(self, tags: Any) -> None:
        assert checked(requests.Update, {"id": FIRST, "tags": tags}).tags == []


NAMES = st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=20)
REQUESTS = st.one_of(
    st.tuples(
        st.just(requests.Memorize),
        st.fixed_dictionaries(
            {"text": NAMES},
            optional={
                "kind": st.sampled_from([str(kind) for kind in Kind]),
                "project": NAMES,
                "tags": st.lists(NAMES, max_size=5),
                "expires_in_days": st.integers(1, 1_000),
                "metadata": st.dictionaries(NAMES, st.integers() | NAMES, max_size=3),
            },
        ),
    ),
    st.tuples(
        st.just(requests.Search),
        st.fixed_dictionaries(
            {"query": NAMES},
            optional={
                "limit": st.integers(1, 100),
                "kinds": st.lists(st.sampled_from([str(kind) for kind in Kind]), max_size=3),
                "tags": st.lists(NAMES, max_size=3),
                "since": st.datetimes().map(lambda moment: moment.isoformat()),
                "max_tokens": st.integers(50, 1_000),
            },
        ),
    ),
    st.tuples(
        st.just(requests.Forget),
        st.fixed_dictionaries(
            {"ids": st.lists(st.uuids().map(str), min_size=1, max_size=3)}, optional={"dry_run": st.booleans()}
        ),
    ),
    st.tuples(
        st.just(requests.MemorizeConversation),
        st.fixed_dictionaries(
            {
                "messages": st.lists(
                    st.fixed_dictionaries({"role": NAMES, "content": NAMES}, optional={"name": NAMES}),
                    min_size=1,
                    max_size=3,
                )
            }
        ),
    ),
)


def _dressings(value: Any) -> st.SearchStrategy[Any]:
    """Return the forms in which clients send a value."""
    forms = [value]
    if isinstance(value, bool):
        forms += [str(value), str(value).lower(), int(value)]
    elif isinstance(value, int):
        forms += [str(value), float(value), f"{value}.0"]
    elif isinstance(value, list | dict):
        forms += [json.dumps(value), json.dumps(value, ensure_ascii=False), json.dumps(json.dumps(value))]
        if value and isinstance(value, list) and all(isinstance(one, str) for one in value):
            forms += [", ".join(value), repr(value), [*value, None]]
    return st.sampled_from(forms)


@given(REQUESTS, st.data())
def test_any_request_in_any_dressing_is_read_as_the_same(
    plain: tuple[type[Request], dict[str, Any]], data: st.DataObject
) -> None:
    request, arguments = plain
    dressed: Any = {name: data.draw(_dressings(value)) for name, value in arguments.items()}
    if data.draw(st.booleans()):
        optional = [name for name, field in request.model_fields.items() if not field.is_required()]
        dressed |= {name: None for name in optional if name not in arguments}
    if data.draw(st.booleans()):
        dressed["toolCallId"] = "call_1"
    if data.draw(st.booleans()):
        dressed = json.dumps(dressed)

    same(request, dressed, arguments)


@given(st.sampled_from(sorted(Request.__subclasses__(), key=lambda one: one.__name__)), st.data())
def test_any_value_is_read_or_refused_by_name(request_type: type[Request], data: st.DataObject) -> None:
    names = st.sampled_from(list(request_type.model_fields)) | st.text(max_size=10)
    arguments = data.draw(st.dictionaries(names, JSON, max_size=5) | JSON)

    try:
        checked(request_type, arguments)
    except InvalidInput as refusal:
        assert str(refusal)


def test_a_prompts_arguments_are_texts() -> None:
    assert texts_as_meant({"subject": 5, "project": None, "_meta": {}, "toolCallId": "x"}) == {"subject": "5"}
    assert texts_as_meant('{"subject": "apples"}') == {"subject": "apples"}
    assert texts_as_meant(None) == {}


def test_what_may_be_of_several_types_stays_as_it_was_sent() -> None:
    same(Several, {"agent": "claude"}, {"agent": "claude"})
    same(Several, {"agent": None}, {})
