"""The HTTP of a process that answers no calls."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from app.http.observation import observed
from app.process.listening import CannotListen


class Process:
    """A process under observation."""

    ready = True

    def health(self) -> dict[str, object]:
        return {"status": "ok"}

    def is_ready(self) -> bool:
        return self.ready

    def text(self) -> bytes:
        return b"up 1\n"


@pytest.fixture
def process() -> Process:
    return Process()


@pytest.fixture
async def http(process: Process) -> AsyncIterator[httpx.AsyncClient]:
    async with (
        observed("127.0.0.1", 0, process.health, process.is_ready, process.text) as port,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client,
    ):
        yield client


async def test_health_is_always_200_and_ready_says_whether_it_is(process: Process, http: httpx.AsyncClient) -> None:
    for ready, status in ((True, 200), (False, 503)):
        process.ready = ready
        assert (await http.get("/health")).status_code == 200
        answer = await http.get("/ready")
        assert (answer.status_code, answer.json()) == (status, {"status": "ok"})


async def test_metrics_are_text(http: httpx.AsyncClient) -> None:
    answer = await http.get("/metrics")

    assert answer.text == "up 1\n"
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")


@pytest.mark.parametrize("path", ["/health", "/ready", "/metrics"])
async def test_head_has_the_length_and_no_body(http: httpx.AsyncClient, path: str) -> None:
    answer = await http.head(path)

    assert answer.content == b""
    assert int(answer.headers["content-length"]) > 0


async def test_everything_else_is_refused(http: httpx.AsyncClient) -> None:
    assert (await http.get("/mcp")).json()["error"]["code"] == "not_found"
    assert (await http.post("/health")).json()["error"]["code"] == "wrong_method"


async def test_a_taken_port_is_said_so(process: Process, http: httpx.AsyncClient) -> None:
    port = http.base_url.port
    assert port is not None
    with pytest.raises(CannotListen, match=str(port)):
        async with observed("127.0.0.1", port, process.health, process.is_ready, process.text):
            pass


async def test_the_end_does_not_wait_for_a_client(process: Process) -> None:
    async with observed("127.0.0.1", 0, process.health, process.is_ready, process.text) as port:
        client = httpx.AsyncClient()
        await client.get(f"http://127.0.0.1:{port}/health")  # its connection stays open
    with pytest.raises(httpx.ConnectError):
        await httpx.AsyncClient().get(f"http://127.0.0.1:{port}/health")
    await client.aclose()
