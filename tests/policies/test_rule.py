"""Rules: what they report, and that an unknown value ends a check without a word."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from policies.rule import Options, Resource, ResourceRule, StackRule
from policies.thresholds import Nothing
from policies.unknown import UNKNOWN

BOAT = Resource(type="sea:index:Boat", name="one", stack="test", props={"length": 3.0, "flag": UNKNOWN})


def _sentences(resource: Resource, _: Nothing) -> Iterator[str]:
    yield f"{resource.name} leaks"
    if resource.get("flag") == "none":
        yield f"{resource.name} has no flag"


def _of_all(resources: Sequence[Resource], _: Nothing) -> Iterator[tuple[Resource | None, str]]:
    yield None, f"{len(resources)} boats are too many"
    yield resources[0], resources[0].get("flag")


RULE = ResourceRule(name="dry", why="Water.", remedy="Caulk it.", check=_sentences, types=("sea:index:Boat",))
OF_ALL = StackRule(name="few", why="Room.", remedy="Sell some.", check=_of_all)


def test_a_message_says_what_is_wrong_and_what_to_do() -> None:
    [found] = RULE.violations(BOAT, RULE.thresholds)

    assert (found.rule, found.message, found.resource) == ("dry", "one leaks; caulk it.", BOAT)


def test_what_was_found_before_an_unknown_value_stays() -> None:
    assert len(RULE.violations(BOAT, RULE.thresholds)) == 1
    assert [found.message for found in OF_ALL.violations([BOAT], OF_ALL.thresholds)] == [
        "1 boats are too many; sell some."
    ]


def test_resources_of_other_types_are_not_judged() -> None:
    pier = Resource(type="sea:index:Pier", name="one", stack="test", props={})

    assert RULE.violations(pier, RULE.thresholds) == []


def test_a_secret_is_known_by_the_program_or_else_by_the_outputs() -> None:
    marked = Options(secret_outputs=frozenset({"pin"}))

    def boat(secrets: frozenset[str] | None, options: Options) -> Resource:
        return Resource(type="sea:index:Boat", name="one", stack="test", props={}, secrets=secrets, options=options)

    assert boat(frozenset({"pin"}), Options()).holds_secretly("pin")
    assert not boat(frozenset(), marked).holds_secretly("pin")
    assert boat(None, marked).holds_secretly("pin")
    assert not boat(None, Options()).holds_secretly("pin")
