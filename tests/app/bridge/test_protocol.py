"""Lines cut from bytes, greetings, and whose listener is trusted."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from app.bridge.protocol import Lines, connect, greet
from app.datadir.folder import socket_path
from tests.support.users import NOBODY, as_root


def test_they_are_cut_wherever_the_bytes_are() -> None:
    lines = Lines()

    assert lines.feed(b'{"a"') == []
    assert lines.feed(b": 1}\n\n  \n{}\n[") == [b'{"a": 1}\n', b"{}\n"]
    assert lines.feed(b"]\n") == [b"[]\n"]


def test_one_over_the_limit_is_dropped_and_counted() -> None:
    lines = Lines(10)

    assert lines.feed(b"x" * 11) == []
    assert lines.feed(b"x" * 50) == []
    assert lines.feed(b"x\nfine\n" + b"y" * 20 + b"\nfine too\n") == [b"fine\n", b"fine too\n"]
    assert lines.too_long == 2


@pytest.mark.parametrize(
    "said",
    [b"", b"x", b"\n", b"nonsense\n", b"[]\n", b'{"daemon": 1}\n', b'{"daemon": {}}\n', b"\xff\n"],
)
def test_a_greeting_that_is_none_is_taken_for_nobody(said: bytes) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(said)
        theirs.shutdown(socket.SHUT_WR)

        assert greet(ours, {"ask": "status"}, 5) == (None, b"")


def test_a_greeting_that_never_ends_too() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        assert greet(ours, {"ask": "status"}, 0.01) == (None, b"")


@as_root
def test_a_bridge_trusts_no_listener_of_another_user(run_folder: Path) -> None:
    """In /tmp somebody else could have made the folder, and would be told everything."""
    for user, trusted in ((NOBODY, False), (0, True)):
        folder = run_folder / f"of-{user}"
        folder.mkdir()
        folder.chmod(0o777)
        code = (
            f"import os, socket, sys; os.setuid({user}); s = socket.socket(socket.AF_UNIX);"
            f"s.bind({socket_path(folder)!r}); s.listen(); print('ready', flush=True); sys.stdin.read()"
        )
        listener = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        try:
            assert listener.stdout is not None
            assert listener.stdout.readline() == b"ready\n"
            connection = connect(str(folder))
            assert (connection is not None) == trusted
            if connection is not None:
                connection.close()
        finally:
            listener.kill()
            listener.communicate()
