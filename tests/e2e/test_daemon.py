"""Every client on the machine, one memory: real bridges, a real daemon, a real PostgreSQL."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from mcp.client.session import ClientSession
from mcp.client.stdio import StdioServerParameters, stdio_client

from app import __version__
from app.bridge.protocol import LINE_LIMIT_BYTES, ask, greet
from app.datadir.folder import socket_path
from tests.support.bridges import MODERN_META, Client, Gone, Machine, machine_at, runs
from tests.support.mcp import text_of
from tests.support.serving import INITIALIZE, PATIENCE_S, ROOT, SlowServer, clean_environment, refused, serving
from tests.support.users import NOBODY, as_root
from tests.support.waiting import wait_until

NO_DATABASE = "postgresql://x@127.0.0.1:9/x"  # the daemon starts, its calls wait: enough for what needs none


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """A machine whose daemon stays for all tests that do not end it."""
    with machine_at(tmp_path_factory.mktemp("shared") / "data") as machine:
        machine.client()
        yield machine


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    with machine_at(tmp_path / "data") as machine:
        yield machine


@pytest.fixture
def light(tmp_path: Path) -> Iterator[Machine]:
    """A machine whose daemon finds no database."""
    with machine_at(tmp_path / "data", DATABASE_URL=NO_DATABASE) as machine:
        yield machine


def texts(client: Client, query: str) -> list[str]:
    answer = client.call("search_memory", query=query)
    return [found["text"] for found in answer["result"]["structuredContent"]["results"]]


class TestClients:
    async def test_the_sdks_client_passes_the_script(self, shared: Machine) -> None:
        """The same as tests/e2e/typescript/script.mjs."""
        parameters = StdioServerParameters(
            command=sys.executable,
            args=["-m", "app", "stdio", "--data-dir", str(shared.data_dir)],
            env=clean_environment(),
        )
        async with stdio_client(parameters) as streams, ClientSession(*streams) as session:
            initialized = await session.initialize()
            assert initialized.server_info.version == __version__
            assert {"memorize", "search_memory"} <= {tool.name for tool in (await session.list_tools()).tools}
            stored = await session.call_tool("memorize", {"text": "the python client likes pears"})
            assert stored.structured_content["created"] is True
            found = await session.call_tool("search_memory", {"query": "what does the python client like"})
            assert found.structured_content["results"][0]["text"] == "the python client likes pears"
            wrong = await session.call_tool("search_memory", {"query": "x", "limit": "many"})
            assert wrong.is_error
            assert "limit" in text_of(wrong.content)

    def test_the_typescript_client_passes_it(self, shared: Machine, tmp_path: Path) -> None:
        npm, node = shutil.which("npm"), shutil.which("node")
        if npm is None or node is None:
            pytest.skip("Node is not installed")
        for file in (Path(__file__).parent / "typescript").iterdir():
            if file.is_file():
                shutil.copy(file, tmp_path)
        environment = {**clean_environment(), "npm_config_fund": "false", "npm_config_audit": "false"}
        installed = subprocess.run(
            [npm, "ci", "--ignore-scripts", "--loglevel=error"],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
        )
        if installed.returncode != 0:
            pytest.skip(f"npm cannot install: {installed.stderr.strip().splitlines()[:1]}")
        done = subprocess.run(
            [node, "script.mjs", sys.executable, str(shared.data_dir)],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )

        assert done.returncode == 0, done.stderr
        assert done.stdout.strip() == "passed"

    def test_one_of_2026_needs_no_handshake(self, shared: Machine) -> None:
        client = shared.client(initialized=False)
        params = {"name": "memorize", "arguments": {"text": "no handshake"}, "_meta": MODERN_META}

        answer = client.answer(client.request("tools/call", params))

        assert answer["result"]["structuredContent"]["created"] is True
        assert "modern 2" in [session["client"] for session in shared.status()["sessions"]]

    def test_sessions_share_one_memory(self, shared: Machine) -> None:
        first, second = shared.client(), shared.client()
        first.memorize("the garden gate is painted blue")

        assert texts(second, "colour of the garden gate")[0] == "the garden gate is painted blue"


class TestIdentity:
    def test_clients_of_two_users_do_not_see_each_others_memories(self, machine: Machine) -> None:
        ann = machine.client(DEFAULT_USER_ID="ann")
        nobody, bob = machine.client(), machine.client(DEFAULT_USER_ID="bob", DEFAULT_AGENT_ID="scribe")
        for client, text in ((ann, "the key is under ann's mat"), (bob, "the key is with bob"), (nobody, "which key")):
            client.memorize(text)

        def seen() -> list[list[str]]:
            return [texts(client, "where is the key") for client in (ann, bob, nobody)]

        apart = [["the key is under ann's mat"], ["the key is with bob"], ["which key"]]
        assert seen() == apart, "who starts the daemon names nobody's user but its own"
        status = machine.status()
        whose = {(one["user"], one["agent"]) for one in status["sessions"]}
        assert whose == {("ann", "test"), ("bob", "scribe"), ("default", "test")}

        psutil.Process(status["pid"]).kill()
        wait_until(
            lambda: machine.status()["pid"] != status["pid"] and len(machine.status()["sessions"]) == 3, "the next"
        )
        assert seen() == apart, "the next daemon is told again"

    def test_the_agent_is_noted(self, machine: Machine) -> None:
        agents: list[dict[str, Any]] = [{}, {"DEFAULT_AGENT_ID": "scribe"}]
        for agent in agents:
            client = machine.client(DEFAULT_USER_ID="agents", **agent)
            client.memorize(f"noted by {agent or 'the client'}")
        machine.end_clients()
        psutil.Process(machine.status()["pid"]).terminate()
        wait_until(lambda: not machine.daemons(), "the end of the daemon")
        exported = subprocess.run(
            [sys.executable, "-m", "app", "export", "-", "--user", "agents", "--data-dir", str(machine.data_dir)],
            env=clean_environment(),
            capture_output=True,
            timeout=PATIENCE_S,
            check=True,
        )

        assert [json.loads(line)["agent"] for line in exported.stdout.splitlines()] == ["test", "scribe"]

    @pytest.mark.parametrize("wrong", ["a\nb", "x" * 201, "\udcff"])
    def test_one_that_is_no_name_is_refused_in_one_line(self, light: Machine, wrong: str) -> None:
        light.client()
        client = light.client(initialized=False, DEFAULT_USER_ID=wrong)
        client.send(INITIALIZE)

        assert "refuses this client: 1 wrong setting: DEFAULT_USER_ID" in client.answer(1)["error"]["message"]
        assert client.process.wait(PATIENCE_S) == 1
        assert client.errors.count("\n") == 1
        assert len(light.status()["sessions"]) == 1


class TestOneDaemon:
    def test_bridges_started_at_once_start_one(self, light: Machine) -> None:
        clients = [light.client(initialized=False) for _ in range(4)]
        for client in clients:
            client.send(INITIALIZE)
        for client in clients:
            assert client.answer(INITIALIZE["id"])["result"]["serverInfo"]["version"] == __version__

        [daemon] = wait_until(lambda: (found := light.daemons()) and len(found) == 1 and found, "one daemon")
        assert light.status()["pid"] == daemon.pid
        assert len(light.status()["sessions"]) == 4

    def test_it_outlives_who_started_it(self, light: Machine) -> None:
        starter, other = light.client(), light.client()
        pid = light.status()["pid"]
        parent = psutil.Process(pid).parent()
        assert parent is not None
        assert parent.pid not in (starter.process.pid, os.getpid())

        os.kill(starter.process.pid, signal.SIGKILL)
        starter.process.wait()

        assert other.answer(other.request("ping"))["result"] == {}
        wait_until(lambda: len(light.status()["sessions"]) == 1, "the dead client's session to end")
        assert light.status()["pid"] == pid

    def test_it_holds_nothing_of_its_starter_open(self, light: Machine) -> None:
        client = light.client()
        client.leave()

        daemon = psutil.Process(light.status()["pid"])
        assert daemon.cwd() == os.path.realpath(light.data_dir)
        assert os.getsid(daemon.pid) != os.getsid(0)
        log = light.data_dir / "daemon.log"
        for descriptor, file in (("0", "/dev/null"), ("1", str(log)), ("2", str(log))):
            assert str(Path(f"/proc/{daemon.pid}/fd/{descriptor}").readlink()) == os.path.realpath(file)
        assert stat.S_IMODE(log.stat().st_mode) == 0o600

    def test_when_nobody_is_connected_for_a_while_nothing_is_left(self, tmp_path: Path) -> None:
        with machine_at(tmp_path / "data", DAEMON_IDLE_MINUTES="0.01") as machine:
            client = machine.client()
            client.memorize("kept")
            assert len(machine.processes()) > 4, "PostgreSQL's are seen"
            assert client.leave() == 0

            wait_until(lambda: machine.processes() == [], "the end of all processes")
            assert not Path(socket_path(machine.data_dir)).exists()
            assert texts(machine.client(), "kept") == ["kept"], "the next one finds everything"

    def test_its_socket_is_for_this_user_alone(self, light: Machine) -> None:
        light.client()

        assert stat.S_IMODE(Path(light.status()["socket"]).stat().st_mode) == 0o600

    @as_root
    def test_another_user_cannot_connect(self, run_folder: Path) -> None:
        with machine_at(run_folder / "mine", DATABASE_URL=NO_DATABASE) as machine:
            machine.client()
            machine.data_dir.chmod(0o755)  # let in as far as to the socket
            code = (
                f"import os, socket; os.setuid({NOBODY}); "
                f"socket.socket(socket.AF_UNIX).connect({socket_path(machine.data_dir)!r})"
            )
            done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
            assert "PermissionError" in done.stderr

    def test_a_path_too_long_for_a_socket_is_fine(self, tmp_path: Path) -> None:
        with machine_at(tmp_path / ("long" * 30) / "data", DATABASE_URL=NO_DATABASE) as machine:
            machine.data_dir.parent.mkdir()
            client = machine.client()

            assert client.answer(client.request("ping"))["result"] == {}
            assert machine.status()["socket"].startswith("/tmp/claude-memory-")
        shutil.rmtree(os.path.dirname(socket_path(machine.data_dir)))  # noqa: PTH120

    def test_the_socket_of_a_killed_one_is_no_obstacle(self, light: Machine) -> None:
        light.client()
        daemon = psutil.Process(light.status()["pid"])
        light.end_clients()
        daemon.kill()
        wait_until(lambda: not light.daemons(), "the end of the daemon")
        assert Path(socket_path(light.data_dir)).exists()

        client = light.client()

        assert client.answer(client.request("ping"))["result"] == {}


class TestKilled:
    def test_every_acknowledged_write_is_there_once(self, tmp_path: Path) -> None:
        with machine_at(tmp_path / "data", DAEMON_IDLE_MINUTES="0.02") as machine:
            clients = [machine.client() for _ in range(4)]
            acknowledged: list[set[str]] = [set() for _ in clients]
            refused: list[dict[str, Any]] = []
            half_way = threading.Barrier(len(clients) + 1)

            def write(number: int) -> None:
                for count in range(100):
                    if count == 50:
                        half_way.wait(PATIENCE_S)
                    text = f"writer {number} says {count}"
                    while True:
                        answer = clients[number].call("memorize", text=text)
                        if "error" not in answer:
                            break
                        refused.append(answer["error"])
                    assert answer["result"]["isError"] is False, answer
                    acknowledged[number].add(text)

            writers = [threading.Thread(target=write, args=(number,)) for number in range(len(clients))]
            for writer in writers:
                writer.start()
            daemon = psutil.Process(machine.status()["pid"])
            half_way.wait(PATIENCE_S)
            daemon.kill()
            for writer in writers:
                writer.join(PATIENCE_S * 2)

            assert [len(written) for written in acknowledged] == [100] * 4
            assert all("try it again" in error["message"] for error in refused)
            assert machine.status()["pid"] != daemon.pid
            assert len(machine.daemons()) == 1
            exported = _all_texts(clients[0])
            expected = set().union(*acknowledged)
            assert {text: count for text, count in exported.items() if count != 1} == {}
            assert set(exported) == expected

            for client in clients:
                assert client.leave() == 0
            wait_until(lambda: machine.processes() == [], "the end of all processes")

    def test_while_a_client_waits_for_initialize_it_gets_its_answer(self, light: Machine) -> None:
        client = light.client(initialized=False)
        [daemon] = wait_until(light.daemons, "the daemon")
        daemon.suspend()
        client.send(INITIALIZE)
        daemon.kill()

        assert client.answer(INITIALIZE["id"])["result"]["serverInfo"]["version"] == __version__

    def test_a_client_without_handshake_goes_on(self, machine: Machine) -> None:
        client = machine.client(initialized=False)

        def call() -> dict[str, Any]:
            params = {"name": "memory_stats", "arguments": {}, "_meta": MODERN_META}
            return client.answer(client.request("tools/call", params))

        assert call()["result"]["isError"] is False
        psutil.Process(machine.status()["pid"]).kill()
        first, second = call(), call()

        assert "result" in first or "try it again" in first["error"]["message"]
        assert second["result"]["isError"] is False


class TestClientsThatMisbehave:
    @pytest.mark.parametrize(
        "said",
        [
            pytest.param(b"", id="dies"),
            pytest.param(b'{"jsonrpc": "2.0", "id": 1, "meth', id="half a line"),
            pytest.param(b"x" * 50_000_000, id="50 MB on one line"),
            pytest.param(b"nonsense\n\x00\x01\xff\xfe\n{}\n[]\n" * 1_000, id="garbage"),
        ],
    )
    def test_others_are_not_harmed(self, shared: Machine, said: bytes) -> None:
        good, bad = shared.client(), shared.client()
        sessions = len(shared.status()["sessions"])
        bad.send(said)

        assert good.call("memory_stats")["result"]["isError"] is False
        bad.process.kill()
        bad.process.wait()

        wait_until(lambda: len(shared.status()["sessions"]) == sessions - 1, "the bad session to end")
        assert good.call("memory_stats")["result"]["isError"] is False
        assert "Traceback" not in (shared.data_dir / "daemon.log").read_text()

    def test_a_flood_of_one_that_never_reads_holds_up_itself_alone(self, shared: Machine) -> None:
        good = shared.client()
        daemon = psutil.Process(shared.status()["pid"])
        bad = shared.client(initialized=False, reads=False)
        bad.send(INITIALIZE)
        line = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {"x": "y" * 2_000}}).encode()
        before = daemon.memory_info().rss

        def flood() -> None:
            try:
                for _ in range(20_000):
                    bad.send(line + b"\n")
            except OSError:
                return

        flooding = threading.Thread(target=flood)
        flooding.start()
        for number in range(20):
            good.memorize(f"meanwhile {number}")
        assert (daemon.memory_info().rss - before) / 1e6 < 60
        assert psutil.Process(bad.process.pid).memory_info().rss / 1e6 < 30
        bad.process.kill()
        flooding.join(PATIENCE_S)

        good.memorize("afterwards")
        assert "Traceback" not in (shared.data_dir / "daemon.log").read_text()

    def test_past_the_bridge_the_daemon_guards_itself(self, shared: Machine) -> None:
        good = shared.client()
        before = psutil.Process(shared.status()["pid"]).memory_info().rss
        with socket.socket(socket.AF_UNIX) as raw:
            raw.connect(socket_path(shared.data_dir))
            assert greet(raw, {"bridge": {"version": "0", "pid": 1}})[0] is not None
            for _ in range(50):
                raw.sendall(b"x" * 1_000_000)
            assert good.call("memory_stats")["result"]["isError"] is False
            raw.sendall(b"\n")
            assert f"{LINE_LIMIT_BYTES:,}".encode() in raw.recv(1_000)
        grown = psutil.Process(shared.status()["pid"]).memory_info().rss - before
        assert grown / 1e6 < 100


class TestDaemonAndServe:
    def test_serve_takes_over_and_bridges_follow(self, machine: Machine) -> None:
        client = machine.client()
        client.memorize("told to the daemon")
        daemon = psutil.Process(machine.status()["pid"])

        with serving(machine.data_dir) as server:
            assert machine.status()["pid"] == server.process.pid != daemon.pid
            wait_until(lambda: not runs(daemon), "the end of the daemon")
            assert texts(client, "told to the daemon") == ["told to the daemon"]
            assert [session["client"] for session in machine.status()["sessions"]] == ["test 1"]
            over_http = server.call("search_memory", {"query": "told to the daemon"})
            assert len(over_http["structuredContent"]["results"]) == 1

            status, _, said = refused(machine.data_dir, "--port", "0")
            assert status == 1
            assert f"pid {server.process.pid}" in said
            assert server.url in said

        client.memorize("told to the next daemon")
        assert len(machine.daemons()) == 1

    def test_running_calls_finish_before_a_daemon_leaves(self, tmp_path: Path) -> None:
        """Two who ask at once are two bridges after an upgrade: the second one must not cut anything off."""
        with machine_at(tmp_path / "data") as machine, serving(machine.data_dir, kind=SlowServer) as server:
            client = machine.client()
            request = client.start_call("wait", file=str(tmp_path / "go"))
            wait_until((tmp_path / "go.begun").exists, "the call to begin")
            for _ in range(2):
                with socket.socket(socket.AF_UNIX) as asker:
                    asker.connect(socket_path(machine.data_dir))
                    greet(asker, {"ask": "leave"})
            (tmp_path / "go").touch()

            assert client.answer(request)["result"]["content"][0]["text"] == "waited"
            machine.end_clients()
            assert server.process.wait(PATIENCE_S) == 0

    def test_a_bridge_uses_the_serve_that_is_there(self, tmp_path: Path) -> None:
        with machine_at(tmp_path / "data") as machine, serving(machine.data_dir, kind=SlowServer) as server:
            client = machine.client()

            assert client.answer(client.request("ping"))["result"] == {}
            assert machine.status()["pid"] == server.process.pid
            assert machine.daemons() == []
            assert client.leave() == 0


class TestUpgrade:
    def test_an_older_daemon_leaves_for_the_newer_bridge_and_its_sessions_follow(self, tmp_path: Path) -> None:
        """The older version is this one with another number, patched in by a sitecustomize of the test."""
        (tmp_path / "older").mkdir()
        (tmp_path / "older" / "sitecustomize.py").write_text("import app\napp.__version__ = '0.0.1'\n")
        older_path = os.pathsep.join((str(tmp_path / "older"), str(ROOT)))
        with machine_at(tmp_path / "data", DATABASE_URL=NO_DATABASE) as machine:
            old = machine.client(PYTHONPATH=older_path)
            assert machine.status()["version"] == "0.0.1"
            older = psutil.Process(machine.status()["pid"])

            new = machine.client()

            assert machine.status()["version"] == __version__
            assert new.answer(new.request("ping"))["result"] == {}
            wait_until(lambda: not runs(older), "the end of the older daemon")
            assert old.answer(old.request("ping"))["result"] == {}, "an older bridge works with a newer daemon"
            wait_until(lambda: len(machine.status()["sessions"]) == 2, "both sessions on the newer daemon")


class TestDaemonThatCannotStart:
    def test_with_a_broken_postgresql_the_bridge_says_why(self, machine: Machine) -> None:
        machine.client().leave()
        daemon = psutil.Process(machine.status()["pid"])
        daemon.terminate()
        wait_until(lambda: not runs(daemon), "the end of the daemon")
        (machine.data_dir / "postgres" / "cluster" / "PG_VERSION").write_text("7\n")

        client = machine.client(initialized=False)
        client.send(INITIALIZE)
        try:
            wait_until(lambda: client.process.poll() is not None, "the bridge to give up")
            assert client.process.returncode == 1
            assert client.errors.startswith("claude-memory: the memory daemon for ")
            assert "does not start: " in client.errors
            assert client.errors.count("\n") == 1
            assert client.answer(INITIALIZE["id"])
        except Gone:
            pytest.fail("the initialize was met with silence")
        assert ask(str(machine.data_dir), "status") is None


def _all_texts(client: Client) -> Counter[str]:
    """Count each writer's texts: one that is there is a duplicate, and there are no others beside them."""
    found: Counter[str] = Counter()
    for number in range(4):
        for count in range(100):
            text = f"writer {number} says {count}"
            found[text] += client.call("memorize", text=text)["result"]["structuredContent"]["duplicate"]
    stats = client.call("memory_stats")["result"]["structuredContent"]
    assert stats["memories"] == len(found), "nothing is there twice"
    return found
