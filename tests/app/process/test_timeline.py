"""When each step of a start was done."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

from app.process import timeline
from app.process.timeline import Timeline
from tests.support.serving import ROOT


def test_steps_are_counted_from_the_making_of_the_process() -> None:
    code = "import time; time.sleep(0.2)\nfrom app.process.timeline import Timeline\nprint(Timeline().mark('a step'))"
    began = time.monotonic()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    took_ms = (time.monotonic() - began) * 1_000

    assert 200 <= float(done.stdout) <= took_ms + 20, "the clock of the kernel has steps of 10 ms"


def test_a_step_is_kept_by_its_name() -> None:
    steps = Timeline()
    first, second = steps.mark("first"), steps.mark("second")

    assert steps.steps == {"first": first, "second": second}
    assert first <= second <= steps.uptime_s * 1_000 + 1


def test_where_the_system_does_not_tell_it_is_since_the_import(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_proc(*arguments: object, **more: object) -> None:
        raise OSError

    monkeypatch.setattr("builtins.open", no_proc)
    made = Timeline()
    monkeypatch.undo()

    assert made.began == timeline._IMPORTED
