"""Two plans are compared by place, not by value."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from ci.errors import CiError
from ci.unchanged import differences, main

PLAN = {"render": {"resources": [{"type": "Web", "name": "web", "inputs": {"plan": "starter", "region": "oregon"}}]}}


def changed(**inputs: object) -> dict[str, object]:
    return {"render": {"resources": [{"type": "Web", "name": "web", "inputs": inputs}]}}


@pytest.mark.parametrize(
    ("after", "found"),
    [
        (PLAN, []),
        (changed(plan="pro", region="oregon"), ["plan.render.resources.Web web.inputs.plan: another value"]),
        (changed(plan="starter"), ["plan.render.resources.Web web.inputs.region: gone"]),
        (changed(plan="starter", region="oregon", x=1), ["plan.render.resources.Web web.inputs.x: new"]),
        ({"render": {"resources": []}}, ["plan.render.resources.Web web: gone"]),
        (changed(plan=["starter"], region="oregon"), ["plan.render.resources.Web web.inputs.plan: another value"]),
    ],
)
def test_each_place_that_differs_is_named(after: object, found: list[str]) -> None:
    assert list(differences(PLAN, after)) == found


def test_the_order_of_resources_does_not_count() -> None:
    one, two = ({"type": "Web", "name": name, "inputs": {"n": name}} for name in ("one", "two"))

    assert list(differences([one, two], [two, one])) == []
    assert list(differences(["one", "two"], ["two", "one"])) == ["plan[0]: another value", "plan[1]: another value"]


def compare(monkeypatch: pytest.MonkeyPatch, folder: Path, before: str, after: str) -> int:
    (folder / "before").write_text(before)
    (folder / "after").write_text(after)
    monkeypatch.setattr(sys, "argv", ["unchanged", str(folder / "before"), str(folder / "after")])
    return main()


def test_the_same_plans_pass(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert compare(monkeypatch, tmp_path, json.dumps(PLAN), json.dumps(PLAN, indent=2)) == 0


def test_different_plans_fail_with_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(CiError, match=r"differ in 1 place\(s\).*in a pull request of your own"):
        compare(monkeypatch, tmp_path, json.dumps(PLAN), "{}")


def test_a_plan_that_was_not_made_is_no_same_plan(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(CiError, match=r"is no plan .*; see why `./dev plan` failed"):
        compare(monkeypatch, tmp_path, "", "")
