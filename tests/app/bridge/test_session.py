"""A session between this test as its client and a stand-in for the daemon."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import psutil
import pytest

from app.bridge.protocol import LINE_LIMIT_BYTES
from tests.support.bridges import MODERN_META, Client, Machine, Peer, StandIn, echo
from tests.support.serving import INITIALIZE, PATIENCE_S, clean_environment
from tests.support.waiting import wait_until


def resident_mb(client: Client) -> float:
    return psutil.Process(client.process.pid).memory_info().rss / 1e6


class TestPassingOn:
    def test_lines_go_both_ways_as_they_are(self, machine: Machine) -> None:
        with StandIn(machine, echo) as daemon:
            client = machine.client(initialized=False)

            client.send('{"jsonrpc": "2.0", "id": "ä", "method": "x", "params": {"text": "ünï"}}\n'.encode())

            assert client.answer("ä")["result"]["echo"] == {"text": "ünï"}
            assert client.leave() == 0
            assert client.errors == ""
            assert len(daemon.peers) == 1

    def test_what_the_client_left_behind_is_answered_before_the_end(self, machine: Machine) -> None:
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

    def test_a_line_over_the_limit_is_refused_and_the_next_one_passed(self, machine: Machine) -> None:
        with StandIn(machine, echo):
            client = machine.client(initialized=False)
            for _ in range(50):
                client.send(b"x" * 2**20)
            client.send(b"\n")

            assert client.answer(client.request("after"))["result"]["by"] == 2, "the greeting was the first line"
            assert client.lines[0]["error"]["code"] == -32_600
            assert client.lines[0]["id"] is None
            assert resident_mb(client) < 60, "at most one line is held"

    def test_an_answer_of_any_length_is_passed(self, machine: Machine) -> None:
        def play(peer: Peer) -> None:
            peer.reply(peer.line(), text="x" * (LINE_LIMIT_BYTES + 1))
            peer.line()

        with StandIn(machine, play):
            client = machine.client(initialized=False)

            assert len(client.answer(client.request("large"))["result"]["text"]) > LINE_LIMIT_BYTES

    def test_both_sides_may_talk_at_once(self, machine: Machine) -> None:
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

    def test_for_a_client_that_never_reads_little_is_kept(self, machine: Machine) -> None:
        gone = threading.Event()

        def play(peer: Peer) -> None:
            try:
                while True:
                    peer.send({"jsonrpc": "2.0", "method": "notifications/x", "params": {"text": "x" * 100_000}})
            finally:
                gone.set()

        with StandIn(machine, play) as daemon:
            client = machine.client(initialized=False, reads=False)
            wait_until(lambda: daemon.peers, "the bridge")
            assert not gone.wait(1), "the daemon is held up"
            assert resident_mb(client) < 30

            assert client.process.stdout is not None
            client.process.stdout.close()

            assert client.process.wait(PATIENCE_S) == 0, "nobody will read it any more"
            assert gone.wait(PATIENCE_S)

    def test_descriptors_that_never_wait_are_fine(self, machine: Machine, data_dir: Path) -> None:
        with StandIn(machine, echo):
            ours, its = socket.socketpair()
            its.setblocking(False)  # as Node's may be
            process = subprocess.Popen(
                [sys.executable, "-m", "app", "stdio", "--data-dir", str(data_dir)],
                stdin=its.fileno(),
                stdout=its.fileno(),
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


class TestEnding:
    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
    def test_a_signal_ends_it_without_a_word(self, machine: Machine, number: int) -> None:
        with StandIn(machine, echo):
            client = machine.client()

            client.process.send_signal(number)

            assert client.process.wait(PATIENCE_S) in (0, -number)
            assert client.errors == ""

    def test_a_client_that_closed_its_ear_ends_it(self, machine: Machine) -> None:
        with StandIn(machine, echo):
            client = machine.client(initialized=False, reads=False)
            assert client.process.stdout is not None
            client.process.stdout.close()

            assert client.process.wait(PATIENCE_S) == 0
            assert client.errors == ""


class TestADaemonThatGoes:
    def test_calls_in_flight_get_an_error_and_the_handshake_is_replayed(self, machine: Machine) -> None:
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

    def test_during_initialize_it_is_asked_again(self, machine: Machine) -> None:
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

    def test_without_a_handshake_nothing_is_replayed(self, machine: Machine) -> None:
        def play(peer: Peer) -> None:
            if len(daemon.peers) > 1:
                echo(peer)
            peer.line()

        with StandIn(machine, play) as daemon:
            client = machine.client(initialized=False)
            assert "error" in client.answer(client.request("tools/list", {"_meta": MODERN_META}))

            assert "result" in client.answer(client.request("tools/list", {"_meta": MODERN_META}))
            assert [said["method"] for said in daemon.peers[1].said[1:]] == ["tools/list"]

    def test_a_line_it_got_in_part_goes_to_the_next_one(self, machine: Machine) -> None:
        text = "x" * 8_000_000

        def play(peer: Peer) -> None:
            if len(daemon.peers) == 1:
                peer.socket.recv(1_000)
                return
            echo(peer)

        with StandIn(machine, play) as daemon:
            client = machine.client(initialized=False)

            assert client.answer(client.request("large", {"text": text}))["result"]["echo"]["text"] == text

    def test_a_cancelled_call_is_not_answered(self, machine: Machine) -> None:
        def play(peer: Peer) -> None:
            while peer.line()["method"] != "die":
                pass

        with StandIn(machine, play):
            client = machine.client(initialized=False)
            cancelled = client.request("slow")
            client.send({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": cancelled}})
            client.answer(client.request("die"))

            assert [line["id"] for line in client.lines] == [cancelled + 1]
