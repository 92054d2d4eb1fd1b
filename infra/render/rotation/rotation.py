"""One rotation: the value set in all its places, deployed, verified; or the old one put back the same way."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from infra.command_errors import CannotDo
from infra.render.api.client import RenderApi
from infra.render.api.errors import RenderError
from infra.render.deployed import variables
from infra.render.deployed.app import AppFailed, DeployedApp
from infra.render.deployed.choosing import CRON, Service
from infra.render.deployed.variables import Place, Variables
from infra.render.deployed.waiting import Watched
from infra.render.rotation.kinds import Proof
from infra.render.rotation.unfinished import Phase, Target, Unfinished
from infra.render.rotation.verifying import verify

# How long the process from before a deploy may go on answering.
_OLD_PROCESS_S = 180.0
# A secret that is shorter is no secret, and other variables may have it by chance.
_SHORTEST_TWIN = 12

Wait = Callable[[Sequence[Watched]], list[Watched]]
Say = Callable[[str], None]


class NotVerified(CannotDo):
    """The new value does not work, or could not be deployed; what was done about it stands in the message."""


@dataclass(frozen=True)
class Means:
    """What a rotation works with.

    app: with the token to use for a value of the secret; None: no web service runs with the secret.
    """

    api: RenderApi
    wait: Wait
    say: Say
    app: Callable[[str], DeployedApp] | None
    proof: Proof


@dataclass
class Rotation:
    """A rotation under way; `noted` is kept on disk at `path`. services: all that run with the secret."""

    noted: Unfinished
    path: Path
    services: Sequence[Service]
    means: Means
    deploys: list[Watched] = field(default_factory=list)

    def run(self, new: str) -> str:
        """Set, deploy and verify; return what was seen. Raises NotVerified with the old value in force again.

        Whatever else ends it (Ctrl-C too) leaves the note on disk, to go on from or to put back.
        """
        try:
            since_s = self._bring(new, (Phase.SETTING, Phase.DEPLOYING))
            self._note(Phase.VERIFYING)
            seen = self._verify(new, since_s)
        except (CannotDo, RenderError) as error:
            self.means.say(f"{self.noted.secret}: the new value does not work: {error}")
            seen = self.put_back()
            raise NotVerified(f"the new value does not work ({error}); the old one is in force again: {seen}") from None
        self.path.unlink(missing_ok=True)
        return seen

    def put_back(self) -> str:
        """Set and deploy the old value; return what the app says to it. Raises CannotDo, RenderError."""
        since_s = self._bring(self.noted.old, (Phase.PUTTING_BACK, Phase.PUTTING_BACK))
        try:
            seen = self._verify(self.noted.old, since_s)
        except AppFailed as error:  # it may be the reason for the rotation
            seen = f"it does not work either ({error})"
        self.path.unlink(missing_ok=True)
        return seen

    def _bring(self, value: str, phases: tuple[Phase, Phase]) -> float:
        """Set a value in all places and deploy it; return when the deploys began. Raises CannotDo, RenderError."""
        self._note(phases[0])
        for target in self.noted.targets:
            self._set(target, value)
        self._note(phases[1])
        since_s = self.means.api.clock.now()
        self._deploy()
        return since_s

    def _set(self, target: Target, value: str) -> None:
        place = Place(target.place, target.name, target.is_group, {}, ())
        if target.is_file:
            self.means.api.secret_files.set(target.place, target.variable, value)
        else:
            variables.put(self.means.api, place, target.variable, value)
        self.means.say(f"{'file ' if target.is_file else ''}{target.variable}: set in {place}")

    def _verify(self, value: str, since_s: float) -> str:
        """Ask the app that began after a moment. Raises AppFailed."""
        if self.means.app is None:
            return f"{Proof.LIVE}; no call of the app shows more"
        app = self.means.app(value)
        app.wait_for_process_since(since_s, self.means.api.clock, _OLD_PROCESS_S)
        return verify(app, self.means.proof, value, self.means.api.clock)

    def _deploy(self) -> None:
        started = []
        for service in self.services:
            if service.is_suspended:
                self.means.say(f"{service.name} is suspended, and takes the value when it is resumed")
                continue
            deploy = self.means.api.deploys.start(service.id, mode="deploy_only")
            if service.type == CRON:
                self.means.say(f"{service.name} takes the value with its next run")
            started.append(Watched(service, deploy))
        self.deploys = self.means.wait(started)
        broken = [one for one in self.deploys if not one.is_live]
        if broken:
            raise CannotDo("; ".join(f"{one.service.name}: {one.deploy['id']} {one.says}" for one in broken))

    def _note(self, phase: Phase) -> None:
        self.noted.phase = phase
        self.noted.save(self.path)


def targets_of(
    found: Variables, name: str, holding: Sequence[Place], files: Sequence[tuple[Service, Mapping[str, str]]]
) -> list[Target]:
    """Return the places of a secret, then all other copies: variables of other names, such as Qdrant's, and files.

    files: services with their secret files by name, in which Prometheus and Alertmanager have keys.
    """
    old = holding[0].values[name]
    targets = [Target(place.id, place.is_group, place.name, name) for place in holding]
    if len(old) < _SHORTEST_TWIN:
        return targets
    targets += [
        Target(place.id, place.is_group, place.name, other)
        for place in found.places
        for other, value in place.values.items()
        if value == old and other != name
    ]
    return targets + [
        Target(service.id, False, service.name, file, is_file=True)
        for service, contents in files
        for file, content in contents.items()
        if content == old
    ]
