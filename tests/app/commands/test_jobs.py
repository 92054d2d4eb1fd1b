"""`claude-memory jobs` does maintenance when an event asks for it."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import sys
from pathlib import Path

from tests.support.docker import free_port
from tests.support.serving import ROOT
from tests.support.waiting import until


async def test_an_event_maintains_the_database(tmp_path: Path) -> None:
    port = free_port()
    command = [sys.executable, "-m", "app", "jobs", "--port", str(port), "--data-dir", str(tmp_path / "data")]
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, env={**os.environ, "HOME": str(tmp_path)})
    try:
        await until(lambda: _answers(port), "the server listens")
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        connection.request("POST", "/invoke", json.dumps({"payload": "maintain"}))
        response = connection.getresponse()
        assert response.status == 200
        assert json.loads(response.read())["dry_run"] is False
    finally:
        process.terminate()
        await process.wait()


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.connect()
    except OSError:
        return False
    connection.close()
    return True
