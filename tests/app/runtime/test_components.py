"""The parts of a process as /health shows them."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.runtime.components import Component, Status, without_paths


def test_a_part_works_or_has_a_problem() -> None:
    assert Component.of("index", None) == Component(name="index", status=Status.OK)
    assert Component.of("index", "it is being built") == Component(
        name="index", status=Status.DEGRADED, detail="it is being built"
    )


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (
            "no space left on the disk of /srv/my data; free some",
            "no space left on the disk of the data directory; free some",
        ),
        ("more in /srv/my data/postgres.log", "more in the data directory"),
        ("cannot use /var/lib/other/x: denied", "cannot use a file of the server: denied"),
        (
            "cannot use /srv/my database for it",
            "cannot use /srv/my database for it".replace("/srv/my", "a file of the server"),
        ),
        ("POST /mcp and https://h/a/b say 10/20/30", "POST /mcp and https://h/a/b say 10/20/30"),
    ],
)
def test_a_message_for_callers_names_no_place_on_this_machine(text: str, shown: str) -> None:
    assert without_paths(text, Path("/srv/my data")) == shown
