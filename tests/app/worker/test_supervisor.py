"""The worker's parent: another worker after a crash, none after an orderly end, and none left behind."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.worker.supervisor import STOP_S, Supervisor
from tests.support.waiting import wait_until

# Each run adds a line to a file, and does what the line's number says.
PROGRAM = """
import os, signal, sys, time
from pathlib import Path
runs = Path(sys.argv[1])
with runs.open("a") as file:
    file.write("run\\n")
act = sys.argv[2].split()[len(runs.read_text().splitlines()) - 1]
if act == "killed":
    os.kill(os.getpid(), signal.SIGKILL)
if act == "deaf":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
if act in ("deaf", "waits"):
    Path(sys.argv[1] + ".up").touch()
    time.sleep(60)
sys.exit(int(act))
"""


@pytest.fixture(autouse=True)
def own_handlers() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def supervise(folder: Path, acts: str, delay_s: float = 0.01, stop_s: float = STOP_S) -> tuple[int, int]:
    """Supervise a program that ends so each time; return (exit status, how often it ran)."""
    runs = folder / "runs"
    status = Supervisor([sys.executable, "-c", PROGRAM, str(runs), acts], delay_s, stop_s=stop_s).run()
    return status, len(runs.read_text().splitlines())


def terminate_when(condition: Path) -> None:
    """Send ourselves SIGTERM as soon as a file is there."""

    def wait() -> None:
        wait_until(condition.exists, f"{condition.name} to be made")
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait, daemon=True).start()


def test_it_starts_again_after_every_crash_and_says_why(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert supervise(tmp_path, "1 killed 0") == (0, 3)
    assert "ended with status 1" in caplog.text
    assert "was killed by SIGKILL" in caplog.text


def test_wrong_settings_twice_in_a_row_end_it(tmp_path: Path) -> None:
    assert supervise(tmp_path, "2 1 2 2 0") == (2, 4)


def test_a_signal_is_passed_on_and_ends_it_in_order(tmp_path: Path) -> None:
    terminate_when(tmp_path / "runs.up")

    assert supervise(tmp_path, "waits") == (0, 1)


def test_a_worker_that_does_not_stop_is_killed(tmp_path: Path) -> None:
    terminate_when(tmp_path / "runs.up")

    assert supervise(tmp_path, "deaf", stop_s=0.1) == (0, 1)


def test_a_signal_ends_the_wait_before_the_next_start(tmp_path: Path) -> None:
    terminate_when(tmp_path / "runs")

    assert supervise(tmp_path, "1", delay_s=60) == (0, 1)
