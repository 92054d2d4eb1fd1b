"""`images lock`, `check` and `clean`, with made-up registries."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from infra import versions
from infra.selfhost import images_command
from infra.selfhost.registry import RegistryFailed
from tests.infra.selfhost.conftest import STACK, Ran
from tests.support.engine_answers import DIGEST, AnsweringHost, container, image

Command = Callable[..., Ran]
MOVED = "sha256:" + "77" * 32


class Hub:
    """A registry that has every image, at `digest` unless `moved` or `away` says otherwise."""

    def __init__(self) -> None:
        self.moved: set[str] = set()
        self.away: set[str] = set()

    def digest(self, name: str) -> str:
        if name in self.away:
            raise RegistryFailed(f"{name}: cannot be reached")
        return MOVED if name in self.moved else DIGEST


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Hub:
    made = Hub()
    monkeypatch.setattr(images_command, "Registry", lambda: made)
    return made


def locked(project: Path) -> dict[str, str]:
    lines = (project / "images.lock").read_text(encoding="utf-8").splitlines()
    return dict(line.split("@") for line in lines if not line.startswith("#"))


def test_the_lock_has_every_image_of_the_programs_and_of_stacks_but_the_app(
    command: Command, project: Path, hub: Hub
) -> None:
    own = STACK.replace("{app:", '{caddy: "caddy:2.11.0", redis: "x@sha256:1", app:')
    (project / "Pulumi.second.yaml").write_text(own, encoding="utf-8")

    ran = command("images", "lock")

    assert ran.status == 0
    assert set(locked(project)) >= {versions.POSTGRES, versions.GRAFANA, "caddy:2.11.0"}
    assert not [name for name in locked(project) if name.startswith(("claude-memory", "x"))]
    assert set(locked(project).values()) == {DIGEST}


def test_an_entry_stays_until_an_update_is_asked_for(command: Command, project: Path, hub: Hub) -> None:
    command("images", "lock")
    hub.moved.add(versions.POSTGRES)

    command("images", "lock")
    assert locked(project)[versions.POSTGRES] == DIGEST

    ran = command("images", "lock", "--update")
    assert locked(project)[versions.POSTGRES] == MOVED
    assert f"{versions.POSTGRES} {MOVED[:19]}, was {DIGEST[:19]}" in ran.said


def test_an_entry_that_nothing_uses_any_more_goes(command: Command, project: Path, hub: Hub) -> None:
    (project / "images.lock").write_text(f"postgres:9.6@{DIGEST}\n", encoding="utf-8")

    ran = command("images", "lock")

    assert "postgres:9.6" not in locked(project)
    assert "postgres:9.6 no stack uses it; its entry is gone" in ran.said


def test_an_image_that_a_registry_does_not_tell_keeps_its_entry_and_fails_the_command(
    command: Command, project: Path, hub: Hub
) -> None:
    command("images", "lock")
    before = locked(project)
    hub.away.add(versions.QDRANT)

    ran = command("images", "lock", "--update")

    assert ran.status == 1
    assert "cannot be reached" in ran.said
    assert locked(project) == before


def running(digest: str) -> AnsweringHost:
    pulled = image(RepoDigests=[f"postgres@{digest}"])
    return AnsweringHost(containers=[container("postgres")], images=[pulled])


def test_a_lock_that_agrees_with_registries_and_hosts_is_fine(command: Command, project: Path, hub: Hub) -> None:
    command("images", "lock")

    ran = command("images", "check", hosts=[running(DIGEST)])

    assert ran.status == 0
    assert f"ok {versions.POSTGRES} {DIGEST[:19]}, as the registry has it" in ran.said


def test_a_tag_that_has_moved_is_told_with_the_command_that_takes_it(command: Command, project: Path, hub: Hub) -> None:
    command("images", "lock")
    hub.moved.add(versions.POSTGRES)

    ran = command("images", "check", "--json", hosts=[running(DIGEST)])

    assert ran.status == 1
    [found] = [one for one in ran.json["findings"] if one["state"] == "failed"]
    assert (found["what"], "images lock --update" in found["remedy"]) == (versions.POSTGRES, True)


@pytest.mark.parametrize("digest", [MOVED, ""])
def test_a_service_that_runs_another_image_than_the_lock_has_is_told(
    command: Command, project: Path, hub: Hub, digest: str
) -> None:
    command("images", "lock")

    host = (
        running(digest) if digest else AnsweringHost(containers=[container("postgres")], images=[image(RepoDigests=[])])
    )
    ran = command("images", "check", hosts=[host])

    assert ran.status == 1
    assert "failed postgres on data runs " in ran.said


def test_without_a_lock_nothing_is_fine(command: Command, project: Path, hub: Hub) -> None:
    ran = command("images", "check", hosts=[running(DIGEST)])

    assert ran.status == 1
    assert "is not in the lock: its tag decides" in ran.said


def test_a_registry_that_is_away_is_no_difference(command: Command, project: Path, hub: Hub) -> None:
    command("images", "lock")
    hub.away.update(locked(project))

    assert command("images", "check", hosts=[running(DIGEST)]).status == 0


def unused() -> AnsweringHost:
    shown = {"Repository": "claude-memory", "Tag": "0.0.1", "Digest": "<none>", "ID": "sha256:1", "Size": "1MB"}
    older = {**shown, "Tag": "0.0.0", "ID": "sha256:0", "CreatedAt": "2026-01-01"}
    lines = [json.dumps({**shown, "CreatedAt": "2026-01-02"}), json.dumps(older)]
    return AnsweringHost(said={"image ls": "\n".join(lines), "image rm": ""})


def test_old_images_are_shown_and_removed_only_when_asked_for(command: Command, project: Path) -> None:
    host = unused()
    shown = command("images", "clean", hosts=[host])
    assert (shown.status, "claude-memory:0.0.0" in shown.said) == (0, True)
    assert "claude-memory:0.0.1" not in shown.said
    assert "nothing was removed" in shown.said
    assert not [asked for asked in host.asked if asked[:2] == ("image", "rm")]

    removed = command("images", "clean", "--remove", "--json", hosts=[host])
    assert [one["image"] for one in removed.json["images"]] == ["claude-memory:0.0.0"]
    assert host.asked[-1] == ("image", "rm", "claude-memory:0.0.0")


def test_a_host_that_does_not_answer_fails_the_cleaning_and_stops_no_other(command: Command, project: Path) -> None:
    ran = command("images", "clean", "--json", hosts=[AnsweringHost(roles=("app",), name="app", away=True), unused()])

    assert ran.status == 1
    assert len(ran.json["images"]) == 1
    assert ran.json["failed"][0]["what"] == "host app"
