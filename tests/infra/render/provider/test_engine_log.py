"""What the provider says to the engine: no secret, and no failure of the log ends a step."""

from __future__ import annotations

import pytest

from infra.render.provider.engine_log import Engine, ResourceLog, hide


@pytest.mark.parametrize(
    ("text", "secrets", "shown"),
    [
        ("the key is secret-1.", {"secret-1"}, "the key is ***."),
        ("secret-1 and secret-12", {"secret-1", "secret-12"}, "*** and ***"),
        ("first line\nof two", {"first line\nof two lines"}, "***\nof two"),
        ("a short word", {"short"}, "a short word"),
        ("nothing", set(), "nothing"),
    ],
)
def test_a_secret_and_each_of_its_lines_is_hidden(text: str, secrets: set[str], shown: str) -> None:
    assert hide(text, secrets) == shown


def test_an_engine_that_is_gone_ends_no_step() -> None:
    log = ResourceLog(Engine("127.0.0.1:1"), "urn")

    log.info("text")
    log.warning("text")
    log.status("text")


def test_without_an_engine_nothing_is_said() -> None:
    ResourceLog(Engine(""), "urn").info("text")
