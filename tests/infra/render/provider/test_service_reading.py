"""A service is read in the words of its program."""

from __future__ import annotations

import pytest

from infra.render.api.client import RenderApi
from tests.infra.render.provider.cases import IMAGE
from tests.infra.render.provider.programs import WEB, calls, only, web
from tests.standins.render.server import Server
from tests.support.pulumi_engine import Engine, StepFailed


def test_what_the_program_does_not_name_is_left_alone(stack: Engine, render: Server, api: RenderApi) -> None:
    stack.up(web())
    id_ = only(render).id
    api.services.update(id_, {"serviceDetails": {"healthCheckPath": "/by-hand"}})
    api.variables.set(id_, "BY_HAND", "1")
    api.services.scale(id_, 3)
    only(render).details["somethingNew"] = {"on": True}

    stack.refresh()
    assert stack.steps == [("same", "web")]
    stack.up(web(plan="standard"))

    assert only(render).details["healthCheckPath"] == "/by-hand"
    assert only(render).details["numInstances"] == 3
    assert api.variables.all(id_) == {"BY_HAND": "1"}


def test_a_scale_that_autoscaling_chose_is_no_difference(stack: Engine, render: Server) -> None:
    program = web(numInstances=1, autoscaling={"min": 1, "max": 3, "cpuPercent": 60})
    stack.up(program)
    only(render).details["numInstances"] = 3

    stack.refresh()
    assert stack.steps == [("same", "web")]
    render.requests.clear()
    stack.up(web(numInstances=2, autoscaling={"min": 1, "max": 3, "cpuPercent": 60}))
    assert calls(render) == [], "Render takes no notice of the number while autoscaling is on"


@pytest.mark.parametrize(
    ("named", "there"),
    [
        ("nginx", "docker.io/library/nginx:latest"),
        ("example/app:1.2", "docker.io/example/app:1.2"),
        ("ghcr.io/example/app:1.2", "ghcr.io/example/app:1.2@sha256:0123"),
        ("localhost:5000/app", "localhost:5000/app:latest"),
    ],
)
def test_an_image_is_the_same_however_it_is_written_and_whatever_digest_was_deployed(
    named: str, there: str, stack: Engine, render: Server
) -> None:
    stack.up({"web": (WEB, {"name": "web", **IMAGE, "image": {"imagePath": named}})})
    only(render).shown["imagePath"] = there

    stack.refresh()
    assert stack.steps == [("same", "web")]


def test_a_service_is_imported_as_what_it_is(stack: Engine, render: Server) -> None:
    stack.up(web())

    with pytest.raises(StepFailed, match="is a web_service, not a background_worker"):
        stack.import_("worker", "render:index:BackgroundWorker", only(render).id)
