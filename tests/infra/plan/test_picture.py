"""Pictures: well-formed SVG that shows every group, in light and in dark."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from infra.plan.groups import groups_of
from infra.plan.picture import picture
from tests.policies.cases import STACKS
from tests.support.plans import boat, example_document, fleet

_SVG = "{http://www.w3.org/2000/svg}"


def texts(svg: str) -> list[str]:
    return [str(one.text) for one in ElementTree.fromstring(svg).iter(f"{_SVG}text")]


@pytest.mark.parametrize("stack", STACKS)
def test_the_picture_of_an_example_names_every_group_inside_its_frame(stack: str) -> None:
    resources = example_document(stack).resources
    svg = picture(stack, resources)
    root = ElementTree.fromstring(svg)

    assert {group.name for group in groups_of(resources)} <= set(texts(svg))
    for one in root.iter(f"{_SVG}text"):
        assert 0 < float(one.attrib["x"]) < float(root.attrib["width"])
        assert 0 < float(one.attrib["y"]) < float(root.attrib["height"])


def test_cards_do_not_overlap() -> None:
    cards = [
        {name: int(one.attrib[name]) for name in ("x", "y", "height")}
        for one in ElementTree.fromstring(picture("test", fleet() * 1)).iter(f"{_SVG}rect")
        if one.attrib.get("class") == "card"
    ]

    assert len(cards) == 3
    for one in cards:
        below = [other for other in cards if other["x"] == one["x"] and other["y"] > one["y"]]
        assert all(other["y"] >= one["y"] + one["height"] for other in below)


def test_there_are_colours_for_a_dark_page() -> None:
    assert "@media (prefers-color-scheme: dark)" in picture("test", fleet())


def test_names_cannot_become_markup() -> None:
    assert "<script>" in texts(picture("test", [boat("<script>")]))


def test_many_resources_are_counted_in_place_of_the_last_lines() -> None:
    parent = ("claude-memory:sea:Fleet", "fleet")
    boats = [boat(f"fleet-{number}", parent=parent) for number in range(20)]

    assert "and 12 more" in texts(picture("test", [fleet()[0], *boats]))


def test_the_same_plan_gives_the_same_picture_whatever_its_order() -> None:
    assert picture("test", fleet()) == picture("test", list(reversed(fleet())))
