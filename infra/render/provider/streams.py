"""Log streams: where Render sends the logs, of the whole workspace or of one resource."""

from __future__ import annotations

from collections.abc import Iterator

from infra.render.api.errors import NotFound
from infra.render.provider.checking import Problem
from infra.render.provider.differing import changes
from infra.render.provider.domains import split_id
from infra.render.provider.fields import Field, Output, Text, WriteOnly
from infra.render.provider.leftovers import Exists
from infra.render.provider.lifecycle import Lifecycle, Made
from infra.render.provider.sealing import opened
from infra.render.provider.service_update import gone_is_fine
from infra.render.provider.turn import ProviderError, Turn
from infra.render.provider.values import UNKNOWN, Json, Values

_FORM = "owner/WORKSPACE or resource/ID, such as resource/srv-1"
_OTHER = "it would be another stream"


class LogStream(Lifecycle):
    """A stream. Its id is owner/WORKSPACE or resource/ID."""

    token, what = "render:index:LogStream", "log stream"
    delete_first = True
    fields = (
        Field(name="ownerId", returned=None, replaces=_OTHER),
        # Without it, the stream is that of the workspace.
        Field(name="resourceId", returned=None, replaces=_OTHER),
        Field(name="endpoint", at="endpoint", default=""),
        Field(name="token", kind=WriteOnly(), at="token", returned=None),
        # Whether previews (of a workspace's stream) are sent as well, or this resource's logs at all.
        Field(name="preview", kind=Text(choices=("send", "drop")), at="preview"),
        Field(name="setting", kind=Text(choices=("send", "drop")), at="setting"),
    )
    outputs = (Output(name="ownerId", at=""), Output(name="target", at=""))

    def rules(self, values: Values) -> Iterator[Problem]:
        """Yield what belongs to the other kind of stream, and what is missing."""
        if values.get("resourceId") is UNKNOWN:
            return  # it may turn out to be nothing
        if "resourceId" in values:
            if "setting" not in values:
                yield Problem("", "A resource's log stream needs setting: send or drop.")
            if "preview" in values:
                yield Problem("preview", "preview is for a workspace's log stream; a resource's has setting.")
        else:
            if "setting" in values:
                yield Problem("setting", "setting is for a resource's log stream; name its resourceId.")
            for name in ("endpoint", "preview"):
                if name not in values:
                    yield Problem("", f"A workspace's log stream needs {name}.")

    def create(self, turn: Turn, inputs: Values) -> Made:
        """Set it. One that is there already is taken over only if it says the same."""
        resource = inputs.get("resourceId")
        id_ = f"resource/{resource}" if resource else f"owner/{turn.owner(inputs)}"
        there = self._there(turn, id_)
        if there is not None:
            seen = self.refreshed(inputs, there)
            if list(changes(self.fields, seen, inputs, {})):
                raise Exists(
                    f"There is a log stream already, which sends to {there.get('endpoint')!r}. Import it with "
                    f"`pulumi import {self.token} {turn.name} {id_}`, or remove it in the dashboard."
                )
            turn.memory.taken[id_] = turn.urn
        self._set(turn, id_, inputs)
        return Made(id_, inputs, self._outputs(id_, inputs))

    def _there(self, turn: Turn, id_: str) -> Json | None:
        """Return the stream as it is, None if there is none."""
        kind, target = split_id(id_, _FORM)
        api = turn.api.log_streams
        try:
            return api.of_resource(target) if kind == "resource" else api.of_owner(target)
        except NotFound:
            return None

    def _set(self, turn: Turn, id_: str, inputs: Values) -> Json:
        kind, target = split_id(id_, _FORM)
        names = ("endpoint", "token", "setting" if kind == "resource" else "preview")
        body = {name: inputs[name] for name in names if name in inputs}
        if "token" in body:
            body["token"] = opened(body["token"], turn.memory.vault)
            if body["token"] is None:
                raise ProviderError("The token of a log stream is not known here; give it in the program.")
        api = turn.api.log_streams
        return api.set_resource(target, body) if kind == "resource" else api.set_owner(target, body)

    def _outputs(self, id_: str, inputs: Values) -> Values:
        kind, target = split_id(id_, _FORM)
        return {"target": target} | ({"ownerId": target} if kind == "owner" else {}) | self.shown(inputs)

    def read(self, turn: Turn, id_: str, inputs: Values | None, state: Values) -> Made | None:
        """Look at it; the token is never told."""
        kind, target = split_id(id_, _FORM)
        if kind not in ("owner", "resource"):
            raise ProviderError(f"{id_!r} is no id of a log stream; it has the form {_FORM}.")
        answer = self._there(turn, id_)
        if answer is None:
            return None
        found = self.refreshed(inputs, answer)
        if inputs is None:
            found["resourceId" if kind == "resource" else "ownerId"] = target
        return Made(id_, found, self._outputs(id_, found))

    def update(self, turn: Turn, id_: str, old: Values, state: Values, new: Values) -> Values:
        """Set it anew, as a whole: the API keeps no part that is left out."""
        if list(changes(self.fields, old, new, state)):
            self._set(turn, id_, new)
        return self._outputs(id_, new)

    def delete(self, turn: Turn, id_: str, inputs: Values, state: Values) -> None:
        """Send nothing more."""
        kind, target = split_id(id_, _FORM)
        api = turn.api.log_streams
        gone_is_fine(lambda: api.delete_resource(target) if kind == "resource" else api.delete_owner(target))
