"""Environment groups: variables and secret files that several services share."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace

from infra.render.api.groups import EnvGroups
from infra.render.provider.differing import Change
from infra.render.provider.fields import Field, MapOf, Output, Variable, body_of
from infra.render.provider.fingerprints import FINGERPRINT, GENERATE, KEY, fingerprint_of, new_key
from infra.render.provider.lifecycle import Made
from infra.render.provider.plain import Plain
from infra.render.provider.service_fields import FILE_NAME, VARIABLE_NAME, files_encoded, variables_encoded
from infra.render.provider.service_update import move
from infra.render.provider.turn import Turn
from infra.render.provider.values import UNKNOWN, Json, Values, has_unknown
from infra.render.provider.variables import Calls, Set, generated, key_of, sent_first


def _variables(group: Json) -> dict[str, str]:
    return {one["key"]: one["value"] for one in group or []}


def _files(group: Json) -> dict[str, str]:
    return {one["name"]: one["content"] for one in group or []}


class EnvGroup(Plain):
    """A group. A service names the groups it is linked to, so that they are there before its first deploy."""

    token, what = "render:index:EnvGroup", "environment group"
    # `revision` is made with the key, so that it tells nothing of the values.
    keyed = True
    fields = (
        Field(name="name", required=True, at="name"),
        Field(name="ownerId", at="ownerId", replaces="a group cannot move to another workspace"),
        Field(name="environmentId", at="environmentId", default=""),
        Field(
            name="envVars",
            kind=MapOf(of=Variable(generates=True), pattern=VARIABLE_NAME, open=True),
            at="envVars",
            encode=variables_encoded,
            decode=_variables,
            default={},
        ),
        Field(
            name="secretFiles",
            kind=MapOf(of=Variable(), pattern=FILE_NAME, open=True),
            at="secretFiles",
            encode=files_encoded,
            decode=_files,
            default={},
        ),
    )
    outputs = (
        Output(name="ownerId", at="ownerId"),
        Output(name="createdAt", at="createdAt"),
        # Given to a service's redeployOn, it deploys the service when the group changes.
        Output(name="revision", at="", stable=False),
        Output(name="generated", at="", secret=True, stable=False),
    )

    def kind(self, turn: Turn) -> EnvGroups:
        """Return the API's part for groups."""
        return turn.api.env_groups

    def post(self, turn: Turn, body: Values) -> Json:
        """Make it with all that is in it."""
        return turn.api.env_groups.create(body)

    def body(self, values: Values, turn: Turn) -> Values:
        """Return the body of the POST, in which the API wants the list of variables always."""
        opened = {
            name: sent_first(turn, value, name) if name in ("envVars", "secretFiles") else value
            for name, value in values.items()
        }
        return body_of(self.fields, {"envVars": {}, **opened})

    def created(self, turn: Turn, inputs: Values, answer: Json, outputs: Values) -> None:
        """Keep what Render generated, and the revision."""
        outputs.update(self.updated(inputs, {}, answer))

    def updated(self, new: Values, state: Values, answer: Json) -> Values:
        """Return what Render generated, and the revision."""
        there = {**state.get("generated", {}), **_variables((answer or {}).get("envVars"))}
        return {"generated": generated(new.get("envVars") or {}, there), "revision": revision(new)}

    def foreseen(self, inputs: Values, state: Values | None, found: list[Change]) -> Values:
        """Return the outputs that a preview can promise, the revision among them."""
        known = {"revision": UNKNOWN if state is None or has_unknown(inputs) else revision(inputs)}
        generated_before = {"generated": state["generated"]} if state and "generated" in state and not found else {}
        return super().foreseen(inputs, state, found) | known | generated_before

    def read(self, turn: Turn, id_: str, inputs: Values | None, state: Values) -> Made | None:
        """Look at it, and tell its revision."""
        made = super().read(turn, id_, inputs, state)
        if made is None or KEY not in made.inputs:
            return made
        return replace(made, outputs=made.outputs | {"revision": revision(made.inputs)})

    def without_values(self, made: Made) -> Made:
        """Return what an import found with fingerprints in place of values, and the revision that they have."""
        made = super().without_values(made)
        inputs = {KEY: new_key(b""), **made.inputs}
        return Made(made.id, inputs, {"generated": {}, **made.outputs, "revision": revision(inputs)})

    def calls(self, turn: Turn, id_: str, found: list[Change], new: Values) -> Iterator[Json]:
        """Make the calls of a change: name, environment, then variables and files one by one."""
        api = turn.api.env_groups
        for one in found:
            match one.field.name:
                case "name":
                    yield api.update(id_, {"name": one.new})
                case "environmentId":
                    move(turn, id_, one.old, one.new)
                    yield None
                case "envVars" | "secretFiles" as where:
                    calls = _Calls(turn, id_, where)
                    for _ in Set(turn, calls.calls, where, one.old or {}, one.new or {}, key_of(new)).apply():
                        yield calls.group


class _Calls:
    """The calls for one kind of a group's values. group: the whole group as the last one answered it."""

    def __init__(self, turn: Turn, id_: str, where: str) -> None:
        self._api, self._id, self._where = turn.api.env_groups, id_, where
        self.group: Json = None
        self.calls = Calls(all=self._all, set=self._set, unset=self._unset)

    def _all(self) -> dict[str, str]:
        group = self._api.get(self._id)
        return _variables(group.get("envVars")) if self._where == "envVars" else _files(group.get("secretFiles"))

    def _set(self, name: str, value: Json) -> str | None:
        if self._where == "envVars":
            self.group = self._api.set(self._id, name, value)
            return _variables(self.group.get("envVars")).get(name)
        self.group = self._api.set_file(self._id, name, value)
        return None

    def _unset(self, name: str) -> None:
        (self._api.unset if self._where == "envVars" else self._api.unset_file)(self._id, name)


def revision(inputs: Values) -> str:
    """Return a text that is another one as soon as a variable or a file is, however the state keeps its value."""
    key = inputs[KEY]
    content = {
        f"{where}.{name}": _print(key, f"{where}.{name}", value)
        for where in ("envVars", "secretFiles")
        for name, value in (inputs.get(where) or {}).items()
    }
    return fingerprint_of(key, "revision", json.dumps(content, sort_keys=True))[:16]


def _print(key: str, where: str, value: Json) -> str:
    if isinstance(value, Mapping):
        return str(value.get(FINGERPRINT, GENERATE))
    return fingerprint_of(key, where, value)
