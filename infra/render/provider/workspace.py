"""What belongs to a workspace as a whole: registry credentials and webhooks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace

from infra.render.api.workspace import RegistryCredentials, Webhooks
from infra.render.provider.checking import Problem
from infra.render.provider.fields import Field, Flag, ListOf, Output, Text, WriteOnly
from infra.render.provider.lifecycle import Made
from infra.render.provider.plain import Plain
from infra.render.provider.turn import ProviderError, Turn
from infra.render.provider.values import Json, Values

# No answer says whose it is.
_OWNER = Field(name="ownerId", at="ownerId", returned=None, replaces="it cannot move to another workspace")


class _OfWorkspace(Plain):
    """What names its workspace only as it is made: the outputs keep it."""

    def created(self, turn: Turn, inputs: Values, answer: Json, outputs: Values) -> None:
        """Keep the workspace, so that a program may name it later without making a new one."""
        outputs["ownerId"] = turn.owner(inputs)

    def read(self, turn: Turn, id_: str, inputs: Values | None, state: Values) -> Made | None:
        """Look at it; an import takes it to be in the provider's workspace, if there is no choice."""
        made = super().read(turn, id_, inputs, state)
        if made is None or inputs is not None:
            return made
        with suppress(ProviderError):
            return replace(made, outputs=made.outputs | {"ownerId": turn.owner({})})
        return made


class RegistryCredential(_OfWorkspace):
    """A log-in to a container registry. The state never has the token, only whether it is still the same."""

    token, what = "render:index:RegistryCredential", "registry credential"
    fields = (
        Field(name="name", required=True, at="name"),
        _OWNER,
        Field(
            name="registry",
            kind=Text(choices=("DOCKER", "GITHUB", "GITLAB", "GOOGLE_ARTIFACT", "AWS_ECR")),
            required=True,
            at="registry",
        ),
        Field(name="username", required=True, at="username"),
        Field(name="authToken", kind=WriteOnly(), required=True, at="authToken", returned=None),
    )
    outputs = (Output(name="ownerId", at=""),)

    def kind(self, turn: Turn) -> RegistryCredentials:
        """Return the API's part for credentials."""
        return turn.api.registry_credentials

    def post(self, turn: Turn, body: Values) -> Json:
        """Make it."""
        return turn.api.registry_credentials.create(body)

    def patched(self, values: Values, new: Values) -> Values:
        """Return all four: the API wants them together."""
        return {name: new[name] for name in ("name", "registry", "username", "authToken")} if values else {}


class Webhook(_OfWorkspace):
    """A call that Render makes when something happens."""

    token, what = "render:index:Webhook", "webhook"
    fields = (
        Field(name="name", required=True, at="name"),
        _OWNER,
        Field(name="url", required=True, at="url"),
        Field(name="enabled", kind=Flag(), at="enabled", default=True),
        # Events are added now and then: there is no list of them here. None at all means every one.
        Field(name="eventFilter", kind=ListOf(of=Text()), at="eventFilter", default=[]),
    )
    # Render signs its calls with it.
    outputs = (Output(name="ownerId", at=""), Output(name="secret", at="secret", secret=True))

    def kind(self, turn: Turn) -> Webhooks:
        """Return the API's part for webhooks."""
        return turn.api.webhooks

    def post(self, turn: Turn, body: Values) -> Json:
        """Make it; the API wants to be told whether it is on, and of what it tells."""
        return turn.api.webhooks.create({"enabled": True, "eventFilter": [], **body})

    def candidates(self, turn: Turn, body: Values) -> Iterator[Json]:
        """Yield those of the name; the API does not look for them by name."""
        yield from (one for one in turn.api.webhooks.all(ownerId=body["ownerId"]) if one["name"] == body["name"])

    def rules(self, values: Values) -> Iterator[Problem]:
        """Yield what Render cannot call."""
        url = values.get("url")
        if isinstance(url, str) and not url.startswith("https://"):
            yield Problem("url", "The url of a webhook begins with https://.", secret=True)
