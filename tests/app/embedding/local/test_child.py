"""The process that runs a model: how much of the processor it takes, and that it ends with its parent."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from app.embedding.local.child import SHARE, quota, rest_s
from app.embedding.local.folder import LocalModel
from app.embedding.local.process import ModelProcess
from tests.support.local_model import PROGRAM, starts
from tests.support.waiting import wait_until

_PARENT = """
import asyncio, sys
from pathlib import Path
sys.path.insert(0, {root!r})
from app.embedding.local.process import ModelProcess
from tests.support.local_model import PROGRAM, kept
asyncio.run(ModelProcess(kept(Path(sys.argv[1])), "passage", program=PROGRAM).vector(b"HANG"))
"""


@pytest.mark.parametrize(("cpus", "rest"), [(8.0, 1.0), (1.0, 1.0), (0.5, 3.0), (0.1, 19.0)])
def test_work_takes_half_of_a_processor_or_of_what_a_container_has(cpus: float, rest: float) -> None:
    assert SHARE == 0.5
    assert rest_s(1.0, cpus) == pytest.approx(rest)


@pytest.mark.parametrize(
    ("content", "expected"),
    [("50000 100000\n", 0.5), ("max 100000\n", None), ("", None), ("1 0", None), (None, None)],
)
def test_a_containers_limit_is_read(tmp_path: Path, content: str | None, expected: float | None) -> None:
    file = tmp_path / "cpu.max"
    if content is not None:
        file.write_text(content)

    assert quota(file) == (os.cpu_count() if expected is None else expected)


def test_memories_get_what_others_leave_and_questions_a_little_less_than_the_server(local: LocalModel) -> None:
    async def priorities() -> dict[str, tuple[int, int]]:
        found = {}
        for kind in ("query", "passage"):
            process = ModelProcess(local, kind, program=PROGRAM)
            await process.vector(b"text")
            assert process.pid is not None
            found[kind] = (psutil.Process(process.pid).nice(), os.sched_getscheduler(process.pid))
            place = Path("/proc", str(process.pid))
            assert (place / "oom_score_adj").read_text() == "600\n", "when memory runs out, it goes before the server"
            if (place / "autogroup").exists():
                assert (place / "autogroup").read_text().endswith("nice 0\n" if kind == "query" else "nice 10\n")
            await process.close()
        return found

    own = os.nice(0)
    assert asyncio.run(priorities()) == {
        "query": (min(19, own + 5), os.SCHED_OTHER),
        "passage": (19, os.SCHED_IDLE),
    }


def test_killed_with_its_parent_it_ends_even_while_it_computes(tmp_path: Path, local: LocalModel) -> None:
    code = _PARENT.format(root=str(PROGRAM.parents[2]))
    with subprocess.Popen([sys.executable, "-c", code, str(tmp_path)]) as parent:
        wait_until(lambda: starts(local), "its start")
        wait_until(lambda: (local.folder / "texts").exists(), "the text")
        [(_, pid)] = starts(local)
        assert psutil.pid_exists(pid)
        parent.kill()

    wait_until(lambda: not psutil.pid_exists(pid), "its end")
