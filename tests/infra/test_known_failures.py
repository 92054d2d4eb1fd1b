"""Known failures are found in lines by a target's table."""

from __future__ import annotations

from infra.known_failures import find_known, known_failure

TABLE = (
    known_failure("module", r"No module named '(?P<name>\w+)'", "Python does not find {name}", "add {name}"),
    known_failure("loop", r"exited", "it keeps ending", "see why", at_least=2),
)


def test_a_failure_is_told_with_what_its_line_names_and_the_last_line() -> None:
    found = find_known(["NO MODULE named 'first'", "fine", "No module named 'second'"], TABLE)

    assert [(one.id, one.what, one.remedy, one.count) for one in found] == [
        ("module", "Python does not find second", "add second", 2)
    ]
    assert found[0].last == "No module named 'second'"


def test_a_failure_may_need_several_lines() -> None:
    assert find_known(["exited"], TABLE) == []
    assert [one.id for one in find_known(["exited", "exited"], TABLE)] == ["loop"]
