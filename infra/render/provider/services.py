"""Services of all types: all they need is there before their first deploy runs, and changes take the fewest calls."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from infra.render.api.deploys import CANCELED, DEACTIVATED, FAILED, LIVE
from infra.render.api.errors import Conflict, NotFound, Refused, RenderError
from infra.render.provider import service_fields, service_rules
from infra.render.provider.checking import Problem
from infra.render.provider.deploying import MODES, wait_until_live, waits
from infra.render.provider.differing import Change, changes
from infra.render.provider.fields import Effect, body_of, put
from infra.render.provider.fingerprints import GENERATE
from infra.render.provider.leftovers import leftover
from infra.render.provider.lifecycle import DEPLOY, SETUP, UNFINISHED, Lifecycle, Made
from infra.render.provider.service_fields import DETAILS
from infra.render.provider.service_reading import read_inputs
from infra.render.provider.service_update import ServiceUpdate, gone_is_fine, link, trigger_body
from infra.render.provider.turn import ProviderError, Turn, Unfinished
from infra.render.provider.values import Json, Values
from infra.render.provider.variables import generated, sent_first

_OVER = (LIVE, CANCELED, DEACTIVATED, *FAILED)


class Service(Lifecycle):
    """What all types of services have in common. kind: the API's word for the type."""

    kind: ClassVar[str]
    delete_first = True

    # Checks ------------------------------------------------------------------------------------

    def rules(self, values: Values) -> Iterator[Problem]:
        """Yield what Render refuses, or takes and never does."""
        yield from service_rules.paid_only(self.what, values)
        yield from service_rules.source(self.what, values)
        yield from service_rules.scaling(values)

    def moves(self, old: Values, new: Values) -> Iterator[Problem]:
        """Yield that a disk would shrink."""
        yield from service_rules.growing(old, new)

    def warnings(self, found: list[Change]) -> Iterator[str]:
        """Yield that data would be deleted."""
        for one in found:
            if one.field.name == "disk" and one.old and not one.new:
                yield f"The disk {one.old.get('name')!r} is deleted, with everything on it."

    # Create ------------------------------------------------------------------------------------

    def create(self, turn: Turn, inputs: Values) -> Made:
        """Create it, link its groups while no deploy runs, and wait for its first deploy."""
        owner = turn.owner(inputs)
        try:
            service, deploy_id = turn.api.services.create(self._body(turn, inputs, owner))
        except (Conflict, Refused):
            there = turn.api.services.named(inputs["name"], ownerId=owner)
            found = leftover(turn, self, there, lambda one: self._equal(turn, one, inputs))
            if found is None:
                raise
            return Made(found["id"], inputs, self._go_on(turn, found, inputs, {}, {}))
        with turn.keeping(service["id"], inputs, self._outputs(inputs, service) | {UNFINISHED: SETUP}) as outputs:
            self._set_up(turn, service, deploy_id, inputs, outputs)
        return Made(service["id"], inputs, outputs)

    def _set_up(self, turn: Turn, service: Json, deploy_id: str | None, inputs: Values, outputs: Values) -> None:
        groups = inputs.get("envGroupIds") or []
        if groups and deploy_id:
            self._cancel(turn, service["id"], deploy_id)
        if groups:
            link(turn, service["id"], [], groups)
        if notifications := inputs.get("notifications"):
            turn.api.notifications.set_service(service["id"], notifications)
        variables = inputs.get("envVars") or {}
        if any(isinstance(one, dict) and GENERATE in one for one in variables.values()):
            outputs["generated"] = generated(variables, turn.api.variables.all(service["id"]))
        outputs[UNFINISHED] = DEPLOY
        if groups:
            deploy_id = turn.api.deploys.start(service["id"])["id"]
        outputs["deployId"] = deploy_id
        if deploy_id and waits(inputs):
            wait_until_live(turn, service, turn.api.deploys.get(service["id"], deploy_id), inputs)
        del outputs[UNFINISHED]

    def _body(self, turn: Turn, inputs: Values, owner: str) -> Values:
        body = body_of(self.fields, {**inputs, "ownerId": owner}) | {"type": self.kind}
        if image := inputs.get("image"):
            body["image"] = {"ownerId": owner, **image}
        if trigger := inputs.get("autoDeployTrigger"):
            body |= trigger_body(trigger, None)
        for name, encode in (
            ("envVars", service_fields.variables_encoded),
            ("secretFiles", service_fields.files_encoded),
        ):
            if values := inputs.get(name):
                body[name] = encode(sent_first(turn, values, name))
        for name in ("numInstances", "disk", "headers", "routes"):
            if value := inputs.get(name):
                put(body, f"{DETAILS}.{name}", value)
        if auto := inputs.get("autoscaling"):
            put(body, f"{DETAILS}.autoscaling", service_fields.scaling_encoded(auto))
        return body

    def _equal(self, turn: Turn, service: Json, inputs: Values) -> bool:
        """Whether a service is what a POST with these inputs makes; the calls after it may be missing."""
        if service["type"] != self.kind:
            return False
        there, _ = read_inputs(turn, self, service, inputs)
        left = {one.field.name for one in changes(self.fields, there, inputs, {})}
        return left <= {"envGroupIds", "notifications"}

    def _outputs(self, inputs: Values, service: Json) -> Values:
        return {"generated": {}} | self.shown(inputs) | self.told(service)

    def told(self, answer: Json) -> Values:
        """Return the outputs that an answer tells; suspended as true or false."""
        found = super().told(answer)
        return found | {"suspended": found.get("suspended") == "suspended"}

    # Read and delete ---------------------------------------------------------------------------

    def read(self, turn: Turn, id_: str, inputs: Values | None, state: Values) -> Made | None:
        """Look at the service, and with further calls only at what the program names."""
        try:
            service = turn.api.services.get(id_)
        except NotFound:
            return None
        if service["type"] != self.kind:
            raise ProviderError(f"{id_} is a {service['type']}, not a {self.kind}; import it as its own type.")
        wanted = self.joined(inputs, self.named_before(inputs, state)) if inputs is not None else None
        found, made = read_inputs(turn, self, service, wanted)
        found = self.ours(found, wanted)
        outputs = self._outputs(found, service) | {"generated": made}
        if "deployId" in state:
            outputs["deployId"] = state["deployId"]
        unfinished = state.get(UNFINISHED)
        if unfinished == DEPLOY and self._is_live(turn, id_):
            unfinished = None
        return Made(id_, found, outputs | ({UNFINISHED: unfinished} if unfinished else {}))

    def delete(self, turn: Turn, id_: str, inputs: Values, state: Values) -> None:
        """Delete it, with its disk and domains."""
        gone_is_fine(lambda: turn.api.services.delete(id_))

    # Update ------------------------------------------------------------------------------------

    def update(self, turn: Turn, id_: str, old: Values, state: Values, new: Values) -> Values:
        """Make the change, and deploy if the running service needs it to see the change."""
        before = self.named_before(old, state)
        if state.get(UNFINISHED) == SETUP:
            return self._go_on(turn, turn.api.services.get(id_), new, state, before)
        found = list(changes(self.fields, old, new, state))
        change = ServiceUpdate(turn, self.fields, id_, old, new, found)
        change.disk_id = state.get("diskId")
        outputs = self.carried(state, old) | self.shown(new)
        return self._apply(turn, id_, change, new, outputs, before, pending=state.get(UNFINISHED) == DEPLOY)

    def _go_on(self, turn: Turn, service: Json, inputs: Values, state: Values, before: Values) -> Values:
        """Finish what an interrupted update left half done, from what is there now and what was named before."""
        wanted = self.joined(inputs, before)
        there = self.ours(read_inputs(turn, self, service, wanted)[0], wanted)
        found = list(changes(self.fields, there, inputs, {}))
        change = ServiceUpdate(turn, self.fields, service["id"], there, inputs, found)
        outputs = {**self.carried(state, {}), **self._outputs(inputs, service), UNFINISHED: SETUP}
        change.made = True
        deploys = list(turn.api.deploys.all(service["id"]))
        # Without a second deploy, it is not known whether the first one began before the groups were linked.
        lacking = change.effect() != "nothing" or bool(len(deploys) == 1 and inputs.get("envGroupIds"))
        for one in deploys[:1] if lacking else ():
            if one["status"] not in _OVER:
                self._cancel(turn, service["id"], one["id"])
        return self._apply(turn, service["id"], change, inputs, outputs, before, pending=True, lacking=lacking)

    def _apply(
        self,
        turn: Turn,
        id_: str,
        change: ServiceUpdate,
        new: Values,
        outputs: Values,
        before: Values,
        *,
        pending: bool,
        lacking: bool = False,
    ) -> Values:
        try:
            change.apply()
        except (RenderError, ProviderError) as failure:
            # With nothing changed yet, the state stays as it was, and so does what the next update has to do.
            if not change.made:
                raise
            kept = outputs | self.shown(self.joined(new, before)) | {UNFINISHED: SETUP}
            raise Unfinished(id_, new, kept, str(failure)) from failure
        with turn.keeping(id_, new, outputs | {UNFINISHED: DEPLOY}) as kept:
            if change.generated:
                kept["generated"] = {**kept.get("generated", {}), **change.generated}
            effect = "rebuild" if lacking else change.effect()
            if effect != "nothing" or pending:
                self._deploy(turn, change.read(), effect, new, kept, pending=pending)
            if change.service is not None:
                kept.update(self.told(change.service))
            if change.disk_id:
                kept["diskId"] = change.disk_id
            elif "disk" not in new:
                kept.pop("diskId", None)
            del kept[UNFINISHED]
        return kept

    # Deploys -----------------------------------------------------------------------------------

    def _deploy(
        self, turn: Turn, service: Json, effect: Effect, new: Values, outputs: Values, *, pending: bool
    ) -> None:
        mode = new.get("deployMode")
        if service.get("suspended") == "suspended":
            turn.log.info("The service is suspended: the change is saved, and resuming it deploys it.")
            return
        if mode == "save":
            turn.log.info("The change is saved; it takes effect with the next deploy.")
            return
        deploy = turn.api.deploys.latest(service["id"]) if pending and effect == "nothing" else None
        if deploy is None or deploy["status"] in (CANCELED, *FAILED):
            chosen = MODES.get(mode or "", "deploy_only" if effect == "deploy" and not pending else "build_and_deploy")
            deploy = turn.api.deploys.start(service["id"], mode=chosen)
        outputs["deployId"] = deploy["id"]
        if waits(new):
            wait_until_live(turn, service, deploy, new)

    def _cancel(self, turn: Turn, id_: str, deploy_id: str) -> None:
        """Stop a deploy that lacks something; one that is over cannot be stopped, and need not be."""
        try:
            turn.api.deploys.cancel(id_, deploy_id)
        except (Conflict, NotFound, Refused):
            return

    def _is_live(self, turn: Turn, id_: str) -> bool:
        latest = turn.api.deploys.latest(id_)
        return latest is not None and latest["status"] == LIVE


class WebService(Service):
    """Reached from outside, over HTTP."""

    token, what, kind = "render:index:WebService", "web service", "web_service"
    fields, outputs = service_fields.WEB, service_fields.WEB_OUTPUTS

    def rules(self, values: Values) -> Iterator[Problem]:
        """Yield problems; free plans exist, with limits."""
        yield from service_rules.source(self.what, values)
        yield from service_rules.scaling(values)
        yield from service_rules.free_web(values)
        yield from service_rules.addresses(values)


class PrivateService(Service):
    """Reached by the workspace's own services alone."""

    token, what, kind = "render:index:PrivateService", "private service", "private_service"
    fields, outputs = service_fields.PRIVATE, service_fields.PRIVATE_OUTPUTS


class BackgroundWorker(Service):
    """Reached by nothing."""

    token, what, kind = "render:index:BackgroundWorker", "background worker", "background_worker"
    fields, outputs = service_fields.WORKER, service_fields.WORKER_OUTPUTS


class CronJob(Service):
    """Run at times."""

    token, what, kind = "render:index:CronJob", "cron job", "cron_job"
    fields, outputs = service_fields.CRON, service_fields.CRON_OUTPUTS

    def _body(self, turn: Turn, inputs: Values, owner: str) -> Values:
        """Return the body, in which Render's API wants every setting of a cron job's container."""
        runtime = inputs.get("runtime")
        body = super()._body(turn, inputs, owner)
        if runtime in ("docker", "image"):
            context, file = (".", "./Dockerfile") if runtime == "docker" else ("", "")
            wanted = {"dockerCommand": "", "dockerContext": context, "dockerfilePath": file}
            details = body[DETAILS]
            details["envSpecificDetails"] = wanted | details.get("envSpecificDetails", {})
        return body


class StaticSite(Service):
    """Files that Render builds and serves."""

    token, what, kind = "render:index:StaticSite", "static site", "static_site"
    fields, outputs = service_fields.STATIC, service_fields.STATIC_OUTPUTS

    def rules(self, values: Values) -> Iterator[Problem]:
        """Yield problems of a site, which has neither plan nor instances."""
        if "repo" not in values:
            yield Problem("", "A static site is built from a repo, and repo is missing.")
        yield from service_rules.addresses(values)
