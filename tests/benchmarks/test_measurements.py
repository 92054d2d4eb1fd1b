"""Each benchmark once, in its smallest size, on real servers."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import psutil
import pytest

from benchmarks import (
    attacks,
    function,
    growth,
    honest,
    hostile,
    latency,
    load,
    memory,
    retrieval,
    soak,
    startup,
    throughput,
)
from benchmarks.chats import Chat, Message, Question
from benchmarks.client import Era, run
from benchmarks.filling import fill
from benchmarks.progress import Steps
from benchmarks.servers import (
    REPOSITORY,
    Running,
    app_server,
    free_port,
    function_server,
    reference_server,
    temporary_folder,
)
from benchmarks.texts import Texts
from infra.aliyun.bundle import mcp_server
from infra.aliyun.bundle.archive import Archive
from infra.aliyun.bundle.build import Bundle
from tests.support.postgres_server import binaries

QUIET = Steps(quiet=True)


@pytest.fixture(scope="module")
def servers() -> Iterator[tuple[Running, Running]]:
    """Our server, with a few memories, and the reference."""
    with ExitStack() as stack:
        folder = stack.enter_context(temporary_folder())
        ours = stack.enter_context(app_server(folder / "data"))
        reference = stack.enter_context(reference_server(folder))
        ours.wait_ready()
        reference.wait_open()
        run(fill(ours.port, Texts(1), 120, QUIET))
        yield ours, reference


def test_startup_takes_the_time_of_every_step(tmp_path: Path) -> None:
    ours, reference = startup.Times(), startup.Times()

    startup.timed(app_server(tmp_path / "first" / "data"), ours, ours=True, make=tmp_path / "first")
    startup.timed(reference_server(tmp_path), reference, ours=False)

    [steps] = zip(ours.port, ours.health, ours.initialize, ours.ready, strict=True)
    assert list(steps) == sorted(steps), "each comes after the one before"
    report = startup.report(startup.Sizes(), ours, ours, reference, ([120.0], [100.0]), [10.0])
    [dev] = [row for row in report.rows if "./dev" in row.what]
    assert (dev.figure, dev.met) == (20, True)


def test_a_functions_start_is_judged_by_its_goals() -> None:
    archive = Archive(path="a.zip", sha256="", crc64="", bytes=59_000_000, unpacked_bytes=150_000_000, files=1)
    times = function.Times(port=[30.0], health=[90.0], sse=[1_600.0], cpu=[800.0], ready=[1_700.0])

    report = function.report(function.Sizes(), (Bundle(archive, None), 900_000), times, "3.12.1")

    assert [row.what for row in report.missed] == ["first SSE event"]
    assert function.report(function.Sizes(), None, function.Times(), "", "no PostgreSQL").skipped == "no PostgreSQL"


def test_a_functions_start_takes_the_time_of_every_step(tmp_path: Path) -> None:
    times = function.Times()
    code = tmp_path / "code"
    code.mkdir()
    (code / "app").symlink_to(REPOSITORY / "app")
    shutil.copy(mcp_server.__file__, code)
    packages = sysconfig.get_path("platlib")
    (code / mcp_server.BUNDLED).symlink_to(packages)

    with function_server(sys.executable, code, tmp_path / "data", 0, AUTH="off") as server:
        function.timed(server, "", times)

    [steps] = zip(times.port, times.health, times.sse, times.ready, strict=True)
    assert list(steps) == sorted(steps), "each comes after the one before"


def test_latency_compares_every_call_with_the_reference(servers: tuple[Running, Running]) -> None:
    ours, reference = servers
    sizes = latency.Sizes(rounds=2, calls=2)

    for era in Era:
        rows = run(latency.compare(ours, reference, Texts(2), 120, era, sizes, QUIET))
        assert [row.what.split(" p50")[0] for row in rows[::2]] == [
            "memorize",
            "search_memory",
            "search_memory, one project",
        ]
        assert all(row.figure > 0 and row.reference for row in rows)


def test_throughput_counts_good_answers_only(servers: tuple[Running, Running]) -> None:
    ours, reference = servers
    mix = {"memorize": 1, "search_memory": 1}

    for era in Era:
        outcome = run(load.load(ours.port, era, mix, 4, 0.2, 7))
        assert outcome.calls > 0
        assert outcome.failed == 0, outcome.first_failure
    wrong = run(load.load(reference.port, Era.MODERN, {"memory_stats": 1}, 1, 0.05, 7))
    assert wrong.calls == 0
    assert wrong.failed > 0, "the reference has no such tool"


def test_throughput_runs_its_generator_in_a_process_of_its_own(servers: tuple[Running, Running]) -> None:
    outcome = throughput.generate(servers[1], "noop", Era.MODERN, 2, 0.1)

    assert outcome.per_second > 0


def test_memory_is_looked_at_while_sessions_are_open(servers: tuple[Running, Running]) -> None:
    held = run(memory.with_sessions(servers[0], memory.Sizes(sessions=3, settle_s=0), Texts(1), QUIET))

    assert held.processes > 1, "PostgreSQL counts"
    assert held.rss > 50


def test_retrieval_finds_the_turn_that_answers(servers: tuple[Running, Running]) -> None:
    said = [("Ann", "I adopted a parrot named Kiwi."), ("Bo", "We moved to Lisbon in spring."), ("Ann", "Nice!")]
    turns = [{"id": f"D1:{number}", "speaker": name, "text": text} for number, (name, text) in enumerate(said, 1)]
    conversation = {
        "conversation": "conv-1",
        "sessions": [{"session": "session_1", "date_time": "1:56 pm on 8 May, 2023", "turns": turns}],
        "questions": [
            {"question": "What is Ann's parrot named?", "category": 4, "evidence": ["D1:1"]},
            {"question": "Where did Bo move?", "category": 5, "evidence": ["D1:2"]},
            {"question": "Who is there?", "category": 1, "evidence": []},
        ],
    }

    found = run(retrieval.recalls(servers[0], [conversation], retrieval.Sizes(), QUIET, whole=False))

    assert (found.turns, found.categories) == (3, [4]), "category 5 and questions without evidence are not asked"
    assert found.at_5 == found.in_context == [1.0]


def test_recall_is_the_part_of_the_evidence_that_was_found() -> None:
    assert retrieval.recall(["a", "b"], ["b", "c"]) == 0.5


def test_questions_in_chinese_are_answered_from_talks_and_notes(servers: tuple[Running, Running]) -> None:
    talk = [Message("c:1", "user", "陈思雨", "我的猫叫年糕", None), Message("c:2", "user", "周浩", "我养过乌龟", None)]
    note = Message("n1", None, None, "冷氣的保固到 2027 年", None)
    asked = [Question("猫叫什么？", frozenset({"c:1"}), ""), Question("冷气保固到哪年？", frozenset({"n1"}), "")]

    found = run(retrieval.chinese_recalls(servers[0], Chat("chats", [talk, [note]], asked), QUIET))

    assert found == [(1.0, 1.0, 1.0)] * 2
    assert [row.what for row in retrieval.chinese_rows(found)] == [f"Chinese: R@{k}, 2 questions" for k in (3, 5, 10)]


def test_without_locomo_retrieval_says_so_and_asks_in_chinese(tmp_path: Path) -> None:
    report = retrieval.measure(retrieval.Sizes(data=tmp_path / "dev.json"), QUIET)

    assert len(report.rows) == 3
    assert "dev.json does not exist" in report.notes[0]


def test_nothing_is_left_of_a_server_whose_measurement_failed() -> None:
    processes: list[psutil.Process] = []
    with suppress(KeyboardInterrupt), temporary_folder() as folder, app_server(folder / "data") as server:
        server.wait_ready()
        processes = server.tree()
        raise KeyboardInterrupt

    assert len(processes) > 1
    assert not [process for process in processes if process.is_running()]
    assert not folder.exists()


def test_a_free_port_is_none_the_kernel_gives_to_clients() -> None:
    assert 20_000 <= free_port() < 30_000


def test_the_load_generator_explains_itself() -> None:
    done = subprocess.run([sys.executable, "-m", "benchmarks.load", "--help"], capture_output=True, text=True)

    assert "memorize:1,search_memory:1" in done.stdout


@pytest.mark.skipif(binaries() is None, reason="needs Debian's postgresql-15")
def test_growth_looks_at_a_server_after_each_size() -> None:
    report = growth.measure(growth.Sizes(totals=(20, 40), each=10, calls=3), QUIET)

    assert [row.what for row in report.rows[:2]] == ["20: stored in batches", "20: from start to searchable"]
    assert len(report.rows) == 16
    assert all(row.figure > 0 for row in report.rows)


def test_honest_users_are_served_beside_connections_of_every_hostile_kind(servers: tuple[Running, Running]) -> None:
    ours, _ = servers
    data = ours.log.parent / "data"
    seen = soak.Seen(ours)
    seen.look()

    async def both() -> tuple[honest.Tally, dict[str, int]]:
        users = honest.use(honest.Server(ours.port, data, ("", "")), 2.0, 1)
        return await asyncio.gather(users, hostile.attack(ours.port, [""], len(attacks.KINDS), 2.0))

    tally, lives = asyncio.run(both())
    seen.settle(0.0)
    seen.read_log(0)

    assert set(lives) == {kind.__name__ for kind in attacks.KINDS}
    assert set(tally.took_ms) == {"/mcp", "/sse", "stdio"}
    rows = {row.what: row for row in soak.rows(tally, tally, seen)}
    assert rows["failed calls of honest users"].met, tally.failures
    assert rows["tracebacks in the log"].met, seen.kinds
