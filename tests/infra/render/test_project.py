"""The project and its environments: made with the stack, or joined by it."""

from __future__ import annotations

from infra.render.config import Environment, Project
from infra.render.project import Home, HomeArgs
from tests.support.render_plan import built, of_kind, one


def home(project: Project, environment: Environment) -> Home:
    return Home("home", HomeArgs(project=project, environment=environment))


def test_a_project_is_made_with_the_stacks_environment() -> None:
    environment = Environment(name="production", protected=True, network_isolation=True)

    plan = built(lambda: home(Project(name="memory"), environment))
    assert one(plan, "Project") == {
        "name": "memory",
        "environments": {"production": {"protectedStatus": "protected", "networkIsolationEnabled": True}},
    }
    assert of_kind(plan, "Environment") == {}


def test_a_second_stack_makes_its_environment_in_the_project_of_the_first() -> None:
    plan = built(lambda: home(Project(id="prj-1"), Environment(name="development")))

    assert one(plan, "Environment") == {
        "name": "development",
        "projectId": "prj-1",
        "protectedStatus": "unprotected",
        "networkIsolationEnabled": False,
    }
    assert of_kind(plan, "Project") == {}
