"""Disks of services that were made elsewhere; a service of the same program names its disk itself."""

from __future__ import annotations

from collections.abc import Iterator

from infra.render.api.disks import Disks
from infra.render.provider.deploying import MODES, WAITING, wait_until_live, waits
from infra.render.provider.differing import Change
from infra.render.provider.fields import Field, Output, Text, Whole
from infra.render.provider.lifecycle import SETUP, UNFINISHED
from infra.render.provider.plain import Plain
from infra.render.provider.turn import Turn
from infra.render.provider.values import Json, Values


class Disk(Plain):
    """A disk. It is there after a deploy of its service, which making or changing it starts."""

    token, what = "render:index:Disk", "disk"
    owned = False
    # A service takes no second disk.
    delete_first = True
    fields = (
        Field(
            name="serviceId",
            required=True,
            at="serviceId",
            replaces="a disk cannot move to another service; the new one begins empty, and the old one is deleted",
        ),
        Field(name="name", required=True, at="name"),
        Field(
            name="mountPath",
            kind=Text(pattern=(r"/.*[^/]", "is an absolute path, below /")),
            required=True,
            at="mountPath",
        ),
        Field(name="sizeGB", kind=Whole(least=1, unit="GB"), required=True, at="sizeGB"),
        Field(name="deployMode", kind=Text(choices=("save", "deploy", "rebuild")), returned=None, local=True),
        *WAITING,
    )
    outputs = (Output(name="createdAt", at="createdAt"),)

    def kind(self, turn: Turn) -> Disks:
        """Return the API's part for disks."""
        return turn.api.disks

    def post(self, turn: Turn, body: Values) -> Json:
        """Add it to its service."""
        return turn.api.disks.create(body)

    def candidates(self, turn: Turn, body: Values) -> Iterator[Json]:
        """Yield the disk that the service has."""
        yield from turn.api.disks.of_service(body["serviceId"])

    def replacing(self, found: list[Change], state: Values) -> dict[str, str]:
        """Return that a smaller disk is a new one."""
        sizes = [(one.old, one.new) for one in found if one.field.name == "sizeGB"]
        for old, new in sizes:
            if isinstance(old, int) and isinstance(new, int) and new < old:
                return {"sizeGB": "a disk only grows; the new one begins empty, and the old one is deleted"}
        return {}

    def created(self, turn: Turn, inputs: Values, answer: Json, outputs: Values) -> None:
        """Deploy the service, so that it has the disk."""
        outputs[UNFINISHED] = SETUP
        self._deploy(turn, inputs)
        del outputs[UNFINISHED]

    def calls(self, turn: Turn, id_: str, found: list[Change], new: Values) -> Iterator[Json]:
        """Change it, and deploy the service if it sees a difference."""
        yield from super().calls(turn, id_, found, new)
        if {one.field.name for one in found} & {"mountPath", "sizeGB"}:
            self._deploy(turn, new)

    def _deploy(self, turn: Turn, inputs: Values) -> None:
        mode = inputs.get("deployMode", "deploy")
        if mode == "save":
            return
        service = turn.api.services.get(inputs["serviceId"])
        if service.get("suspended") == "suspended":
            turn.log.info("The service is suspended: the disk is there once it is resumed.")
            return
        deploy = turn.api.deploys.start(service["id"], mode=MODES[mode])
        if waits(inputs):
            wait_until_live(turn, service, deploy, inputs)
