"""Types that are made, changed and deleted with one call each, and need no more than that."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from typing import Any, ClassVar

from infra.render.api.errors import NotFound, RenderError
from infra.render.api.resource import Resource
from infra.render.provider.differing import Change, changes
from infra.render.provider.fields import WriteOnly, body_of
from infra.render.provider.fingerprints import FINGERPRINT
from infra.render.provider.leftovers import leftover
from infra.render.provider.lifecycle import SETUP, UNFINISHED, Lifecycle, Made, effective
from infra.render.provider.sealing import opened
from infra.render.provider.service_update import gone_is_fine, move
from infra.render.provider.turn import ProviderError, Turn, Unfinished
from infra.render.provider.values import Json, Values


class Plain(Lifecycle):
    """One POST, GET, PATCH and DELETE under one path."""

    # Whether what is made belongs to a workspace.
    owned: ClassVar[bool] = True

    @abstractmethod
    def kind(self, turn: Turn) -> Resource:
        """Return the API's part for this type."""

    @abstractmethod
    def post(self, turn: Turn, body: Values) -> Json:
        """Make it; return what Render answers."""

    def candidates(self, turn: Turn, body: Values) -> Iterator[Json]:
        """Yield all that could be what an interrupted update made: those of its name."""
        filters: dict[str, Any] = {"ownerId": body["ownerId"]} if self.owned else {}
        yield from self.kind(turn).named(body["name"], **filters)

    def created(self, turn: Turn, inputs: Values, answer: Json, outputs: Values) -> None:
        """Do what is left to do after the POST; fill in `outputs` on the way."""

    def create(self, turn: Turn, inputs: Values) -> Made:
        """Make it, or go on with what an interrupted update made."""
        body = self.first_body(turn, inputs)
        found = leftover(turn, self, self.candidates(turn, body), lambda one: self._equal(turn, one, inputs))
        answer = self.kind(turn).get(found["id"]) if found else self.post(turn, body)
        with turn.keeping(answer["id"], inputs, self.shown(inputs) | self.told(answer)) as outputs:
            if found:
                outputs[UNFINISHED] = SETUP
                answer = self._go_on(turn, answer, inputs, {})
                outputs.update(self.told(answer))
                del outputs[UNFINISHED]
            self.created(turn, inputs, answer, outputs)
        return Made(answer["id"], inputs, outputs)

    def first_body(self, turn: Turn, inputs: Values) -> Values:
        """Return the body of the POST."""
        owner = {"ownerId": turn.owner(inputs)} if self.owned else {}
        return self.body({**inputs, **owner}, turn)

    def body(self, values: Values, turn: Turn) -> Values:
        """Return values as a body, write-only ones opened."""
        found: Values = {}
        for name, value in values.items():
            if isinstance(value, dict) and set(value) == {FINGERPRINT}:
                value = opened(value, turn.memory.vault)
                if value is None:
                    raise ProviderError(f"The value of {name} is not known here; give it in the program.")
            found[name] = value
        return body_of(self.fields, found)

    def _equal(self, turn: Turn, one: Json, inputs: Values) -> bool:
        """Whether something of the name is what a POST with these inputs makes."""
        there = self.seen(turn, self.kind(turn).get(one["id"]), inputs)
        return not list(changes(self.fields, there, inputs, {}))

    def read(self, turn: Turn, id_: str, inputs: Values | None, state: Values) -> Made | None:
        """Look at it."""
        try:
            answer = self.kind(turn).get(id_)
        except NotFound:
            return None
        wanted = self.joined(inputs, self.named_before(inputs, state)) if inputs is not None else None
        found = self.ours(self.seen(turn, answer, wanted), wanted)
        return Made(id_, found, self.kept(state) | self.shown(found) | self.told(answer))

    def seen(self, turn: Turn, answer: Json, inputs: Values | None) -> Values:
        """Return the inputs after a look; further calls are made here for what the answer does not tell."""
        return self.refreshed(inputs, answer)

    def kept(self, state: Values) -> Values:
        """Return the outputs of a state that no look at Render tells again."""
        names = [one.name for one in self.outputs if not one.at] + [UNFINISHED]
        return {name: state[name] for name in names if name in state}

    def update(self, turn: Turn, id_: str, old: Values, state: Values, new: Values) -> Values:
        """Change what differs; after an update that was cut short, what differs from what is there."""
        outputs = self.carried(state, old) | self.shown(new)
        before = self.named_before(old, state)
        if outputs.pop(UNFINISHED, None):
            return self._finished(turn, id_, new, outputs, before)
        answer: Json = None
        made = False
        try:
            for said in self.calls(turn, id_, list(changes(self.fields, old, new, state)), new):
                answer, made = said or answer, True
        except (RenderError, ProviderError) as failure:
            # With nothing changed yet, the state stays as it was, and so does what the next update has to do.
            if not made:
                raise
            kept = outputs | self.shown(self.joined(new, before)) | {UNFINISHED: SETUP}
            raise Unfinished(id_, new, kept, str(failure)) from failure
        return outputs | (self.told(answer) if answer else {}) | self.updated(new, state, answer)

    def _finished(self, turn: Turn, id_: str, new: Values, outputs: Values, before: Values) -> Values:
        """Finish what was cut short, and return the outputs."""
        answer = self.kind(turn).get(id_)
        with turn.keeping(id_, new, outputs | self.shown(self.joined(new, before)) | {UNFINISHED: SETUP}) as kept:
            answer = self._go_on(turn, answer, new, before)
            kept.update(self.told(answer))
            self.created(turn, new, answer, kept)
            kept.pop(UNFINISHED, None)
        return self.shown(new) | self.carried(kept, {})

    def _go_on(self, turn: Turn, answer: Json, inputs: Values, before: Values) -> Json:
        """Make what is there what it shall be; return Render's newest answer. before: what was named before."""
        # What no answer tells, such as a token, is sent again.
        untold = {one.name for one in self.fields if isinstance(one.kind, WriteOnly)}
        wanted = self.joined(inputs, before)
        seen = self.ours(self.seen(turn, answer, wanted), wanted)
        there = {name: value for name, value in seen.items() if name not in untold}
        for said in self.calls(turn, answer["id"], list(changes(self.fields, there, inputs, {})), inputs):
            answer = said or answer
        return answer

    def updated(self, new: Values, state: Values, answer: Json) -> Values:
        """Return further outputs after an update."""
        return {}

    def calls(self, turn: Turn, id_: str, found: list[Change], new: Values) -> Iterator[Json]:
        """Make the calls of a change; yield after each one what Render answered, None if nothing."""
        values = effective(found)
        if "environmentId" in values:
            [moved] = [one for one in found if one.field.name == "environmentId"]
            move(turn, id_, moved.old, moved.new)
            yield None
        body = self.body(self.patched(values, new), turn)
        body.pop("environmentId", None)
        if body:
            yield self.kind(turn).update(id_, body)

    def patched(self, values: Values, new: Values) -> Values:
        """Return the values that a PATCH sends when these changed."""
        return {name: value for name, value in values.items() if value is not None}

    def delete(self, turn: Turn, id_: str, inputs: Values, state: Values) -> None:
        """Delete it."""
        gone_is_fine(lambda: self.kind(turn).delete(id_))
