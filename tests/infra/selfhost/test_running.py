"""The services of a stack as Docker sees them."""

from __future__ import annotations

import pytest

from infra.selfhost.running import containers_of, look
from tests.support.engine_answers import DIGEST, IMAGE_ID, AnsweringHost, container, image


def test_a_service_is_told_with_its_image_its_ports_and_since_when_it_runs() -> None:
    ports = {
        "8443/tcp": [{"HostIp": "", "HostPort": "443"}],
        "8443/udp": [{"HostIp": "", "HostPort": "443"}],
        "2019/tcp": [{"HostIp": "10.0.0.2", "HostPort": "2019"}],
    }
    [one] = containers_of(AnsweringHost(containers=[container("proxy", PortBindings=ports, RestartCount=3)]), "test")

    assert (one.service, one.state, one.works, one.serves) == ("memory-proxy", "healthy", True, True)
    assert (one.version, one.digest, one.image_id, one.restarts) == ("18.1", DIGEST, IMAGE_ID, 3)
    assert tuple(map(str, one.ports)) == ("10.0.0.2:2019", "*:443", "*:443/udp")
    assert one.started.isoformat() == "2026-01-02T03:04:05+00:00"


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ({"Health": {"Status": "starting"}}, "starting"),
        ({"Health": {"Status": "unhealthy"}}, "unhealthy"),
        ({"Health": None}, "running"),
        ({"Status": "restarting"}, "restarting"),
        ({"Status": "exited", "Health": {"Status": "healthy"}}, "exited"),
    ],
)
def test_health_counts_only_while_it_runs(state: dict[str, object], said: str) -> None:
    [one] = containers_of(AnsweringHost(containers=[container("app-1", State=state)]), "test")

    assert one.state == said
    assert not one.works


def test_the_version_of_an_image_is_its_label_before_its_tag_and_a_loaded_one_has_no_digest() -> None:
    labelled = image(Config={"Labels": {"org.opencontainers.image.version": "0.2.0"}}, RepoDigests=[])
    [one] = containers_of(AnsweringHost(containers=[container("app-1")], images=[labelled]), "test")

    assert (one.version, one.digest) == ("0.2.0", "")


def test_tasks_do_not_serve_and_the_newest_container_of_a_service_stands_for_it() -> None:
    old, new = container("app-1", Id="1", Created="2026-01-01"), container("app-1", Id="2", Created="2026-01-02")
    view = look([AnsweringHost(containers=[new, old, container("app-init", RestartPolicy="no")])], "test")

    assert [one.id for one in view.serving] == ["1", "2"]
    newest = view.newest("memory-app-1")
    assert newest is not None
    assert newest.id == "2"
    assert view.newest("memory-app-init") is None


def test_a_host_that_does_not_answer_hides_no_other() -> None:
    there, away = AnsweringHost(containers=[container("proxy")]), AnsweringHost(roles=("app",), name="app", away=True)

    view = look([away, there], "test")

    assert [one.service for one in view.containers] == ["memory-proxy"]
    assert "Connection refused" in view.unseen["app"]


def test_a_container_that_goes_while_it_is_asked_about_is_asked_about_again(monkeypatch: pytest.MonkeyPatch) -> None:
    host = AnsweringHost(containers=[container("app-1")])
    asked, real = [], AnsweringHost.run

    def gone_at_first(self: AnsweringHost, *arguments: str, timeout_s: float = 0) -> str:
        if arguments[:2] == ("container", "inspect"):
            asked.append(arguments)
            if len(asked) == 1:
                return real(self, "no such container")
        return real(self, *arguments)

    monkeypatch.setattr(AnsweringHost, "run", gone_at_first)

    assert [one.service for one in containers_of(host, "test")] == ["memory-app-1"]
    assert len(asked) == 2
