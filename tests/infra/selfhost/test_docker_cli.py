"""How `docker` is run against an engine, here and over SSH."""

from __future__ import annotations

from infra.selfhost.docker_cli import docker_command


def test_a_local_engine_is_named_by_its_socket() -> None:
    assert docker_command("unix:///run/docker.sock", ["-o", "BatchMode=yes"]) == [
        "docker",
        "--host",
        "unix:///run/docker.sock",
    ]


def test_an_engine_on_tcp_is_named_by_its_address() -> None:
    assert docker_command("tcp://10.0.0.2:2375", []) == ["docker", "--host", "tcp://10.0.0.2:2375"]


def test_over_ssh_the_command_of_the_host_runs_with_the_options_and_the_port() -> None:
    assert docker_command("ssh://me@10.0.0.2:2222", ["-o", "BatchMode=yes"]) == [
        *("ssh", "-o", "BatchMode=yes", "-p", "2222", "me@10.0.0.2"),
        "docker",
    ]
    assert docker_command("ssh://me@one.example.org", []) == ["ssh", "me@one.example.org", "docker"]
