"""The plan: what programs declare, without an engine or a provider."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pulumi
import pytest

from infra.config import StackValues
from infra.errors import ConfigError, InfraError
from infra.plan import SECRET, Options, declared, plan_of
from tests.support.stacks import selfhost_plan


class Boat(pulumi.CustomResource):
    """A resource of no provider that exists; `harbour` is what its provider would add."""

    harbour: pulumi.Output[str]

    def __init__(self, name: str, opts: pulumi.ResourceOptions | None = None, **props: Any) -> None:
        super().__init__("sea:index:Boat", name, {"harbour": None, **props}, opts)


def launch(name: str, **props: Any) -> None:
    """Be a program of one boat."""
    Boat(name, **props)


def harbours(type_: str, name: str, inputs: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what the provider of boats would add."""
    return {"harbour": f"harbour of {name}"} if type_ == "sea:index:Boat" else {}


def test_inputs_are_those_that_the_provider_would_get() -> None:
    plan = declared("test", lambda: launch("one", length=12), harbours)

    assert plan.of_type("sea:index:Boat")["one"].inputs == {"length": 12}


def test_outputs_of_one_resource_reach_the_next_as_its_provider_would_give_them() -> None:
    def program() -> None:
        first = Boat("first")
        Boat("second", follows=first.harbour)

    boats = declared("test", program, harbours).of_type("sea:index:Boat")

    assert boats["second"].inputs == {"follows": "harbour of first"}
    assert list(boats) == ["first", "second"]


def test_secret_inputs_are_named_at_any_depth_and_their_values_can_be_read() -> None:
    def program() -> None:
        Boat("one", key=pulumi.Output.secret("made-up"), crew=[{"pin": pulumi.Output.secret("1234")}], length=12)

    [boat] = declared("test", program, harbours).of_type("sea:index:Boat").values()

    assert boat.secrets == {"key", "crew"}
    assert (boat.inputs["key"], boat.inputs["crew"], boat.inputs["length"]) == ("made-up", [{"pin": "1234"}], 12)


def test_an_error_of_the_program_is_raised_as_it_is() -> None:
    def program() -> None:
        raise InfraError("no wind")

    with pytest.raises(InfraError, match="no wind"):
        declared("test", program, harbours)


def test_one_plan_leaves_nothing_for_the_next() -> None:
    declared("test", lambda: launch("one"), harbours)

    plan = declared("test", lambda: launch("two"), harbours)

    assert list(plan.of_type("sea:index:Boat")) == ["two"]


def test_what_a_resource_needs_stands_before_it() -> None:
    names = [(one.type, one.name) for one in selfhost_plan().resources]
    container = "docker:index/container:Container"

    order = [names.index((container, f"memory-{name}")) for name in ("postgres", "app-init", "app-1", "app-2", "proxy")]
    assert order == sorted(order)


def test_a_wrong_configuration_declares_nothing() -> None:
    with pytest.raises(ConfigError):
        selfhost_plan(nonsense="1")


def test_a_stack_without_a_target_has_no_plan() -> None:
    with pytest.raises(ConfigError, match="target: got nothing, takes one of "):
        plan_of(StackValues(stack="test", values={}, secret_keys=frozenset()))


def test_a_resource_knows_the_component_that_it_is_a_part_of() -> None:
    class Fleet(pulumi.ComponentResource):
        def __init__(self, name: str) -> None:
            super().__init__("claude-memory:sea:Fleet", name)
            launch("one", opts=pulumi.ResourceOptions(parent=self))

    def launch_all() -> None:
        Fleet("all")

    fleet, boat = declared("test", launch_all, harbours).resources

    assert (fleet.parent, boat.parent) == (None, ("claude-memory:sea:Fleet", "all"))
    assert (fleet.is_component, boat.is_component) == (True, False)
    assert boat.urn == "urn:pulumi:test::claude-memory::claude-memory:sea:Fleet$sea:index:Boat::one"


def test_options_that_keep_a_resource_or_its_secrets_are_noted() -> None:
    def program() -> None:
        launch("kept", opts=pulumi.ResourceOptions(protect=True, additional_secret_outputs=["harbour"]))
        launch("left", opts=pulumi.ResourceOptions(retain_on_delete=True))

    boats = declared("test", program, harbours).of_type("sea:index:Boat")

    assert boats["kept"].options == Options(protected=True, secret_outputs=frozenset({"harbour"}))
    assert boats["left"].options == Options(retained=True)


def test_shown_inputs_have_a_word_in_place_of_each_secret() -> None:
    def program() -> None:
        crew = pulumi.Output.secret({"captain": "made-up", "berths": [1]})
        Boat("one", key=pulumi.Output.secret("made-up"), crew=crew, log=[{"pin": pulumi.Output.secret("1")}], length=12)

    [boat] = declared("test", program, harbours).of_type("sea:index:Boat").values()

    assert boat.shown == {
        "key": SECRET,
        "crew": {"captain": SECRET, "berths": [SECRET]},
        "log": [{"pin": SECRET}],
        "length": 12,
    }


def test_a_resource_names_those_that_have_to_be_there_first() -> None:
    def program() -> None:
        first = Boat("first")
        Boat("second", follows=first.harbour)

    boats = declared("test", program, harbours).of_type("sea:index:Boat")

    assert boats["second"].needs == {("sea:index:Boat", "first")}
