"""Documents: what is known about a stack, without a secret in it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from infra.made_up import is_made_up
from infra.plan.document import document_of, resources_from_json, to_json, tree
from tests.policies.cases import STACKS
from tests.support.plans import document, example_document, fleet
from tests.support.serving import ROOT


@pytest.mark.parametrize("stack", STACKS)
def test_an_example_stack_has_a_plan_that_keeps_all_policies(stack: str) -> None:
    found = example_document(stack)

    assert found.error == ""
    assert found.passes
    assert len(found.resources) > 5


@pytest.mark.parametrize("stack", STACKS)
def test_no_secret_is_in_a_document(stack: str) -> None:
    text = json.dumps(to_json([example_document(stack)]))

    assert not is_made_up(text)
    assert "[secret]" in text


def test_a_wrong_configuration_is_the_documents_error(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.odd.yaml").write_text("config: {claude-memory:target: selfhost, claude-memory:replica: 2}")

    found = document_of(tmp_path, "odd")

    assert not found.passes
    assert "replica: there is no such key; did you mean replicas?" in found.error
    assert found.resources == ()


def test_a_broken_policy_is_in_the_document(tmp_path: Path) -> None:
    text = (ROOT / "Pulumi.render.yaml").read_text().replace("autoDeploy: never", "autoDeploy: commit")
    (tmp_path / "Pulumi.render.yaml").write_text(text)

    found = document_of(tmp_path, "render")

    assert {(one.rule, one.resource) for one in found.broken} > {("render-no-auto-deploy", "memory-web")}
    assert not found.passes
    assert document_of(tmp_path, "render", {"render-no-auto-deploy": {"development": ["render"]}}).passes


def test_resources_come_back_from_json_as_they_were() -> None:
    written = json.loads(json.dumps(to_json([document(*fleet())])))

    found = resources_from_json(written)["test"]

    assert [(one.key, one.parent, one.inputs) for one in found] == [
        (one.key, one.parent, one.inputs) for one in fleet()
    ]


@pytest.mark.parametrize("written", [[], {}, {"form": 0, "stacks": {}}, {"form": 1, "stacks": {"a": {}}}])
def test_json_of_another_form_is_refused(written: object) -> None:
    with pytest.raises(ValueError, match=r"^it (is no plan|has the form)"):
        resources_from_json(written)


def test_the_tree_has_parts_below_their_component_in_an_order_of_its_own() -> None:
    roots = tree(list(reversed(fleet())))

    assert [(root.resource.name, [part.resource.name for part in root.parts]) for root in roots] == [
        ("fleet", ["fleet-1", "fleet-2"]),
        ("harbour", ["harbour"]),
        ("lighthouse", []),
        ("sea", []),
    ]
    assert [one.name for one in roots[0].all()] == ["fleet", "fleet-1", "fleet-2"]
