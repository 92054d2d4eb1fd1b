"""The bridge as a process, between this test as its client and a stand-in for the daemon."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from app import __version__
from app.bridge import bridge
from app.datadir import unix_socket as unix
from app.datadir.folder import socket_path
from app.datadir.lock import DataDirectoryLock
from tests.support.bridges import MODERN_META, Client, Machine, Peer, StandIn, echo, machine_at
from tests.support.serving import INITIALIZE, PATIENCE_S, clean_environment, until

NOBODY = 65_534
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="another user's process takes root to start")


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir(mode=0o700)
    return folder


@pytest.fixture
def machine(data_dir: Path) -> Iterator[Machine]:
    with machine_at(data_dir) as machine:
        yield machine


def resident_mb(client: Client) -> float:
    return psutil.Process(client.process.pid).memory_info().rss / 1e6


class TestLines:
    def test_they_are_cut_wherever_the_bytes_are(self):
        lines = bridge.Lines()

        assert lines.feed(b'{"a"') == []
        assert lines.feed(b": 1}\n\n  \n{}\n[") == [b'{"a": 1}\n', b"{}\n"]
        assert lines.feed(b"]\n") == [b"[]\n"]

    def test_one_over_the_limit_is_dropped_and_counted(self):
        lines = bridge.Lines(10)

        assert lines.feed(b"x" * 11) == []
        assert lines.feed(b"x" * 50) == []
        assert lines.feed(b"x\nfine\n" + b"y" * 20 + b"\nfine too\n") == [b"fine\n", b"fine too\n"]
        assert lines.too_long == 2


class TestPassingOn:
    def test_lines_go_both_ways_as_they_are(self, machine: Machine):
        with StandIn(machine, echo) as daemon:
            client = machine.client(initialized=False)

            client.send('{"jsonrpc": "2.0", "id": "ä", "method": "x", "params": {"text": "ünï"}}\n'.encode())

            assert client.answer("ä")["result"]["echo"] == {"text": "ünï"}
            assert client.leave() == 0
            assert client.errors == ""
            assert len(daemon.peers) == 1

    def test_what_the_client_left_behind_is_answered_before_the_end(self, machine: Machine):
        may_answer = threading.Event()

        def play(peer: Peer) -> None:
            request = peer.line()
            may_answer.wait(PATIENCE_S)
            peer.reply(request)
            peer.line()

        with StandIn(machine, play):
            client = machine.client(initialized=False)
            request = client.request("slow")
            client.stdin.close()
            may_answer.set()

            assert client.answer(request)["result"] == {}
            assert client.process.wait(PATIENCE_S) == 0

    def test_a_line_over_the_limit_is_refused_and_the_next_one_passed(self, machine: Machine):
        with StandIn(machine, echo):
            client = machine.client(initialized=False)
            for _ in range(50):
                client.send(b"x" * 2**20)
            client.send(b"\n")

            assert client.answer(client.request("after"))["result"]["by"] == 2, "the greeting was the first line"
            assert client.lines[0]["error"]["code"] == -32_600
            assert client.lines[0]["id"] is None
            assert resident_mb(client) < 60, "at most one line is held"

    def test_an_answer_of_any_length_is_passed(self, machine: Machine):
        def play(peer: Peer) -> None:
            peer.reply(peer.line(), text="x" * (bridge.LINE_LIMIT_BYTES + 1))
            peer.line()

        with StandIn(machine, play):
            client = machine.client(initialized=False)

            assert len(client.answer(client.request("large"))["result"]["text"]) > bridge.LINE_LIMIT_BYTES

    def test_both_sides_may_talk_at_once(self, machine: Machine):
        """A bridge that writes to one side while the other one's pipe is full would wait for ever."""
        text = "x" * 20_000

        def play(peer: Peer) -> None:
            while True:
                peer.reply(peer.line(), text=text)

        with StandIn(machine, play):
            client = machine.client(initialized=False, reads=False)
            writer = threading.Thread(target=lambda: [client.request("x", {"text": text}) for _ in range(300)])
            writer.start()
            client.read()
            writer.join(PATIENCE_S)

            for number in range(101, 401):
                assert client.answer(number)["result"]["text"] == text

    def test_for_a_client_that_never_reads_little_is_kept(self, machine: Machine):
        gone = threading.Event()

        def play(peer: Peer) -> None:
            try:
                while True:
                    peer.send({"jsonrpc": "2.0", "method": "notifications/x", "params": {"text": "x" * 100_000}})
            finally:
                gone.set()

        with StandIn(machine, play) as daemon:
            client = machine.client(initialized=False, reads=False)
            until(lambda: daemon.peers, "the bridge")
            assert not gone.wait(1), "the daemon is held up"
            assert resident_mb(client) < 30

            client.process.stdout.close()

            assert client.process.wait(PATIENCE_S) == 0, "nobody will read it any more"
            assert gone.wait(PATIENCE_S)

    def test_descriptors_that_never_wait_are_fine(self, machine: Machine, data_dir: Path):
        with StandIn(machine, echo):
            ours, its = socket.socketpair()
            its.setblocking(False)  # as Node's may be
            process = subprocess.Popen(
                [sys.executable, "-m", "app", "stdio", "--data-dir", str(data_dir)],
                stdin=its,
                stdout=its,
                stderr=subprocess.PIPE,
                env=clean_environment(),
            )
            its.close()
            try:
                text = "x" * 1_000_000
                ours.sendall(json.dumps({"jsonrpc": "2.0", "id": 1, "method": "x", "params": text}).encode() + b"\n")
                with ours.makefile("rb") as answers:
                    assert json.loads(answers.readline())["result"]["echo"] == text
                ours.close()
                assert process.communicate(timeout=PATIENCE_S)[1] == b""
                assert process.returncode == 0
            finally:
                process.kill()
                process.wait()

    def test_it_loads_nothing_but_the_standard_librarys_small_part(self):
        code = "import sys, app.__main__, app.bridge.bridge; print(*sorted(sys.modules))"
        done = subprocess.run(
            [sys.executable, "-c", code], env=clean_environment(), capture_output=True, text=True, check=True
        )

        loaded = set(done.stdout.split())
        assert not loaded & {"asyncio", "typing", "mcp", "mcp_types", "pydantic", "argparse", "logging", "subprocess"}


class TestEnding:
    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
    def test_a_signal_ends_it_without_a_word(self, machine: Machine, number: int):
        with StandIn(machine, echo):
            client = machine.client()

            client.process.send_signal(number)

            assert client.process.wait(PATIENCE_S) in (0, -number)
            assert client.errors == ""

    def test_a_client_that_closed_its_ear_ends_it(self, machine: Machine):
        with StandIn(machine, echo):
            client = machine.client(initialized=False, reads=False)
            client.process.stdout.close()

            assert client.process.wait(PATIENCE_S) == 0
            assert client.errors == ""

    @pytest.mark.parametrize("closed", ["<&-", ">&-"])
    def test_without_stdin_or_stdout_it_says_so(self, data_dir: Path, closed: str):
        done = subprocess.run(
            ["sh", "-c", f'"$@" {closed}', "sh", sys.executable, "-m", "app", "stdio", "--data-dir", str(data_dir)],
            env=clean_environment(),
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )

        assert done.returncode == 1
        assert done.stderr.startswith("claude-memory: stdio takes an open stdin and stdout")

    def test_other_arguments_are_wrong_usage(self):
        assert bridge.main(["--port", "1"]) == 2
        assert bridge.main(["--debug", "--port"]) == 2
        assert bridge.main(["--data-dir", ""]) == bridge.main(["--data-dir="]) == 2

    def test_a_home_that_is_not_there_is_one_line(self, monkeypatch, capsys):
        monkeypatch.setenv("MEMORY_DATA_DIR", "~nosuchuser/x")
        assert bridge.main([]) == 2
        assert capsys.readouterr().err.count("\n") == 1
        with pytest.raises(RuntimeError):
            bridge.main(["--debug"])


class TestADaemonThatGoes:
    def test_calls_in_flight_get_an_error_and_the_handshake_is_replayed(self, machine: Machine):
        def play(peer: Peer) -> None:
            while (said := peer.line()).get("method") != "die":
                if said["method"] == "initialize":
                    peer.reply(said, serverInfo={"name": "stand-in"})
                if said["method"] == "after":
                    peer.reply(said)

        with StandIn(machine, play) as daemon:
            client = machine.client()
            lost = [client.request("slow"), client.request("die")]

            for request in lost:
                error = client.answer(request)["error"]
                assert error["code"] == -32_000
                assert "may or may not have been done; try it again" in error["message"]
            assert client.answer(client.request("after"))["result"] == {}

            first, second = daemon.peers
            assert [said.get("method") for said in second.said[1:]] == [
                "initialize",
                "notifications/initialized",
                "after",
            ]
            assert second.said[1]["params"] == INITIALIZE["params"]
            assert len([line for line in client.lines if "serverInfo" in line.get("result", {})]) == 1, (
                "the client does not see the answer to the replay"
            )
            assert len(first.said) == 5

    def test_during_initialize_it_is_asked_again(self, machine: Machine):
        def play(peer: Peer) -> None:
            request = peer.line()
            if len(daemon.peers) == 3:
                peer.reply(request, serverInfo={})
                echo(peer)

        with StandIn(machine, play) as daemon:
            client = machine.client()

            assert client.answer(client.request("after"))["result"]
            assert [peer.said[1] for peer in daemon.peers] == [INITIALIZE] * 3
            assert len(client.lines) == 2

    def test_without_a_handshake_nothing_is_replayed(self, machine: Machine):
        def play(peer: Peer) -> None:
            if len(daemon.peers) > 1:
                echo(peer)
            peer.line()

        with StandIn(machine, play) as daemon:
            client = machine.client(initialized=False)
            assert "error" in client.answer(client.request("tools/list", {"_meta": MODERN_META}))

            assert "result" in client.answer(client.request("tools/list", {"_meta": MODERN_META}))
            assert [said["method"] for said in daemon.peers[1].said[1:]] == ["tools/list"]

    def test_a_line_it_got_in_part_goes_to_the_next_one(self, machine: Machine):
        text = "x" * 8_000_000

        def play(peer: Peer) -> None:
            if len(daemon.peers) == 1:
                peer.socket.recv(1_000)
                return
            echo(peer)

        with StandIn(machine, play) as daemon:
            client = machine.client(initialized=False)

            assert client.answer(client.request("large", {"text": text}))["result"]["echo"]["text"] == text

    def test_a_cancelled_call_is_not_answered(self, machine: Machine):
        def play(peer: Peer) -> None:
            while peer.line()["method"] != "die":
                pass

        with StandIn(machine, play):
            client = machine.client(initialized=False)
            cancelled = client.request("slow")
            client.send({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": cancelled}})
            client.answer(client.request("die"))

            assert [line["id"] for line in client.lines] == [cancelled + 1]


class TestVersions:
    def test_an_older_daemon_is_asked_to_leave(self, machine: Machine):
        class Older(StandIn):
            def leave(self) -> None:
                super().leave()
                newer.append(StandIn(machine, echo, version=__version__))

        newer: list[StandIn] = []
        try:
            with Older(machine, echo, version="0.0.1") as older:
                client = machine.client()

                assert client.answer(client.request("x"))["result"]
                assert older.asked == ["leave"]
                assert len(newer[0].peers) == 1
        finally:
            for one in newer:
                one.__exit__()

    def test_one_that_does_not_leave_is_named(self, machine: Machine):
        class Stubborn(StandIn):
            def leave(self) -> None:
                pass

        with Stubborn(machine, echo, version="0.0.1", pid=4_711):
            client = machine.client(initialized=False)
            client.send(INITIALIZE)

            assert "end it: kill 4711" in client.answer(INITIALIZE["id"])["error"]["message"]
            assert client.process.wait(PATIENCE_S) == 1

    @pytest.mark.parametrize(
        "greeting",
        [
            pytest.param({"version": "99.0.0"}, id="a newer daemon"),
            pytest.param({"version": "0.0.1", "mode": "serve"}, id="an older server that somebody runs by hand"),
        ],
    )
    def test_others_are_taken_as_they_are(self, machine: Machine, greeting: dict[str, str]):
        with StandIn(machine, echo, **greeting) as daemon:
            client = machine.client()

            assert client.answer(client.request("x"))["result"]
            assert daemon.asked == []

    def test_one_that_knows_of_no_identity_must_not_take_a_users_memories(self, machine: Machine):
        with StandIn(machine, echo, version="0.0.1", mode="serve", pid=4_711) as daemon:
            client = machine.client(initialized=False, DEFAULT_USER_ID="ann")
            client.send(INITIALIZE)

            told = client.answer(INITIALIZE["id"])["error"]["message"]
            assert "version 0.0.1 (pid 4711) does not take DEFAULT_USER_ID from its clients; restart it" in told
            assert client.process.wait(PATIENCE_S) == 1
            assert [list(said) for peer in daemon.peers for said in peer.said] == [["bridge"]], "no call went there"

    @pytest.mark.parametrize(
        "said",
        [b"", b"x", b"\n", b"nonsense\n", b"[]\n", b'{"daemon": 1}\n', b'{"daemon": {}}\n', b"\xff\n"],
    )
    def test_a_greeting_that_is_none_is_taken_for_nobody(self, said: bytes):
        ours, theirs = socket.socketpair()
        with ours, theirs:
            theirs.sendall(said)
            theirs.shutdown(socket.SHUT_WR)

            assert bridge.greet(ours, {"ask": "status"}, 5) == (None, b"")

    def test_a_greeting_that_never_ends_too(self):
        ours, theirs = socket.socketpair()
        with ours, theirs:
            assert bridge.greet(ours, {"ask": "status"}, 0.01) == (None, b"")


class TestADaemonThatDoesNotStart:
    def refused(self, machine: Machine, **environment: str) -> tuple[str, str]:
        """Return what the client is told, and what stderr says."""
        client = machine.client(initialized=False, **environment)
        client.send(INITIALIZE)
        told = client.answer(INITIALIZE["id"])["error"]["message"]
        assert client.process.wait(PATIENCE_S) == 1
        assert client.errors.count("\n") == 1, client.errors
        return told, client.errors

    def test_because_the_data_directory_is_a_file(self, tmp_path: Path):
        (tmp_path / "file").touch()
        with machine_at(tmp_path / "file" / "data") as machine:
            done = subprocess.run(
                [sys.executable, "-m", "app", "stdio", "--data-dir", str(machine.data_dir)],
                input=json.dumps(INITIALIZE).encode() + b"\n",
                env=clean_environment(),
                capture_output=True,
                timeout=PATIENCE_S,
                check=False,
            )
        assert done.returncode == 1
        assert b"Not a directory; mend it, or choose another with --data-dir" in done.stderr
        assert json.loads(done.stdout)["error"]["code"] == -32_000
        assert json.loads(done.stdout)["id"] == INITIALIZE["id"]

    @as_root
    def test_because_nothing_can_be_written_there(self, run_folder: Path):
        folder = run_folder / "foreign"
        folder.mkdir(mode=0o755)
        code = f"import fcntl, os; from app.bridge import bridge; os.setuid({NOBODY}); os._exit(bridge.main([]))"
        done = subprocess.run(
            [sys.executable, "-c", code],
            input=json.dumps(INITIALIZE).encode() + b"\n",
            env=clean_environment(MEMORY_DATA_DIR=str(folder)),
            capture_output=True,
            timeout=PATIENCE_S,
            check=False,
        )

        assert done.returncode == 1
        assert b"Permission denied; mend it, or choose another with --data-dir" in done.stderr
        assert done.stderr.count(b"\n") == 1

    def test_because_its_settings_are_wrong(self, machine: Machine):
        told, said = self.refused(machine, LOG_LEVEL="LOUD")

        assert "does not start: 1 wrong setting: LOG_LEVEL" in told
        assert told in said
        assert machine.daemons() == []

    def test_because_something_else_holds_the_data_directory(self, machine: Machine, monkeypatch: pytest.MonkeyPatch):
        """The holder has no socket: nobody answers, and no daemon after the other is started in vain."""
        monkeypatch.setattr(bridge, "START_TIMEOUT_S", 0.5)
        lock = DataDirectoryLock(machine.data_dir)
        lock.acquire("", "restore")
        try:
            with pytest.raises(bridge.BridgeError, match=rf"in use by `claude-memory restore` \(pid {os.getpid()}\)"):
                bridge.Door(str(machine.data_dir)).open()
            assert not (machine.data_dir / "daemon.log").exists()
        finally:
            lock.release()

    def test_losing_the_race_for_the_lock_is_no_reason(self, machine: Machine):
        """What a daemon says that came second is recognised: app.datadir.lock and app.bridge.bridge agree."""
        lock = DataDirectoryLock(machine.data_dir)
        lock.acquire("", "daemon")
        start = bridge.Start(str(machine.data_dir))
        try:
            until(start.ended, "the second daemon")
            assert (machine.data_dir / "daemon.log").read_text().startswith("claude-memory: ")
            assert start.last_words() is None
        finally:
            start.forget()
            lock.release()

    def test_a_killed_one_has_no_reason(self, machine: Machine):
        start = bridge.Start(str(machine.data_dir))
        try:
            [daemon] = until(machine.daemons, "the daemon")
            assert not start.ended()
            daemon.kill()
            until(start.ended, "its end")
            assert start.last_words() is None
        finally:
            start.forget()


class TestTheSocket:
    def test_it_is_born_for_this_user_alone(self, data_dir: Path):
        before = os.umask(0)
        try:
            with unix.listen(socket_path(data_dir)):
                assert stat.S_IMODE(Path(socket_path(data_dir)).stat().st_mode) == 0o600
            assert os.umask(0) == 0, "the umask is put back"
        finally:
            os.umask(before)

    def test_one_that_a_killed_holder_left_is_replaced(self, data_dir: Path):
        unix.listen(socket_path(data_dir)).close()
        assert Path(socket_path(data_dir)).exists()

        with unix.listen(socket_path(data_dir)), socket.socket(socket.AF_UNIX) as client:
            client.connect(socket_path(data_dir))

    def test_a_data_directory_behind_a_link_is_fine(self, tmp_path: Path, data_dir: Path):
        (tmp_path / "link").symlink_to(data_dir)

        unix.listen(socket_path(tmp_path / "link")).close()

    def test_a_path_too_long_has_it_in_a_private_folder(self, tmp_path: Path):
        path = Path(socket_path(tmp_path / ("long" * 30)))
        try:
            with unix.listen(str(path)):
                assert len(str(path)) < 100
                assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
        finally:
            path.unlink()
            path.parent.rmdir()

    @pytest.mark.parametrize("mode", [0o777, 0o750])
    def test_a_folder_in_tmp_that_others_may_enter_is_refused(self, tmp_path: Path, mode: int):
        path = socket_path(tmp_path / ("long" * 31))
        folder = Path(path).parent
        folder.mkdir()
        folder.chmod(mode)
        try:
            with pytest.raises(unix.SocketUnusable, match="made by somebody else"):
                unix.listen(path)
        finally:
            folder.rmdir()

    @as_root
    def test_a_folder_in_tmp_of_another_user_is_refused(self, tmp_path: Path):
        path = socket_path(tmp_path / ("long" * 32))
        folder = Path(path).parent
        folder.mkdir(0o700)
        os.chown(folder, NOBODY, NOBODY)
        try:
            with pytest.raises(unix.SocketUnusable, match="made by somebody else"):
                unix.listen(path)
        finally:
            folder.rmdir()

    def test_a_directory_that_is_not_there_is_one_clear_error(self, tmp_path: Path):
        with pytest.raises(unix.SocketUnusable, match="choose another --data-dir"):
            unix.listen(str(tmp_path / "none" / "socket"))

    @as_root
    def test_a_bridge_trusts_no_listener_of_another_user(self, run_folder: Path):
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
                connection: Any = bridge._try_connect(str(folder))
                assert (connection is not None) == trusted
                if connection is not None:
                    connection.close()
            finally:
                listener.kill()
                listener.communicate()
