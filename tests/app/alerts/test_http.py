"""What the receiver answers, in process: who may come in, what is refused, and never a 500."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from app.alerts.delivery import Delivery
from app.alerts.http import BODY_BYTES, BODY_S, AccessCheck, create_app
from app.alerts.journal import Journal
from app.alerts.message import Message
from app.alerts.outbox import Outbox
from app.alerts.receiver import Receiver
from app.settings.fields import Settings
from app.settings.values import Auth
from tests.support.alerts import FIRING

TOKEN = "made-up-" + "token-of-tests"
BEARER = {"authorization": f"Bearer {TOKEN}"}


class Nowhere:
    """A target nothing is sent to here."""

    name, pause_s = "slack", 0.0

    async def send(self, message: Message) -> None:
        raise AssertionError("no delivery runs in these tests")


Call = Callable[..., Any]


@pytest.fixture
async def client_of(
    journal: Journal, outbox: Outbox, plain_settings: Settings
) -> AsyncIterator[Callable[..., httpx.AsyncClient]]:
    """Make a client of a running receiver with some settings."""
    async with contextlib.AsyncExitStack() as stack:

        def make(base_url: str = "http://127.0.0.1:8081", body_s: float = BODY_S, **given: Any) -> httpx.AsyncClient:
            made = Settings(**(plain_settings.model_dump(exclude_unset=True) | given), _env_file=None)
            receiver = Receiver(journal, outbox, ["slack"], 3_600, lambda: None)
            task = asyncio.create_task(receiver.run())
            stack.callback(task.cancel)
            app = create_app(receiver, [Delivery(Nowhere(), outbox, 1.0)], outbox, AccessCheck.of(made), body_s)
            return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=base_url)

        yield make


@pytest.fixture
async def client(client_of: Call) -> httpx.AsyncClient:
    """A client on loopback, where nobody is asked."""
    made: httpx.AsyncClient = client_of()
    return made


async def test_a_notification_is_taken_and_shown(client: httpx.AsyncClient) -> None:
    answer = await client.post("/webhook", content=FIRING)
    assert (answer.status_code, answer.json()) == (200, {"received": 2, "forwarded": 2})

    report = (await client.get("/alerts")).json()
    assert [entry["labels"]["instance"] for entry in report["alerts"]] == ["app:8081", "app:8080"], "newest first"
    assert report["targets"] == {"slack": {"trouble": None, "waiting": 1}}


async def test_two_posts_at_once_are_both_taken_and_forwarded_once(
    client: httpx.AsyncClient, journal: Journal, outbox: Outbox
) -> None:
    answers = await asyncio.gather(*(client.post("/webhook", content=FIRING) for _ in range(2)))

    assert sorted(answer.json()["forwarded"] for answer in answers) == [0, 2]
    assert len(journal.path.read_text(encoding="utf-8").splitlines()) == 4
    assert outbox.waiting()["slack"][0] == 1


async def test_a_browser_gets_a_page_and_others_json(client: httpx.AsyncClient) -> None:
    await client.post("/webhook", content=FIRING)
    page = await client.get("/alerts", headers={"accept": "text/html,*/*;q=0.8"})

    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "Qdrant &lt;does&gt; not answer" in page.text
    assert (await client.get("/alerts")).headers["content-type"] == "application/json"


async def test_metrics_tell_what_came_and_what_waits(client: httpx.AsyncClient) -> None:
    await client.post("/webhook", content=FIRING)
    families = text_string_to_metric_families((await client.get("/metrics")).text)
    samples = {(one.name, one.labels.get("target")): one.value for family in families for one in family.samples}

    assert samples["claude_memory_alerts_queue_length", "slack"] == 1
    assert 0 <= samples["claude_memory_alerts_queue_age_seconds", "slack"] < 60
    assert samples["claude_memory_alerts_delivery_failing", "slack"] == 0
    assert samples["claude_memory_alerts_received_total", None] >= 0
    assert samples["claude_memory_uptime_seconds", None] > 0


async def test_health_names_what_is_wrong_and_stays_200(
    client: httpx.AsyncClient, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (await client.get("/health")).json()["status"] == "ok"

    def full(entries: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(journal, "append", full)
    refused = await client.post("/webhook", content=FIRING)
    assert (refused.status_code, refused.json()["error"]["code"]) == (507, "storage_full")
    health = await client.get("/health")
    assert health.status_code == 200
    assert health.json()["status"] == "degraded"
    assert "the disk is full" in health.json()["components"]["log"]["detail"]
    assert health.json()["components"]["slack"] == {"status": "ok", "detail": None}


@pytest.mark.parametrize(
    ("method", "path", "content", "status", "says"),
    [
        ("POST", "/webhook", b"{}", 400, "alerts: missing"),
        ("POST", "/webhook", b"x" * (BODY_BYTES + 1), 413, "body: over 4,194,304 bytes"),
        ("GET", "/webhook", b"", 405, "POST /webhook"),
        ("POST", "/alerts", b"{}", 405, "POST /webhook"),
        ("GET", "/", b"", 404, "POST /webhook"),
    ],
)
async def test_what_is_wrong_is_said_in_one_line(
    client: httpx.AsyncClient, method: str, path: str, content: bytes, status: int, says: str
) -> None:
    answer = await client.request(method, path, content=content)

    assert answer.status_code == status
    assert says in answer.json()["error"]["message"]
    assert "\n" not in answer.json()["error"]["message"]


async def test_a_body_that_never_ends_is_not_waited_for(client_of: Call) -> None:
    async def slow() -> AsyncIterator[bytes]:
        yield b'{"alerts":'
        await asyncio.Event().wait()

    answer = await client_of(body_s=0.05).post("/webhook", content=slow())
    assert answer.status_code == 408


async def test_bodies_that_do_not_come_hold_no_place_and_too_many_in_work_are_refused(
    client_of: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.alerts.http.REQUESTS", 1)
    release = asyncio.Event()
    accept = Receiver.accept

    async def held(self: Receiver, *given: Any) -> Any:
        await release.wait()
        return await accept(self, *given)

    async def silent() -> AsyncIterator[bytes]:
        yield b'{"alerts":'
        await release.wait()

    monkeypatch.setattr(Receiver, "accept", held)
    client = client_of()
    waiting = [asyncio.create_task(client.post("/webhook", content=silent())) for _ in range(5)]
    first = asyncio.create_task(client.post("/webhook", content=FIRING))
    await asyncio.sleep(0.1)
    second = await client.post("/webhook", content=FIRING)
    release.set()

    assert (await first).status_code == 200
    assert (second.status_code, second.headers["retry-after"]) == (503, "1")
    await asyncio.gather(*waiting)


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param(BEARER, id="bearer"),
        pytest.param({"authorization": f"bearer  {TOKEN}"}, id="bearer in small letters"),
        pytest.param(
            {"authorization": "Basic " + base64.b64encode(f"anybody:{TOKEN}".encode()).decode()}, id="basic, any user"
        ),
    ],
)
@pytest.mark.parametrize("path", ["/alerts", "/metrics"])
async def test_with_a_token_who_shows_it_comes_in(client_of: Call, headers: dict[str, str], path: str) -> None:
    client = client_of("http://alerts.example.org", alerts_token=TOKEN, alerts_host="0.0.0.0")

    assert (await client.get(path, headers=headers)).status_code == 200
    assert (await client.post("/webhook", content=FIRING, headers=headers)).status_code == 200


@pytest.mark.parametrize(
    "value",
    ["", "Bearer", f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}", f"Token {TOKEN}", TOKEN, "Basic !!!", "Basic \u00e9"]
    + [
        "Basic " + base64.b64encode(one).decode() for one in (TOKEN.encode(), f"{TOKEN}:".encode(), b"a:", b"\xff:\xff")
    ],
)
@pytest.mark.parametrize("path", ["/alerts", "/metrics", "/webhook"])
async def test_with_a_token_nobody_else_does(client_of: Call, value: str, path: str) -> None:
    client = client_of(alerts_token=TOKEN)
    method = "POST" if path == "/webhook" else "GET"
    answer = await client.request(method, path, headers={"authorization": value.encode("latin-1")}, content=FIRING)

    assert answer.status_code == 401
    assert [one.partition(" ")[0] for one in answer.headers.get_list("www-authenticate")] == ["Bearer", "Basic"]
    assert TOKEN not in answer.text
    assert (await client.get("/health")).status_code == 200, "health is free"


async def test_two_tokens_are_none(client_of: Call) -> None:
    headers = [("authorization", BEARER["authorization"])] * 2
    assert (await client_of(alerts_token=TOKEN).get("/alerts", headers=headers)).status_code == 401


async def test_without_a_token_no_web_page_gets_through(client: httpx.AsyncClient) -> None:
    rebound = await client.get("/alerts", headers={"host": "evil.example.org"})
    crossing = await client.post("/webhook", content=FIRING, headers={"origin": "https://evil.example.org"})

    assert (rebound.status_code, crossing.status_code) == (421, 403)


async def test_auth_off_asks_nobody(client_of: Call) -> None:
    client = client_of("http://alerts:8081", alerts_token=TOKEN, alerts_host="0.0.0.0", auth=Auth.OFF)

    assert (await client.get("/alerts", headers={"authorization": "Bearer somebody's"})).status_code == 200


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)
names = st.sampled_from(
    ["status", "labels", "annotations", "startsAt", "endsAt", "generatorURL", "fingerprint", "starts_at"]
)
texts = st.text(max_size=30)
nearly_alerts = st.fixed_dictionaries(
    {"status": st.sampled_from(["firing", "resolved"])},
    optional={
        "labels": st.dictionaries(texts, texts, max_size=3),
        "annotations": st.dictionaries(st.sampled_from(["summary", "runbook_url"]) | texts, texts, max_size=3),
        "generatorURL": texts,
        "fingerprint": texts,
    },
)
notifications = st.fixed_dictionaries(
    {"alerts": st.lists(nearly_alerts | st.dictionaries(names, json_values), max_size=4)},
    optional={"receiver": json_values, "status": json_values},
)
bodies = st.binary(max_size=200) | (json_values | notifications).map(lambda value: json.dumps(value).encode())


@settings(max_examples=200)
@given(bodies)
async def test_no_payload_makes_a_500(client: httpx.AsyncClient, content: bytes) -> None:
    answer = await client.post("/webhook", content=content)

    assert answer.status_code in (200, 400), answer.text
    if answer.status_code == 400:
        assert answer.json()["error"]["code"] == "invalid_input"
        assert len(answer.json()["error"]["message"].splitlines()) == 1
    page = await client.get("/alerts", headers={"accept": "text/html"})
    assert page.status_code == 200
