"""`python -m infra.render` starts the driver."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

from tests.standins.render.server import Server
from tests.support.render import serving
from tests.support.render_stack import DOCKER, Stack
from tests.support.serving import clean_environment


def test_the_program_is_the_driver_and_hands_on_its_exit_status() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "infra.render", "status"],
        capture_output=True,
        text=True,
        env=clean_environment(),
        timeout=30,
        check=False,
    )

    assert done.returncode == 2
    assert done.stderr.startswith("python -m infra.render status: no key for Render's API")


def test_pressing_ctrl_c_more_than_once_shows_no_traceback() -> None:
    with serving(Server()) as render:
        Stack(render).add("web", "web_service", DOCKER, repo="https://github.com/example/claude-memory")
        access = {"RENDER_API_KEY": render.key, "RENDER_API_URL": render.url}
        process = subprocess.Popen(
            [sys.executable, "-m", "infra.render", "logs", "--follow"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=clean_environment() | access,
        )
        until_s = time.monotonic() + 30
        while not any(one.path == "/logs/subscribe" for one in render.requests) and time.monotonic() < until_s:
            time.sleep(0.05)
        for _ in range(20):
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
            time.sleep(0.02)
        _, said = process.communicate(timeout=30)

    assert (process.returncode, "Traceback" in said) == (0, False), said
