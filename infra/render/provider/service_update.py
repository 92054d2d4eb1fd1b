"""A change of a service: the fewest calls, in the order in which Render takes them."""

from __future__ import annotations

from collections.abc import Callable

from infra.render.api.errors import Conflict, NotFound, Refused
from infra.render.provider.differing import Change
from infra.render.provider.fields import Effect, Field, body_of, by_name, dig
from infra.render.provider.service_fields import DETAILS, scaling_encoded
from infra.render.provider.turn import Turn
from infra.render.provider.values import Json, Values
from infra.render.provider.variables import Set, file_calls, key_of, variable_calls

# What depends on the runtime: with another one, all of it is said again.
_OF_RUNTIME = (
    "repo",
    "branch",
    "image",
    "buildCommand",
    "startCommand",
    "dockerCommand",
    "dockerContext",
    "dockerfilePath",
    "registryCredentialId",
)


class ServiceUpdate:
    """One change. old, new: inputs. service: the newest answer, None until there is one. made: whether a call was."""

    def __init__(
        self, turn: Turn, fields: tuple[Field, ...], id_: str, old: Values, new: Values, found: list[Change]
    ) -> None:
        self._turn, self._fields, self._id, self._old, self._new = turn, fields, id_, old, new
        self._changes = {one.field.name: one for one in found}
        self.service: Json = None
        self.disk_id: str | None = None
        self.generated: dict[str, str] = {}
        self.made = False

    def effect(self) -> Effect:
        """Return what the service needs to see the change."""
        effects = {one.field.effect for one in self._changes.values()}
        # A static site has nothing but its build, and variables are for that.
        if "publishPath" in by_name(self._fields) and "deploy" in effects:
            return "rebuild"
        return "rebuild" if "rebuild" in effects else "deploy" if "deploy" in effects else "nothing"

    def apply(self) -> None:
        """Make all calls but the deploy. What takes room goes after what makes room."""
        for step in (
            self._move,
            self._remove_disk,
            self._stop_autoscaling,
            self._scale_for_disk,
            self._patch,
            self._set_disk,
            self._scale,
            self._autoscale,
            self._set_variables,
            self._set_files,
            self._link,
            self._set_rules,
            self._notify,
        ):
            step()

    def read(self) -> Json:
        """Return the service as it is now, with one call unless an answer of this change tells."""
        if self.service is None:
            self.service = self._turn.api.services.get(self._id)
        return self.service

    # Steps -------------------------------------------------------------------------------------

    def _changed(self, name: str) -> Change | None:
        return self._changes.get(name)

    def _do(self, call: Callable[[], Json]) -> Json:
        answer = call()
        self.made = True
        return answer

    def _move(self) -> None:
        if change := self._changed("environmentId"):
            move(self._turn, self._id, change.old, change.new)
            self.made = True

    def _remove_disk(self) -> None:
        change = self._changed("disk")
        if change and change.old and not change.new and (disk_id := self._disk()):
            gone_is_fine(lambda: self._turn.api.disks.delete(disk_id))
            self.made, self.disk_id = True, None

    def _stop_autoscaling(self) -> None:
        change = self._changed("autoscaling")
        if change and change.old and not change.new:
            gone_is_fine(lambda: self._turn.api.services.stop_autoscaling(self._id))
            self.made = True

    def _scale_for_disk(self) -> None:
        """A disk needs one instance, so the scale goes before it."""
        disk, count = self._changed("disk"), self._changed("numInstances")
        if disk and disk.new and not disk.old and count and count.new == 1:
            self._do(lambda: self._turn.api.services.scale(self._id, 1))
            del self._changes["numInstances"]

    def _patch(self) -> None:
        if body := self._patch_body():
            self.service = self._do(lambda: self._turn.api.services.update(self._id, body))

    def _patch_body(self) -> Values:
        fields = by_name(self._fields)
        own = {"environmentId", "ownerId", "region"}
        names = [name for name in self._changes if fields[name].at and name not in own]
        values = {name: self._changes[name].new for name in names}
        if "runtime" in values:
            values |= {name: self._new[name] for name in _OF_RUNTIME if name in self._new}
        body = body_of(self._fields, {name: value for name, value in values.items() if value is not None})
        if values.get("image"):
            body["image"] = self.image(values["image"])
        if trigger := self._changed("autoDeployTrigger"):
            body |= trigger_body(trigger.new, trigger.old)
        return body

    def image(self, image: Values) -> Values:
        """Return an image as a body has it, where the workspace is required."""
        return {"ownerId": self._turn.owner(self._new), **image}

    def _set_disk(self) -> None:
        change = self._changed("disk")
        if not change or not change.new:
            return
        if change.old and (disk_id := self._disk()):
            parts = {name: value for name, value in change.new.items() if change.old.get(name) != value}
            self._do(lambda: self._turn.api.disks.update(disk_id, parts))
            return
        body = {**change.new, "serviceId": self._id}
        try:
            self.disk_id = str(self._do(lambda: self._turn.api.disks.create(body))["id"])
        except (Conflict, Refused):
            # An interrupted update may have made it.
            there = self._turn.api.disks.of_service(self._id)
            if not there:
                raise
            self.disk_id = str(self._do(lambda: self._turn.api.disks.update(there[0]["id"], change.new))["id"])

    def _disk(self) -> str | None:
        if self.disk_id is None:
            self.disk_id = dig(self.read(), f"{DETAILS}.disk.id")
        return self.disk_id

    def _scale(self) -> None:
        change = self._changed("numInstances")
        # While autoscaling is on, Render takes no notice of the number.
        if change and isinstance(count := change.new, int) and not self._new.get("autoscaling"):
            self._do(lambda: self._turn.api.services.scale(self._id, count))

    def _autoscale(self) -> None:
        change = self._changed("autoscaling")
        if change and change.new:
            self._do(lambda: self._turn.api.services.autoscale(self._id, scaling_encoded(change.new)))

    def _set_variables(self) -> None:
        if change := self._changed("envVars"):
            calls = variable_calls(self._turn, self._id)
            for made in self._set("envVars", calls, change).apply():
                self.generated |= made
                self.made = True

    def _set_files(self) -> None:
        if change := self._changed("secretFiles"):
            for _ in self._set("secretFiles", file_calls(self._turn, self._id), change).apply():
                self.made = True

    def _set(self, where: str, calls: Json, change: Change) -> Set:
        return Set(self._turn, calls, where, change.old or {}, change.new or {}, key_of(self._new))

    def _link(self) -> None:
        if change := self._changed("envGroupIds"):
            self.made = link(self._turn, self._id, change.old or [], change.new or []) or self.made

    def _set_rules(self) -> None:
        api = self._turn.api.services
        for name, call in (("headers", api.set_headers), ("routes", api.set_routes)):
            if change := self._changed(name):
                call(self._id, change.new or [])
                self.made = True

    def _notify(self) -> None:
        if change := self._changed("notifications"):
            body = dict.fromkeys(change.old or {}, "default") | (change.new or {})
            self._do(lambda: self._turn.api.notifications.set_service(self._id, body))


def link(turn: Turn, service_id: str, old: list[str], new: list[str]) -> bool:
    """Link and unlink environment groups; return whether any call was made."""
    for group in [one for one in new if one not in old]:
        turn.api.env_groups.link(group, service_id)
    for group in [one for one in old if one not in new]:
        gone_is_fine(lambda group=group: turn.api.env_groups.unlink(group, service_id))  # type: ignore[misc]
    return set(old) != set(new)


def move(turn: Turn, id_: str, old: Json, new: Json) -> None:
    """Move a resource into another environment, or out of the one it is in."""
    if new:
        turn.api.environments.add(str(new), [id_])
    elif old:
        gone_is_fine(lambda: turn.api.environments.remove(str(old), [id_]))


def trigger_body(new: Json, old: Json) -> Values:
    """Return when a service deploys by itself. Only checksPass needs the newer field, to come and to go."""
    if "checksPass" in (new, old):
        return {"autoDeployTrigger": new}
    return {"autoDeploy": "no" if new == "off" else "yes"}


def gone_is_fine(call: Callable[[], None]) -> None:
    """Make a call that removes something, which may be gone already."""
    try:
        call()
    except NotFound:
        return
