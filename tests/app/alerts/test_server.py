"""The receiver as a process: start, stop, kill, what it imports, what it logs."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import os
import re
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.settings.fields import Settings
from tests.standins import chat
from tests.standins.chat import SECRET, ChatRoom
from tests.standins.smtp import MailServer
from tests.support.alert_server import AlertServer
from tests.support.alerts import FIRING, ONE_RESOLVED, alert, body
from tests.support.serving import ROOT, clean_environment
from tests.support.waiting import wait_until


@contextlib.contextmanager
def receiving(data_dir: Path, *arguments: str, **environment: Any) -> Iterator[AlertServer]:
    """Run a receiver as long as the block lasts."""
    server = AlertServer(data_dir, *arguments, **environment)
    try:
        assert server.first_line.startswith("listening on http://127.0.0.1:"), server.log
        yield server
    finally:
        server.end()


def refused(data_dir: Path, *arguments: str, **environment: str) -> tuple[int, str, str]:
    """Run a receiver that ends by itself; return (exit status, stdout, stderr)."""
    done = subprocess.run(
        [sys.executable, "-m", "app", "alerts", "--data-dir", str(data_dir), *arguments],
        capture_output=True,
        text=True,
        cwd=data_dir.parent,
        env=clean_environment(**environment),
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def names(calls: list[chat.Call]) -> list[str]:
    """Return the names of all alerts in webhook calls."""
    return [one["labels"]["alertname"] for call in calls for one in call.json["alerts"]]


def test_an_alert_goes_from_alertmanager_to_every_chat_room(tmp_path: Path) -> None:
    with ChatRoom(chat.dingtalk) as dingtalk, ChatRoom(chat.feishu) as feishu, ChatRoom(chat.slack) as slack:
        environment = {
            "ALERTS_DINGTALK_URL": dingtalk.url,
            "ALERTS_DINGTALK_SECRET": SECRET,
            "ALERTS_FEISHU_URL": feishu.url,
            "ALERTS_FEISHU_SECRET": SECRET,
            "ALERTS_SLACK_URL": slack.url,
        }
        with receiving(tmp_path / "data", **environment) as server:
            assert server.post(FIRING) == (200, {"received": 2, "forwarded": 2})
            assert server.post(ONE_RESOLVED) == (200, {"received": 2, "forwarded": 1})
            for room in (dingtalk, feishu, slack):
                wait_until(lambda room=room: b"RESOLVED" in b"".join(call.body for call in room.taken), "both messages")
            assert server.request("GET", "/health")[2]["status"] == "ok"
            assert server.stop() == 0

    assert [entry["repeated"] for entry in server.logged()] == [False, False, False, True]
    for secret in (SECRET, "k" * 32, "access_token"):
        assert secret not in server.log


async def test_an_alert_becomes_a_mail(tmp_path: Path) -> None:
    def receive() -> None:
        environment = {
            "ALERTS_SMTP_HOST": "127.0.0.1",
            "ALERTS_SMTP_PORT": str(mail.port),
            "ALERTS_SMTP_SECURITY": "off",
            "ALERTS_EMAIL_FROM": "memory@example.org",
            "ALERTS_EMAIL_TO": "ops@example.org,boss@example.org",
        }
        with receiving(tmp_path / "data", **environment) as server:
            server.post(FIRING)
            wait_until(lambda: mail.taken, "the mail")

    async with MailServer() as mail:
        await asyncio.to_thread(receive)
    assert [(one.recipients, one.message["subject"]) for one in mail.taken] == [
        (["ops@example.org", "boss@example.org"], "[FIRING 2] ClaudeMemoryQdrantDown")
    ]


def test_the_page_about_it_names_what_there_is(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "alerts.md").read_text(encoding="utf-8")
    with receiving(tmp_path / "data") as server:
        server.post(FIRING)
    known = {name.upper() for name in Settings.model_fields}
    named = {name.removesuffix("_FILE") for name in re.findall(r"\bALERTS_[A-Z_]+\b", page)}
    fields = page.partition("`ALERTS_LOG_FILES`): ")[2].partition(".")[0]

    assert named <= known
    assert re.findall(r"`(\w+)`", fields) == list(server.logged()[0])


def test_a_misspelt_setting_is_said_at_the_start(tmp_path: Path) -> None:
    with receiving(tmp_path / "data", ALERT_SLACK_URL="http://elsewhere") as server:
        assert "set, but unused: ALERT_SLACK_URL (ALERTS_SLACK_URL?)" in server.log


def test_its_files_are_its_owners_alone_and_beside_the_memory(tmp_path: Path) -> None:
    with receiving(tmp_path / "data") as server:
        server.post(FIRING)
        files = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "data" / "alerts").iterdir()}

    assert files.pop("lock") == 0o644, "it holds a pid and the address"
    assert {"alerts.jsonl", "outbox.sqlite3"} <= files.keys()
    assert set(files.values()) == {0o600}
    assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o700


def test_a_kill_in_the_middle_loses_no_alert(tmp_path: Path) -> None:
    """Two senders, a slow room, three kills: what was answered 200 is in the log and reaches the room."""
    answered: list[str] = []
    with ChatRoom(chat.webhook) as room:
        for turn in range(3):
            room.opened.clear()
            with receiving(tmp_path / "data", ALERTS_WEBHOOK_URL=room.url) as server:
                senders = [
                    threading.Thread(target=send_until_it_dies, args=(server, f"{turn}-{n}", answered))
                    for n in range(2)
                ]
                for sender in senders:
                    sender.start()
                already = len(answered)
                wait_until(lambda already=already: len(answered) >= already + 20, "some answers")
                room.opened.set()  # deliveries go on, and more alerts come
                wait_until(lambda already=already: len(answered) >= already + 40, "more answers")
                os.kill(server.process.pid, signal.SIGKILL)
                for sender in senders:
                    sender.join()
        with receiving(tmp_path / "data", ALERTS_WEBHOOK_URL=room.url) as server:
            wait_until(lambda: set(answered) <= set(names(room.taken)), "every answered alert in the room")
            logged = {entry["labels"]["alertname"] for entry in server.logged()}

    assert len(answered) >= 120
    assert set(answered) <= logged
    for who in {name.rpartition("-")[0] for name in answered}:
        got = list(dict.fromkeys(name for name in names(room.taken) if name.rpartition("-")[0] == who))
        assert got == sorted(got, key=lambda name: int(name.rpartition("-")[2])), "in the order they came"


def send_until_it_dies(server: AlertServer, sender: str, answered: list[str]) -> None:
    for number in range(100_000):
        name = f"{sender}-{number}"
        try:
            status, _ = server.post(body(alert(name)))
        except (OSError, http.client.HTTPException):
            return
        assert status == 200
        answered.append(name)


def test_after_a_restart_repeated_alerts_are_known(tmp_path: Path) -> None:
    with ChatRoom(chat.webhook) as room:
        for forwarded in (2, 0):
            with receiving(tmp_path / "data", ALERTS_WEBHOOK_URL=room.url) as server:
                assert server.post(FIRING) == (200, {"received": 2, "forwarded": forwarded})
                wait_until(lambda: room.taken, "the message")
                wait_until(
                    lambda server=server: server.request("GET", "/alerts")[2]["targets"]["webhook"]["waiting"] == 0, ""
                )
                assert server.stop() == 0
    assert len(names(room.taken)) == 2


def test_what_waits_when_it_is_stopped_is_delivered_by_the_next(tmp_path: Path) -> None:
    with ChatRoom(chat.webhook) as room:
        room.opened.clear()
        with receiving(tmp_path / "data", ALERTS_WEBHOOK_URL=room.url) as server:
            server.post(FIRING)
            assert server.stop() == 0
        room.opened.set()
        with receiving(tmp_path / "data", ALERTS_WEBHOOK_URL=room.url):
            wait_until(lambda: "ClaudeMemoryQdrantDown" in names(room.taken), "the message")


def test_a_stop_finishes_the_request_it_has(tmp_path: Path) -> None:
    with receiving(tmp_path / "data") as server:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
        connection.putrequest("POST", "/webhook")
        connection.putheader("Content-Length", str(len(FIRING)))
        connection.endheaders(FIRING[:100])
        server.process.send_signal(signal.SIGTERM)
        wait_until(lambda: "stopping" in server.log, "the signal")
        connection.send(FIRING[100:])
        answer = connection.getresponse()
        assert (answer.status, answer.read()) == (200, b'{"received":2,"forwarded":2}')
        connection.close()
        assert server.process.wait(30) == 0
        assert len(server.logged()) == 2


def test_a_target_that_is_no_longer_set_is_told_and_forgotten(tmp_path: Path) -> None:
    with receiving(tmp_path / "data", ALERTS_WEBHOOK_URL="http://127.0.0.1:1/secret-path") as server:
        server.post(FIRING)
        wait_until(lambda: server.request("GET", "/health")[2]["status"] == "degraded", "a failed delivery")
        failing = 'claude_memory_alerts_delivery_failing{target="webhook"} 1.0'
        assert failing in server.request("GET", "/metrics")[2]
        server.stop()
    assert "secret-path" not in server.log
    with receiving(tmp_path / "data") as server:
        assert 'deliveries_total{outcome="given_up",target="webhook"} 1.0' in server.request("GET", "/metrics")[2]
        assert "1 message waited for webhook, which is no longer set" in server.log


@pytest.mark.parametrize(
    ("arguments", "environment", "status", "says"),
    [
        (("--host", "0.0.0.0"), {}, 1, "set ALERTS_TOKEN"),
        (("--port", "http"), {}, 2, "ALERTS_PORT: got 'http'"),
        (("--host", "192.0.2.1"), {"AUTH": "off"}, 1, "is not an address of this machine"),
        (("--host", "300.1.1.1"), {}, 1, "HOST '300.1.1.1' is neither an address nor a host name that resolves"),
        ((), {"ALERTS_FEISHU_SECRET": "x"}, 2, "ALERTS_FEISHU_SECRET is set, but the ALERTS_FEISHU_URL"),
    ],
)
def test_it_says_in_one_line_why_it_does_not_start(
    tmp_path: Path, arguments: tuple[str, ...], environment: dict[str, Any], status: int, says: str
) -> None:
    code, out, err = refused(tmp_path / "data", *arguments, **environment)

    assert (code, out) == (status, "")
    assert says in err
    assert len(err.splitlines()) == 1


def test_two_receivers_do_not_share_a_directory(tmp_path: Path) -> None:
    with receiving(tmp_path / "data") as server:
        code, _, err = refused(tmp_path / "data", "--port", "0")

    assert code == 1
    assert f"pid {server.process.pid}, {server.url}" in err


def test_it_stays_light() -> None:
    program = (
        "import sys, app.alerts.server\n"
        "heavy = {'asyncpg', 'qdrant_client', 'mcp', 'fastapi', 'numpy', 'prometheus_client'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True, env=clean_environment())
