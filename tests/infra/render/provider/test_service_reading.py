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


@pytest.mark.parametrize("where", ["envVars", "secretFiles"])
def test_a_variable_or_file_that_the_program_never_named_is_no_drift_and_stays(
    where: str, stack: Engine, render: Server, api: RenderApi
) -> None:
    part = api.variables if where == "envVars" else api.secret_files
    stack.up(web(**{where: {"A": "1"}}))
    part.set(only(render).id, "HAND", "by hand")

    stack.refresh()
    assert stack.steps == [("same", "web")]
    assert "HAND" not in stack.resources["web"].values[where]
    stack.up(web(**{where: {"A": "1"}}))
    assert stack.steps == [("same", "web")]
    assert part.all(only(render).id) == {"A": "1", "HAND": "by hand"}


@pytest.mark.parametrize("where", ["envVars", "secretFiles"])
def test_a_named_one_that_was_changed_or_removed_by_hand_is_drift_and_is_set_back(
    where: str, stack: Engine, render: Server, api: RenderApi
) -> None:
    part = api.variables if where == "envVars" else api.secret_files
    wanted = {"CHANGED": "1", "GONE": {"value": "2", "writeOnly": True}}
    stack.up(web(**{where: wanted}))
    part.set(only(render).id, "CHANGED", "by hand")
    part.unset(only(render).id, "GONE")

    stack.refresh()
    assert stack.steps == [("drift", "web")]
    stack.up(web(**{where: wanted}))

    assert part.all(only(render).id) == {"CHANGED": "1", "GONE": "2"}


def test_a_name_that_the_program_takes_over_and_drops_again_is_removed(
    stack: Engine, render: Server, api: RenderApi
) -> None:
    stack.up(web(envVars={"A": "1"}))
    api.variables.set(only(render).id, "HAND", "by hand")
    stack.up(web(envVars={"A": "1", "HAND": "by program"}))
    assert api.variables.all(only(render).id)["HAND"] == "by program"

    stack.up(web(envVars={"A": "1"}))

    assert api.variables.all(only(render).id) == {"A": "1"}


@pytest.mark.parametrize("left", [{"A": "1"}, {"A": "2"}, None], ids=["same", "changed", "none named"])
def test_an_import_reports_all_variables_and_leaves_alone_what_the_program_then_leaves_out(
    left: dict[str, str] | None, stack: Engine, render: Server, api: RenderApi
) -> None:
    stack.up(web(envVars={"A": "1", "B": "1", "C": "1", "D": "1"}))
    id_ = only(render).id
    stack.import_("web", WEB, id_)
    assert set(stack.resources["web"].values["envVars"]) == {"A", "B", "C", "D"}

    program = web() if left is None else web(envVars=left)
    stack.up(program)
    stack.refresh()
    assert stack.steps == [("same", "web")]
    stack.up(program)

    assert api.variables.all(id_) == {"A": "1", "B": "1", "C": "1", "D": "1"} | (left or {})


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
