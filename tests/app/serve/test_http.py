"""The HTTP API: its answers, and that they are what its own document says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import given, settings
from schemathesis import GenerationMode

from tests.app.serve.test_dispatch import Door
from tests.support.serving import Server, serving


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("http") / "data") as server:
        yield server


@pytest.fixture(scope="module")
def api(server: Server) -> schemathesis.BaseSchema:
    return schemathesis.openapi.from_url(f"{server.url}/openapi.json")


OPERATIONS = [
    ("GET", "/health"),
    ("GET", "/ready"),
    ("GET", "/status"),
    ("GET", "/info"),
    ("GET", "/report"),
    ("GET", "/metrics"),
    ("POST", "/test"),
]


def test_every_operation_of_the_document_is_tested(api: schemathesis.BaseSchema) -> None:
    results: Iterator[Any] = api.get_all_operations()
    operations = [one.ok() for one in results]
    found = {(one.method.upper(), one.path) for one in operations}

    assert found == set(OPERATIONS)


@pytest.mark.parametrize(
    ("method", "path", "mode"),
    [(method, path, GenerationMode.POSITIVE) for method, path in OPERATIONS]
    + [("POST", "/test", GenerationMode.NEGATIVE)],  # the others take nothing that could be wrong
)
def test_the_api_is_what_its_document_says(
    api: schemathesis.BaseSchema, method: str, path: str, mode: GenerationMode
) -> None:
    operation = api[path][method]

    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(max_examples=25, deadline=None)
    def holds(case: schemathesis.Case[Any]) -> None:
        case.call_and_validate(timeout=20)

    holds()


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"test_everything": True}, "'test_everything': unknown, takes test_memu_connection, "),
        ({"test_postgres": "yes"}, "test_postgres: got 'yes', takes true or false"),
        ({"test_postgres": 1}, "test_postgres: got 1, takes true or false"),
        ({"test_postgres": None}, "test_postgres: got null, takes true or false"),
        ([], "takes a JSON object"),
        ("{", "not valid JSON"),
        (b"{}", "body: not marked as JSON; send it with Content-Type: application/json"),
    ],
)
async def test_a_wrong_body_is_told_what_it_got_and_what_it_takes(body: object, message: str) -> None:
    door = Door()
    content: dict[str, Any] = {"json": body}
    if isinstance(body, str | bytes):
        content = {"content": body, "headers": {"Content-Type": "application/json"} if body == "{" else {}}
    answer = await door("POST", "/test", **content)

    assert answer.status_code == 422
    error = answer.json()["error"]
    assert error["code"] == "invalid_input"
    assert message in error["message"]


async def test_the_round_trips_asked_for_are_made_and_no_others() -> None:
    answer = await Door()("POST", "/test", json={"test_postgres": True, "test_index": True, "test_embeddings": False})

    assert answer.json() == {
        "ok": False,
        "results": {
            "test_postgres": {"ok": True, "milliseconds": 1.0, "detail": "postgres"},
            "test_index": {"ok": False, "milliseconds": 1.0, "detail": "index"},
        },
    }


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/nowhere", 404), ("DELETE", "/status", 405)])
async def test_errors_have_one_form(method: str, path: str, status: int) -> None:
    answer = await Door()(method, path)

    assert answer.status_code == status
    assert set(answer.json()["error"]) == {"code", "message"}


def test_real_round_trips_tell_which_part_is_there(server: Server) -> None:
    asked = {"test_postgres": True, "test_index": True, "test_memu_connection": True, "test_embeddings": True}
    asked["test_rerank"] = True
    status, _, body = server.request("POST", "/test", asked, {"Content-Type": "application/json"})

    assert status == 200
    assert {name: result["ok"] for name, result in body["results"].items()} == {
        "test_postgres": True,
        "test_index": True,
        "test_memu_connection": False,
        "test_embeddings": False,
        "test_rerank": False,
    }
    assert "MEMU_API_KEY" in body["results"]["test_memu_connection"]["detail"]


def test_the_numbers_are_those_of_the_store(server: Server) -> None:
    server.call("memorize", {"text": "numbers are counted"})

    status, headers, text = server.request("GET", "/metrics")
    assert status == 200
    assert headers["content-type"].startswith("text/plain")
    assert 'claude_memory_requests_total{outcome="ok",tool="memorize"} 1.0' in text
    assert "claude_memory_postgres_up 1.0" in text
    assert 'claude_memory_startup_seconds{step="ready"}' in text
    report = server.request("GET", "/status")[2]
    assert report["requests"]["by_tool"] == {"memorize": {"ok": 1.0}}
