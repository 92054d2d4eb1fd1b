"""Projects with their environments, and environments of projects that were made elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from infra.render.api.projects import Environments, Projects
from infra.render.provider.checking import Problem
from infra.render.provider.differing import Change, changes
from infra.render.provider.fields import (
    Field,
    Flag,
    MapOf,
    Output,
    Record,
    Text,
    answered,
    blank,
    body_of,
    trimmed,
)
from infra.render.provider.lifecycle import SETUP, UNFINISHED, Made, effective
from infra.render.provider.plain import Plain
from infra.render.provider.sealing import folded
from infra.render.provider.service_fields import ADDRESSES, addresses_encoded
from infra.render.provider.service_rules import addresses
from infra.render.provider.service_update import gone_is_fine
from infra.render.provider.turn import Turn
from infra.render.provider.values import Json, Values

_SETTINGS = (
    Field(
        name="protectedStatus",
        kind=Text(choices=("unprotected", "protected")),
        at="protectedStatus",
        default="unprotected",
    ),
    Field(name="networkIsolationEnabled", kind=Flag(), at="networkIsolationEnabled", default=False),
    Field(name="ipAllowList", kind=ADDRESSES, at="ipAllowList", encode=addresses_encoded),
)


class Environment(Plain):
    """An environment. A project that is made with its environments needs none of these."""

    token, what = "render:index:Environment", "environment"
    owned = False
    fields = (
        Field(name="name", required=True, at="name"),
        Field(
            name="projectId", required=True, at="projectId", replaces="an environment cannot move to another project"
        ),
        *_SETTINGS,
    )
    outputs = (Output(name="projectId", at="projectId"),)

    def kind(self, turn: Turn) -> Environments:
        """Return the API's part for environments."""
        return turn.api.environments

    def post(self, turn: Turn, body: Values) -> Json:
        """Make it."""
        return turn.api.environments.create(body)

    def candidates(self, turn: Turn, body: Values) -> Iterator[Json]:
        """Yield those of the name in the project."""
        yield from turn.api.environments.named(body["name"], projectId=body["projectId"])

    def rules(self, values: Values) -> Iterator[Problem]:
        """Yield what is no block of addresses."""
        yield from addresses(values)


class Project(Plain):
    """A project. Its `environments` are those that the program names; others in it are left alone."""

    token, what = "render:index:Project", "project"
    fields = (
        Field(name="name", required=True, at="name"),
        Field(name="ownerId", at="ownerId", returned="owner.id", replaces="a project cannot move to another workspace"),
        Field(
            name="environments",
            kind=MapOf(of=Record(fields=_SETTINGS), pattern=(r"(?s).+", "is not empty"), open=True),
            required=True,
            returned=None,
        ),
    )
    outputs = (
        Output(name="ownerId", at="owner.id"),
        Output(name="createdAt", at="createdAt"),
        # By name.
        Output(name="environmentIds", at="", stable=False),
    )

    def kind(self, turn: Turn) -> Projects:
        """Return the API's part for projects."""
        return turn.api.projects

    def rules(self, values: Values) -> Iterator[Problem]:
        """Yield that a project begins with an environment, and what is no block of addresses."""
        environments = values.get("environments")
        if isinstance(environments, dict):
            if not environments:
                yield Problem("environments", "A project needs at least one environment.")
            for name, one in environments.items():
                for problem in addresses(one if isinstance(one, dict) else {}):
                    yield Problem("environments", f"environments.{name}: {problem.sentence}")

    def first_body(self, turn: Turn, inputs: Values) -> Values:
        """Return the body of the POST, which makes the environments as well."""
        wanted = inputs["environments"]
        made = [{"name": name, **body_of(_SETTINGS, one)} for name, one in wanted.items()]
        return {**super().first_body(turn, inputs), "environments": made}

    def post(self, turn: Turn, body: Values) -> Json:
        """Make it with its environments."""
        return turn.api.projects.create(body)

    def created(self, turn: Turn, inputs: Values, answer: Json, outputs: Values) -> None:
        """Find the environments' ids; the answer about the project has the id of a single one."""
        outputs[UNFINISHED] = SETUP
        wanted, ids = inputs["environments"], answer.get("environmentIds") or []
        if len(wanted) == 1 and len(ids) == 1:
            outputs["environmentIds"] = {next(iter(wanted)): ids[0]}
        else:
            there = self._there(turn, answer["id"])
            outputs["environmentIds"] = {name: there[name]["id"] for name in wanted if name in there}
        del outputs[UNFINISHED]

    def _there(self, turn: Turn, id_: str) -> dict[str, Json]:
        return {one["name"]: one for one in turn.api.environments.all(projectId=id_)}

    def seen(self, turn: Turn, answer: Json, inputs: Values | None) -> Values:
        """Return the inputs after a look at the project and at its environments."""
        there = self._there(turn, answer["id"])
        wanted = dict.fromkeys(there) if inputs is None else inputs["environments"]
        environments = {name: _settings(one, there[name]) for name, one in wanted.items() if name in there}
        return self.refreshed(inputs, answer) | {"environments": environments}

    def read(self, turn: Turn, id_: str, inputs: Values | None, state: Values) -> Made | None:
        """Look at it; an import takes all environments it has."""
        made = super().read(turn, id_, inputs, state)
        if made is None or set(made.outputs.get("environmentIds", {})) == set(made.inputs["environments"]):
            return made
        return replace(made, outputs=made.outputs | self._ids(turn, id_, made.inputs))

    def _ids(self, turn: Turn, id_: str, inputs: Values) -> Values:
        there = self._there(turn, id_)
        return {"environmentIds": {name: there[name]["id"] for name in inputs["environments"] if name in there}}

    def update(self, turn: Turn, id_: str, old: Values, state: Values, new: Values) -> Values:
        """Change it, and find the ids of environments that are new."""
        outputs = super().update(turn, id_, old, state, new)
        if set(outputs.get("environmentIds", {})) == set(new["environments"]):
            return outputs
        with turn.keeping(id_, new, outputs | {UNFINISHED: SETUP}) as kept:
            kept.update(self._ids(turn, id_, new))
            del kept[UNFINISHED]
        return kept

    def calls(self, turn: Turn, id_: str, found: list[Change], new: Values) -> Iterator[Json]:
        """Make the calls of a change: the name, then each environment that is new, changed or gone."""
        yield from super().calls(turn, id_, found, new)
        for change in found:
            if change.field.name == "environments":
                yield from self._environments(turn, id_, change.old or {}, change.new)

    def _environments(self, turn: Turn, id_: str, old: Values, new: Values) -> Iterator[Json]:
        there, api = self._there(turn, id_), turn.api.environments
        for name in old.keys() - new.keys():
            if name in there:
                gone_is_fine(lambda name=name: api.delete(there[name]["id"]))  # type: ignore[misc]
                yield None
        for name, settings in new.items():
            if name not in there:
                api.create({"name": name, "projectId": id_, **body_of(_SETTINGS, settings)})
                yield None
            elif left := list(changes(_SETTINGS, _settings(settings, there[name]), settings, {})):
                api.update(there[name]["id"], body_of(_SETTINGS, effective(left)))
                yield None


def _settings(wanted: Json, there: Json) -> Values:
    """Return the settings of an environment that the program names, as they are; None: an import, which takes all."""
    found: Values = {}
    for one, live in answered(_SETTINGS, there):
        value = trimmed(one.kind, live)
        if wanted is None:
            found[one.name] = value
        elif one.name in wanted:
            found[one.name] = folded(one, wanted[one.name], value, None)
    named = wanted or {}
    return {
        name: value for name, value in found.items() if not blank(value) or (name in named and named[name] == value)
    }
