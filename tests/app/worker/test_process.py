"""Workers as processes on a PostgreSQL server: one leads, another follows it, and none is left behind."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from pydantic import SecretStr

from app.runtime.leader import FEEDER_LOCK
from app.settings.fields import Settings
from app.store.database import Database
from app.store.postgres import PostgresStore
from app.worker import process
from tests.standins.embeddings import embedding_service
from tests.support.pooler import refusing_pooler
from tests.support.postgres_server import PostgresServer
from tests.support.rows import add_note
from tests.support.serving import clean_environment, serving
from tests.support.waiting import until


class WorkerProcess:
    """A supervised worker with a port for its health."""

    def __init__(self, folder: Path, url: str, *arguments: str, **environment: str) -> None:
        folder.mkdir(exist_ok=True)
        self._log = folder / f"worker-{id(self)}.log"
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        environment = {
            "DATABASE_URL": url,
            "METRICS_PORT": str(self.port),
            "WORKER_RESTART_DELAY": "0.1",
            **environment,
        }
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-m", "app", "worker", *arguments],
                stdout=log,
                stderr=log,
                cwd=folder,
                env=clean_environment(**environment),
            )

    @property
    def log(self) -> str:
        return self._log.read_text(encoding="utf-8")

    def get(self, path: str) -> tuple[int, str]:
        """Return (status, body); (0, "") when nobody answers."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read().decode()
        except OSError:
            return 0, ""
        finally:
            connection.close()

    def is_ready(self) -> bool:
        assert self.process.poll() is None, self.log
        return self.get("/ready")[0] == 200

    def leads(self) -> bool:
        return "claude_memory_worker_leader 1.0" in self.get("/metrics")[1]

    def child(self) -> psutil.Process:
        return psutil.Process(self.process.pid).children()[0]

    def health(self) -> dict[str, Any]:
        body: dict[str, Any] = json.loads(self.get("/health")[1])
        return body

    def end(self) -> None:
        family = [psutil.Process(self.process.pid)] if self.process.poll() is None else []
        family += [child for one in family for child in one.children(recursive=True)]
        for one in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                one.kill()
        self.process.wait(20)


@pytest.fixture
def workers(run_folder: Path, request: pytest.FixtureRequest) -> Iterator[Any]:
    """Starts workers that end with the test."""
    begun: list[WorkerProcess] = []

    def begin(*given: str, **environment: str) -> WorkerProcess:
        begun.append(WorkerProcess(run_folder / "workers", *given, **environment))
        return begun[-1]

    yield begin
    for worker in begun:
        worker.end()


async def test_one_leads_and_when_it_dies_another_follows(workers: Any, server_url: str) -> None:
    first = workers(server_url, WORKER_RESTART_DELAY="5")  # or it may be back before the second has noticed
    await until(first.leads, "the first leads")
    second = workers(server_url)
    await until(second.is_ready, "the second is ready")
    assert not second.leads()
    assert second.health()["components"]["worker"]["detail"] == "stands by"

    first.child().kill()

    await until(second.leads, "the second leads")
    await until(first.is_ready, "the first has started again")
    assert "was killed by SIGKILL" in first.log
    assert not first.leads()


async def test_doctor_and_status_tell_whether_a_worker_leads_and_of_the_last_backup(
    workers: Any, server_url: str, tmp_path: Path
) -> None:
    def asked(*command: str) -> str:
        arguments = [sys.executable, "-m", "app", *command, "--data-dir", str(tmp_path / "data")]
        environment = clean_environment(DATABASE_URL=server_url, HOME=str(tmp_path))
        done = subprocess.run(arguments, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=100)
        return done.stdout + done.stderr

    with serving(tmp_path / "data", DATABASE_URL=server_url) as server:
        await asyncio.to_thread(server.call, "memorize", {"text": "worth keeping"})
        without, status = await asyncio.to_thread(asked, "doctor"), await asyncio.to_thread(asked, "status")
        for words in ("none leads", "none was ever made", "claude-memory worker", "set BACKUP_TO"):
            assert words in without
            assert words in status
        await asyncio.to_thread(asked, "backup", "one.tar")
        worker = workers(server_url)
        await until(worker.leads, "the worker leads")
        status = await asyncio.to_thread(asked, "status")

    assert "one leads" in status
    assert "UTC, 0.0 hours ago" in status
    alone = json.loads(await asyncio.to_thread(asked, "doctor", "--json"))
    found = {check["name"]: check for check in alone["checks"]}
    assert (found["worker"]["state"], found["worker"]["found"]) == ("ok", "one leads")
    assert found["last backup"]["state"] == "ok"


async def test_it_keeps_house(workers: Any, server_url: str, alice: Any) -> None:
    worker = workers(server_url)
    await until(worker.is_ready, "it is ready")
    database = Database({"dsn": server_url})
    await database.open()
    try:
        await add_note(PostgresStore(database), alice, "to be counted")

        async def folded() -> bool:
            async with database.as_service() as connection:
                return bool(await connection.fetchval("select exists (select from term_counts)"))

        await until(folded, "the worker counts terms")
    finally:
        await database.close()
    assert 'claude_memory_job_last_success_timestamp_seconds{task="term_counts"}' in worker.get("/metrics")[1]


async def test_it_gives_memories_their_vectors(workers: Any, server_url: str, alice: Any) -> None:
    with embedding_service(most_texts=64) as service:
        worker = workers(
            server_url,
            EMBEDDING_MODEL=service.model,
            EMBEDDING_BASE_URL=service.url,
            EMBEDDING_API_KEY=service.key,
        )
        await until(worker.is_ready, "it is ready")
        database = Database({"dsn": server_url})
        await database.open()
        try:
            await add_note(PostgresStore(database), alice, "to be embedded")

            async def embedded() -> bool:
                async with database.as_service() as connection:
                    return bool(await connection.fetchval("select exists (select from embeddings)"))

            await until(embedded, "the worker embeds")
        finally:
            await database.close()
        assert service.texts == ["to be embedded"]
        assert worker.health()["components"]["embeddings"] == {"status": "ok", "detail": None}
        assert "claude_memory_embeddings_up 1.0" in worker.get("/metrics")[1]


async def test_it_stops_in_order_and_leaves_nobody(workers: Any, server_url: str) -> None:
    worker = workers(server_url)
    await until(worker.is_ready, "it is ready")
    child = worker.child()

    worker.process.terminate()

    assert await asyncio.to_thread(worker.process.wait, 20) == 0
    assert not child.is_running()
    assert "Traceback" not in worker.log


async def test_a_misspelt_setting_is_said_once(workers: Any, server_url: str) -> None:
    worker = workers(server_url, EMBEDING_MODEL="x")
    await until(worker.is_ready, "it is ready")

    assert worker.log.count("EMBEDING_MODEL (EMBEDDING_MODEL?)") == 1


async def test_a_worker_whose_parent_is_killed_goes_too(workers: Any, server_url: str) -> None:
    worker = workers(server_url)
    await until(worker.is_ready, "it is ready")
    child = worker.child()

    worker.process.send_signal(signal.SIGKILL)

    await until(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE, "the worker is gone")


async def test_a_pooler_that_refuses_ends_it(workers: Any) -> None:
    with refusing_pooler("no such database: d") as (url, _):
        worker = workers(url)
        await until(lambda: worker.process.poll() is not None, "it gives up")

    assert worker.process.returncode == 2
    assert "trying again" not in worker.log
    assert "refused the connection: no such database: d; check DATABASE_URL" in worker.log


async def test_it_waits_for_a_server_and_goes_on_after_an_outage(
    workers: Any, own_postgres_server: PostgresServer
) -> None:
    own_postgres_server.stop()
    worker = workers(own_postgres_server.url())
    await until(lambda: "trying again" in worker.log, "it says that it waits")
    assert worker.get("/ready")[0] == 503
    own_postgres_server.start()
    await until(worker.leads, "it leads")

    own_postgres_server.kill()
    await until(lambda: worker.health()["status"] == "degraded", "it notices")
    assert not worker.leads()
    own_postgres_server.start()

    await until(worker.leads, "it leads again")
    assert "was killed" not in worker.log


async def test_a_package_app_where_it_is_started_is_not_taken_for_ours(
    workers: Any, server_url: str, run_folder: Path
) -> None:
    wrong = run_folder / "workers" / "app"
    wrong.mkdir(parents=True)
    (wrong / "__init__.py").write_text("raise SystemExit('the wrong one')")
    try:
        worker = workers(server_url)
        await until(worker.is_ready, "it works")
    finally:
        shutil.rmtree(wrong)


def test_without_a_database_server_there_is_nothing_to_do(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "app", "worker"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=clean_environment(),
        timeout=60,
        check=False,
    )

    assert done.returncode == 2
    assert done.stderr.startswith("claude-memory: 1 wrong setting: DATABASE_URL is not set")


async def test_a_platform_that_shows_logs_alone_gets_a_status_line(
    server_url: str, plain_settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    settings = plain_settings.model_copy(update={"database_url": SecretStr(server_url)})

    working = asyncio.create_task(process.Worker(settings, status_lines=True, status_every_s=0.0).run())
    await until(lambda: "worker ok (leads)" in caplog.text, "the line says that it leads")
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)

    line = next(record.message for record in caplog.records if record.message.startswith("status: "))
    assert "postgres ok" in line
    assert "failed jobs" in line


async def test_a_worker_without_a_qdrant_server_leaves_the_feeding_to_who_has_one(
    server_url: str, plain_settings: Settings
) -> None:
    settings = plain_settings.model_copy(update={"database_url": SecretStr(server_url)})
    worker = process.Worker(settings, status_lines=False)
    working = asyncio.create_task(worker.run())
    other = Database({"dsn": server_url}, watched=True)
    await other.open()
    try:
        await until(lambda: any(one.detail == "leads" for one in worker.components()), "the worker leads")
        feeding = other.lock(FEEDER_LOCK)
        await until(lambda: feeding.held, "another process may feed")
    finally:
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
        await other.close()


def test_backups_are_made_and_verified_on_schedules_of_their_own(plain_settings: Settings, database: Database) -> None:
    def names(**settings: Any) -> set[str]:
        return {one.name for one in process.schedules_of(plain_settings.model_copy(update=settings), database)}

    assert names(backup_to="s3://bucket/nightly") == {"maintenance", "backup", "verification"}
    assert names(backup_to="s3://bucket/nightly", backup_verify_schedule="off") == {"maintenance", "backup"}
    assert names() == {"maintenance"}
