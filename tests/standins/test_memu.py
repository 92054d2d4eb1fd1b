"""The stand-in answers as memU is documented to: the shapes and where they come from are in app/memu/generations.py."""

from __future__ import annotations

import subprocess
import sys
from collections import deque
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.standins.memu import HTML, KEY, Accepted, Misdeed, On, Slow, StandIn, Status, memu_service
from tests.support.serving import ROOT

CONVERSATION = [
    {"role": "system", "content": "Memory capture session"},
    {"role": "user", "content": "I like hiking on weekends"},
    {"role": "assistant", "content": "Noted."},
]
OWNER = {"user_id": "test_user", "agent_id": "test_agent"}
NAMES = {"user_name": "User", "agent_name": "Assistant"}
FILES = {
    "user": OWNER,
    "recall_files": [{"name": "profile", "track": "memory", "description": "d", "content": "# Head\nlikes tea\nhikes"}],
    "resource": [],
}
WITH_TASKS = pytest.mark.parametrize("generation", ["v1", "v2", "v3"])


@pytest.fixture
def service() -> Iterator[StandIn]:
    with memu_service() as service:
        yield service


@pytest.fixture
def http(service: StandIn) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=service.url, headers={"Authorization": f"Bearer {KEY}"}) as client:
        yield client


def memorize(http: httpx.Client, generation: str = "v3", key: str | None = None, **more: Any) -> httpx.Response:
    headers = {"Idempotency-Key": key} if key else {}
    body = {"conversation": CONVERSATION, **OWNER, **NAMES, **more}
    return http.post(f"/api/{generation}/memory/memorize", json=body, headers=headers)


def status(http: httpx.Client, task_id: str, generation: str = "v3") -> httpx.Response:
    return http.get(f"/api/{generation}/memory/memorize/status/{task_id}")


class TestAsDocumented:
    @WITH_TASKS
    def test_a_conversation_becomes_a_task(self, http: httpx.Client, generation: str) -> None:
        begun = memorize(http, generation)
        ended = status(http, begun.json()["task_id"], generation)

        assert begun.status_code == 200
        assert begun.json() == {
            "task_id": "task0001",
            "status": "PENDING",
            "message": "Memorization task registered for user User and agent Assistant",
        }
        assert ended.json() == {"task_id": "task0001", "status": "SUCCESS", "detail_info": ""}

    def test_a_failed_task_says_so_as_was_seen(self, service: StandIn, http: httpx.Client) -> None:
        service.ends = "FAILURE"

        assert status(http, memorize(http).json()["task_id"]).json() == {
            "task_id": "task0001",
            "status": "FAILURE",
            "detail_info": "Failure occurred during activity execution: ActivityError('Activity task failed')",
        }

    def test_v3_takes_a_text_in_an_object_and_a_conversation_as_text(
        self, service: StandIn, http: httpx.Client
    ) -> None:
        dated = {"role": "user", "content": {"text": "in an object"}, "created_at": "2026-11-28 12:00:00"}

        assert memorize(http, conversation=[dated]).status_code == 200
        assert memorize(http, conversation=None, conversation_text="as text").status_code == 200
        assert service.texts == ["in an object", "as text"]

    @pytest.mark.parametrize("generation", ["v1", "v2"])
    def test_v1_and_v2_find_and_list_memories(self, http: httpx.Client, generation: str) -> None:
        memorize(http, generation)
        found = http.post(
            f"/api/{generation}/memory/retrieve/related-memory-items",
            json={**OWNER, "query": "hiking weekends", "top_k": 10, "min_similarity": 0.3},
        ).json()
        path = f"/api/{generation}/memory/retrieve/default-categories"
        listed = http.post(path, json={**OWNER, "want_memory_items": True}).json()
        summed = http.post(path, json={"user_id": "test_user"}).json()

        assert set(found) == {"related_memories", "query", "total_found", "search_params"}
        [related] = found["related_memories"]
        assert related["similarity_score"] == 1
        assert related["memory"]["content"] == "I like hiking on weekends"
        assert set(related["memory"]) == {
            "memory_id",
            "category",
            "content",
            "happened_at",
            "created_at",
            "updated_at",
        }
        [category] = listed["categories"]
        assert listed["total_categories"] == 1
        assert category["memory_items"]["memory_count"] == 3
        assert summed["categories"][0]["memory_items"] is None

    def test_v3_finds_items_and_lists_categories(self, http: httpx.Client) -> None:
        memorize(http)
        found = http.post("/api/v3/memory/retrieve", json={**OWNER, "query": "hiking"}).json()
        listed = http.post("/api/v3/memory/categories", json={"user_id": "test_user"}).json()

        assert set(found) == {"categories", "items", "resources", "next_step_query"}
        assert [item["summary"] for item in found["items"]] == ["I like hiking on weekends"]
        assert set(found["items"][0]) >= {"id", "memory_type", "summary", "score", "created_at"}
        [category] = listed["categories"]
        assert set(category) >= {"name", "description", "summary"}

    def test_v4_keeps_files_by_their_names(self, service: StandIn, http: httpx.Client) -> None:
        kept = http.post("/api/v4/memory", json=FILES).json()
        http.post("/api/v4/memory", json=FILES)
        listed = http.get("/api/v4/memory", params=OWNER).json()
        found = http.post("/api/v4/memory/search", json={**OWNER, "query": "likes tea head"}).json()

        assert [file["name"] for file in kept["recall_files"]] == ["profile"]
        assert kept["resources"] == []
        assert [file["name"] for file in listed["recall_files"]] == ["profile"]
        assert listed["next_cursor"] is None
        assert [segment["text"] for segment in found["segments"]] == ["likes tea"], "a heading is not searched"
        assert [file["content"] for file in found["files"]] == ["# Head\nlikes tea\nhikes"]
        assert found["resources"] == []

    def test_v4_lists_page_by_page(self, http: httpx.Client) -> None:
        for number in range(5):
            file = FILES["recall_files"][0] | {"name": f"f{number}"}  # type: ignore[index]
            http.post("/api/v4/memory", json=FILES | {"recall_files": [file]})
        names: list[str] = []
        cursor: dict[str, str] = {}
        while True:
            page = http.get("/api/v4/memory", params=OWNER | {"limit": "2"} | cursor).json()
            names += [file["name"] for file in page["recall_files"]]
            if page["next_cursor"] is None:
                break
            cursor = {"cursor": page["next_cursor"]}

        assert names == ["f0", "f1", "f2", "f3", "f4"]

    def test_users_and_agents_are_apart(self, http: httpx.Client) -> None:
        memorize(http)
        memorize(http, agent_id="other", conversation=[{"role": "user", "content": "hiking too"}])
        asked = {"query": "hiking", "user_id": "test_user"}

        def found(**more: str) -> int:
            return len(http.post("/api/v3/memory/retrieve", json={**asked, **more}).json()["items"])

        assert (found(agent_id="test_agent"), found(agent_id="other"), found(agent_id="third")) == (1, 1, 0)

    def test_what_is_not_worked_through_is_not_found(self, service: StandIn, http: httpx.Client) -> None:
        service.states = ("PENDING", "PROCESSING")
        task_id = memorize(http).json()["task_id"]
        asked = {**OWNER, "query": "hiking"}

        told = []
        for _ in range(3):
            told.append(status(http, task_id).json()["status"])
            told.append(len(http.post("/api/v3/memory/retrieve", json=asked).json()["items"]))

        assert told == ["PENDING", 0, "PROCESSING", 1, "SUCCESS", 1]


class TestRefusals:
    def test_a_wrong_key_is_refused(self, http: httpx.Client) -> None:
        answer = http.get("/api/v4/memory", params=OWNER, headers={"Authorization": "Bearer wrong"})

        assert (answer.status_code, answer.json()["details"]) == (401, [{"code": "INVALID_API_KEY"}])

    @pytest.mark.parametrize(
        "path", ["/api/v9/memory/memorize", "/api/v4/memory/", "/api/v3/memory/delete", "/api/v4/memory/memorize", "/"]
    )
    def test_what_there_is_not_is_404(self, http: httpx.Client, path: str) -> None:
        assert http.post(path, json={}).status_code == 404

    def test_a_generation_can_be_left_out(self, service: StandIn, http: httpx.Client) -> None:
        service.speaks = ("v4",)

        assert memorize(http).status_code == 404
        assert http.get("/api/v4/memory", params=OWNER).status_code == 200

    @pytest.mark.parametrize(
        "body",
        [
            pytest.param({"user_id": "u", "conversation": CONVERSATION}, id="no agent"),
            pytest.param({**OWNER, "conversation": []}, id="nothing said"),
            pytest.param({**OWNER, "conversation": [{"role": "tool", "content": "x"}]}, id="another role"),
            pytest.param({**OWNER, "conversation": [{"role": "user", "content": 5}]}, id="no text"),
            pytest.param([], id="no object"),
        ],
    )
    def test_a_wrong_body_is_422_as_fastapi_writes_it(self, service: StandIn, http: httpx.Client, body: Any) -> None:
        answer = http.post("/api/v3/memory/memorize", json=body)

        assert answer.status_code == 422
        assert set(answer.json()["detail"][0]) >= {"loc", "msg", "type"}
        assert service.taken == []

    @pytest.mark.parametrize(
        "different",
        [{"user": {"user_id": "u"}}, {"user": OWNER | {"x": 1}}, {"resource": None}, {"recall_files": [{"name": "n"}]}],
    )
    def test_a_wrong_body_of_v4_is_422_as_its_client_reads_it(self, http: httpx.Client, different: Any) -> None:
        answer = http.post("/api/v4/memory", json=FILES | different)

        assert (answer.status_code, answer.json()["details"]) == (422, [{"code": "VALIDATION_ERROR"}])


class TestRepeats:
    def test_the_same_key_and_body_count_once(self, service: StandIn, http: httpx.Client) -> None:
        answers = [memorize(http, key="k").json() for _ in range(3)]

        assert answers == [answers[0]] * 3
        assert (len(service.taken), service.came, service.keys, service.problems) == (1, {"k": 3}, ["k"], [])

    def test_another_body_under_the_same_key_is_an_error_that_is_noted(
        self, service: StandIn, http: httpx.Client
    ) -> None:
        memorize(http, key="k")

        assert memorize(http, key="k", user_name="Ann").status_code == 422
        assert (len(service.taken), service.problems) == (1, ["the key k came with another body"])

    def test_a_service_that_tells_nothing_apart_counts_each(self, service: StandIn, http: httpx.Client) -> None:
        service.dedups = False
        memorize(http, key="k")
        memorize(http, key="k")

        assert (len(service.taken), service.came) == (2, {"k": 2})


class TestTrouble:
    def test_it_comes_in_turn_and_then_all_is_well(self, service: StandIn, http: httpx.Client) -> None:
        service.trouble += [Status(429, retry_after="7"), Status(502, body=HTML), Misdeed.HTML, Accepted(), Slow(0.01)]
        answers = [memorize(http) for _ in range(6)]

        assert [answer.status_code for answer in answers] == [429, 502, 200, 202, 200, 200]
        assert answers[0].headers["Retry-After"] == "7"
        assert KEY in answers[0].text, "some services repeat the key"
        assert answers[1].content == answers[2].content == HTML
        assert len(service.taken) == 3

    def test_it_may_wait_for_a_sort_of_request(self, service: StandIn, http: httpx.Client) -> None:
        service.trouble.append(On("task", Status(500)))
        task_id = memorize(http).json()["task_id"]

        assert [status(http, task_id).status_code for _ in range(2)] == [500, 200]

    def test_it_may_stay(self, service: StandIn, http: httpx.Client) -> None:
        service.always = On("retrieve", Status(503))

        assert memorize(http).status_code == 200
        for _ in range(2):
            assert http.post("/api/v3/memory/retrieve", json={**OWNER, "query": "x"}).status_code == 503

    def test_a_connection_may_close_before_or_after_the_work(self, service: StandIn, http: httpx.Client) -> None:
        service.trouble += [Misdeed.CLOSE, Misdeed.CLOSE_AFTER]

        for taken in (0, 1):
            with pytest.raises(httpx.RemoteProtocolError):
                memorize(http)
            assert len(service.taken) == taken

    def test_it_may_say_nothing(self, service: StandIn, http: httpx.Client) -> None:
        service.trouble.append(Misdeed.HANG)

        with pytest.raises(httpx.ReadTimeout):
            http.get("/api/v4/memory", params=OWNER, timeout=0.05)

    def test_an_answer_may_never_end(self, service: StandIn, http: httpx.Client) -> None:
        service.trouble.append(Misdeed.DRIP)

        with http.stream("GET", "/api/v4/memory", params=OWNER) as answer:
            assert next(answer.iter_bytes()).strip() == b""

    def test_tasks_may_be_forgotten_or_finished(self, service: StandIn, http: httpx.Client) -> None:
        service.states = ("PENDING",) * 99
        one, other = memorize(http).json()["task_id"], memorize(http).json()["task_id"]

        service.finish_tasks()
        assert status(http, one).json()["status"] == "SUCCESS"
        service.forget_tasks()
        assert status(http, other).status_code == 404

    def test_it_may_be_gone_and_come_back_at_the_same_address_with_what_it_holds(
        self, service: StandIn, http: httpx.Client
    ) -> None:
        memorize(http)
        url = service.url

        service.refuse_connections()
        with pytest.raises(httpx.ConnectError):
            memorize(http)
        service.accept_connections()

        assert memorize(http).json()["task_id"] == "task0002"
        assert service.url == url


def test_when_it_ends_nothing_hangs_and_nothing_listens(http: httpx.Client) -> None:
    with memu_service(trouble=deque([Misdeed.HANG])) as hanging, memu_service() as refusing:
        refusing.refuse_connections()
        with pytest.raises(httpx.ReadTimeout):
            http.get(f"{hanging.url}/api/v4/memory", timeout=0.05)

    for service in (hanging, refusing):
        with pytest.raises(httpx.ConnectError):
            http.get(service.url)


def test_by_hand_it_tells_its_address() -> None:
    command = [sys.executable, "-m", "tests.standins.memu", "--key", "mine"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        answer = httpx.get(f"{url}/api/v4/memory", params=OWNER, headers={"Authorization": "Bearer mine"})
    finally:
        process.kill()
        process.communicate()

    assert answer.json() == {"recall_files": [], "next_cursor": None}
