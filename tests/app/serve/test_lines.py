"""Sessions over the socket: who gets in, who is asked to leave."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from app import __version__
from app.bridge.protocol import LINE_LIMIT_BYTES
from app.datadir import unix_socket as unix
from app.serve.line_connection import LineTimes
from app.settings.fields import Settings
from tests.support.bridges import MODERN_META
from tests.support.line_sessions import Place, answers, call
from tests.support.serving import PATIENCE_S, clean_environment
from tests.support.waiting import until


async def test_a_session_shows_who_is_connected(place: Place) -> None:
    await place.bridge()
    modern = await place.bridge(initialized=False)
    await modern.send({**call(1, "echo"), "params": {"name": "echo", "_meta": MODERN_META}})
    assert (await modern.line())["result"]["content"]

    shown = [session.as_json() for session in place.sessions.open]
    assert sorted(one["client"] for one in shown) == ["modern 2", "test 1"]
    assert {one["pid"] for one in shown} == {7}


@pytest.mark.parametrize("wrong", ["a\nb", "x" * 201, "", "\udc80", 7, None, ["ann"]])
async def test_an_identity_that_no_setting_would_take_is_refused_with_its_name(place: Place, wrong: Any) -> None:
    talk = await place.connect({"bridge": {"pid": 7, "identity": {"default_user_id": wrong}}})

    told = (await talk.line())["daemon"]
    if wrong is None:
        assert told["user"] == "default"
    else:
        assert told["refused"].startswith("1 wrong setting: DEFAULT_USER_ID: got ")
        assert await talk.ended()
        assert not len(place.sessions)


async def test_a_closed_session_is_not_open_any_more(place: Place) -> None:
    talk = await place.bridge()
    before = place.sessions.idle_since
    talk.writer.close()

    await until(lambda: not len(place.sessions), "the session to end")
    assert place.sessions.idle_since > before, "the idle time begins now"


@pytest.mark.parametrize(
    "said",
    [
        pytest.param(b"\n", id="nothing"),
        pytest.param(b"GET / HTTP/1.1\r\n", id="HTTP"),
        pytest.param(b"\xff\xfe\n", id="no UTF-8"),
        pytest.param(b"[" * 100_000 + b"\n", id="deep"),
        pytest.param(b"x" * (LINE_LIMIT_BYTES * 2 + 1) + b"\n", id="long"),
        pytest.param(b'{"bridge": {"pid": "x"}}\n', id="a pid that is none"),
        pytest.param(b'{"bridge": 1}\n', id="a bridge that is none"),
        pytest.param(b'{"bridge": {"identity": 7}}\n', id="an identity that is none"),
        pytest.param(b'["bridge"]\n', id="a list"),
    ],
)
async def test_who_does_not_greet_is_sent_away(place: Place, said: bytes, caplog: pytest.LogCaptureFixture) -> None:
    good = await place.bridge()
    talk = await place.connect()
    with contextlib.suppress(ConnectionError):
        await talk.send(said)

    assert await talk.ended()
    assert await answers(good)
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


@pytest.mark.parametrize("times", [LineTimes(hello_s=0.05)], ids=[""])
async def test_who_says_nothing_is_sent_away(place: Place) -> None:
    assert await (await place.connect(b'{"bridge"')).ended()


async def test_of_all_who_ask_it_to_leave_the_first_one_is_heard(place: Place) -> None:
    """A second request would count as a second signal, which ends the calls that are to finish."""
    askers = [await place.connect({"ask": "leave"}) for _ in range(3)]
    for asker in askers:
        assert (await asker.line())["daemon"]["version"] == __version__

    assert place.left == 1
    assert await (await place.connect({"bridge": {"pid": 1}})).ended(), "a bridge looks for the next one"
    assert (await (await place.connect({"ask": "status"})).line())["daemon"]


async def test_who_asked_it_to_leave_sees_the_end_of_the_process_not_of_the_sessions(place: Place) -> None:
    talk, asker = await place.bridge(), await place.connect({"ask": "leave"})
    await asker.line()
    await place.sessions.stop()

    assert await talk.ended()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(asker.reader.read(1), 0.1)
    for descriptor in place.sessions._askers:
        os.close(descriptor)  # as the end of the process does
    assert await asker.reader.read(1) == b""


@pytest.mark.skipif(os.geteuid() != 0, reason="another user's process takes root to start")
async def test_another_user_is_sent_away_even_where_the_file_lets_him_in(
    run_folder: Path, plain_settings: Settings
) -> None:
    folder = run_folder / "open-socket"
    folder.mkdir(mode=0o755)
    place = Place(str(folder / "socket"), plain_settings)
    await place.sessions.start(unix.listen(place.path))
    try:
        assert _tried_as_nobody(place.path) == "PermissionError"
        Path(place.path).chmod(0o666)
        assert await asyncio.to_thread(_tried_as_nobody, place.path) == "nothing"
    finally:
        await place.end()


def _tried_as_nobody(path: str) -> str:
    code = f"""
import os, socket
os.setuid(65534)
s = socket.socket(socket.AF_UNIX)
try:
    s.connect({path!r})
    s.sendall(b'{{"ask": "status"}}\\n')
    print(s.recv(100).decode() or "nothing")
except ConnectionError:
    print("nothing")
except OSError as error:
    print(type(error).__name__)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], env=clean_environment(), capture_output=True, text=True, timeout=PATIENCE_S
    )
    return done.stdout.strip() or done.stderr
