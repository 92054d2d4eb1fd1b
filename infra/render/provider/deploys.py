"""Deploys as resources: a program starts one whenever what it names in `triggers` changes."""

from __future__ import annotations

from collections.abc import Iterator

from infra.render.api.deploys import CANCELED, DEACTIVATED, FAILED, LIVE
from infra.render.api.errors import NotFound
from infra.render.provider.checking import Problem
from infra.render.provider.deploying import MODES, WAITING, wait_until_live, waits
from infra.render.provider.differing import IMPORTED
from infra.render.provider.domains import split_id
from infra.render.provider.fields import Field, Flag, MapOf, Output, Text
from infra.render.provider.lifecycle import DEPLOY, UNFINISHED, Lifecycle, Made
from infra.render.provider.turn import ProviderError, Turn
from infra.render.provider.values import Json, Values, known

_AGAIN = "a deploy is done once, so another one is started"


class Deploy(Lifecycle):
    """A deploy. Its id is SERVICE/DEPLOY. Nothing is undone when it leaves the program."""

    token, what = "render:index:Deploy", "deploy"
    fields = (
        Field(name="serviceId", required=True, returned=None, replaces=_AGAIN),
        Field(name="commitId", returned=None, replaces=_AGAIN, trigger=True),
        Field(name="imageUrl", returned=None, replaces=_AGAIN, trigger=True),
        Field(name="clearCache", kind=Flag(), returned=None, replaces=_AGAIN, trigger=True),
        Field(name="mode", kind=Text(choices=("deploy", "rebuild")), returned=None, replaces=_AGAIN, trigger=True),
        Field(name="triggers", kind=MapOf(of=Text()), returned=None, replaces=_AGAIN, trigger=True),
        *WAITING,
    )
    outputs = (
        Output(name="deployId", at="id"),
        Output(name="status", at="status", stable=False),
        Output(name="commit", at="commit.id"),
        Output(name="imageDigest", at="image.sha"),
        Output(name="createdAt", at="createdAt"),
        Output(name="finishedAt", at="finishedAt", stable=False),
    )

    def rules(self, values: Values) -> Iterator[Problem]:
        """Yield what a deploy cannot be told together."""
        values = known(values)
        others = [name for name in ("commitId", "imageUrl", "clearCache") if name in values]
        if "mode" in values and others:
            yield Problem("mode", f"mode cannot go together with {' and '.join(others)}; remove one of them.")
        if "commitId" in values and "imageUrl" in values:
            yield Problem("", "A deploy is of a commit or of an image, not of both; remove commitId or imageUrl.")

    def create(self, turn: Turn, inputs: Values) -> Made:
        """Start it and wait until it is live."""
        service = turn.api.services.get(inputs["serviceId"])
        answer = self._start(turn, service, inputs)
        id_ = f"{service['id']}/{answer['id']}"
        with turn.keeping(id_, inputs, self._outputs(inputs, answer) | {UNFINISHED: DEPLOY}) as outputs:
            self._finish(turn, service, answer, inputs, outputs)
        return Made(id_, inputs, outputs)

    def _start(self, turn: Turn, service: Json, inputs: Values) -> Json:
        if service.get("suspended") == "suspended":
            raise ProviderError(f"The service {service['id']} is suspended and cannot be deployed; resume it first.")
        return turn.api.deploys.start(
            service["id"],
            mode=MODES.get(inputs.get("mode", "")),
            clear_cache=inputs.get("clearCache"),
            commit_id=inputs.get("commitId"),
            image_url=inputs.get("imageUrl"),
        )

    def _finish(self, turn: Turn, service: Json, answer: Json, inputs: Values, outputs: Values) -> None:
        if waits(inputs):
            answer = wait_until_live(turn, service, answer, inputs)
        outputs.update(self.told(answer))
        del outputs[UNFINISHED]

    def _outputs(self, inputs: Values, answer: Json) -> Values:
        return self.shown(inputs) | self.told(answer)

    def read(self, turn: Turn, id_: str, inputs: Values | None, state: Values) -> Made | None:
        """Look at it. Render forgets old deploys; that is no reason for another while the service is there."""
        service, deploy = split_id(id_, "SERVICE/DEPLOY, such as srv-1/dep-1")
        try:
            answer = turn.api.deploys.get(service, state.get("deployId") or deploy)
        except NotFound:
            if not state or not self._has(turn, service):
                return None
            return Made(id_, inputs or {}, state)
        found = {"serviceId": service, IMPORTED: True} if inputs is None else inputs
        unfinished = {UNFINISHED: DEPLOY} if UNFINISHED in state and answer["status"] not in (LIVE, DEACTIVATED) else {}
        return Made(id_, found, self._outputs(found, answer) | unfinished)

    def _has(self, turn: Turn, service: str) -> bool:
        try:
            turn.api.services.get(service)
        except NotFound:
            return False
        return True

    def update(self, turn: Turn, id_: str, old: Values, state: Values, new: Values) -> Values:
        """Wait on for one that was not live in time, or start another for one that failed."""
        service = turn.api.services.get(new["serviceId"])
        answer = turn.api.deploys.get(service["id"], state.get("deployId") or split_id(id_, "SERVICE/DEPLOY")[1])
        if answer["status"] in (CANCELED, *FAILED):
            answer = self._start(turn, service, new)
        with turn.keeping(id_, new, self._outputs(new, answer) | {UNFINISHED: DEPLOY}) as outputs:
            self._finish(turn, service, answer, new, outputs)
        return outputs

    def delete(self, turn: Turn, id_: str, inputs: Values, state: Values) -> None:
        """Do nothing: what was deployed stays until something else is."""
