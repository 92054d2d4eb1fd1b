"""`outbox` as an operator calls it."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

import pytest

from app.commands import outbox
from app.memory.types import Scope
from app.store.database import Database
from tests.support.cli import Command
from tests.support.outbox import handing_over, outbox_of, rows_in
from tests.support.rows import add_note, add_turns

BACKEND = {"MEMORY_BACKEND": "memu", "MEMU_API_KEY": "a-key"}
SECRET = "nobody reads this in a list"


@pytest.fixture
async def refused(database: Database, alice: Scope) -> int:
    """The id of an entry that was refused; another one waits."""
    await add_turns(handing_over(database), alice, "talk", SECRET)
    await add_note(handing_over(database), alice, SECRET)
    [entry] = await outbox_of(database).due(1)
    await outbox_of(database).begin(entry)
    await outbox_of(database).refuse(entry, "the service does not want it")
    return entry.id


async def test_the_list_is_for_people_and_for_programs_and_has_texts_only_on_request(
    command: Command, refused: int
) -> None:
    shown = await command("outbox", "list", environment=BACKEND)
    as_json = await command("outbox", "list", "--json", environment=BACKEND)
    with_text = await command("outbox", "list", "--refused", "--show-text", environment=BACKEND)
    first = await command("outbox", "list", "--limit", "1", environment=BACKEND)

    assert shown.returncode == 0, shown.stderr
    line = next(line for line in shown.stdout.decode().splitlines() if "refused" in line)
    assert line.split()[0] == str(refused)
    assert "alice" in line and "talk" in line and "the service does not want it" in line
    [one, other] = json.loads(as_json.stdout)
    assert (one["id"], one["state"], one["attempts"], one["characters"]) == (refused, "refused", 1, len(SECRET))
    assert other["state"] == "waiting"
    for done in (shown, as_json):
        assert SECRET.encode() not in done.stdout
    assert with_text.stdout.decode().rstrip().endswith(f"{refused}:\n{SECRET}")
    assert "the oldest 1; --limit shows more" in first.stdout.decode()


async def test_what_was_refused_is_sent_again(command: Command, database: Database, refused: int) -> None:
    unknown = await command("outbox", "retry", "999999", environment=BACKEND)
    done = await command("outbox", "retry", "--all", environment=BACKEND)
    again = await command("outbox", "retry", str(refused), "--json", environment=BACKEND)

    assert (unknown.returncode, unknown.stdout) == (1, b"")
    assert b"the outbox has no entry 999999" in unknown.stderr
    assert (done.returncode, done.stdout) == (0, b"1 entry to be sent again\n")
    assert json.loads(again.stdout) == {"retried": 1}
    assert (await outbox_of(database).depth()).refused == 0


async def test_a_drop_says_what_is_lost_and_wants_a_yes(command: Command, database: Database, refused: int) -> None:
    unasked = await command("outbox", "drop", str(refused), environment=BACKEND)
    assert (unasked.returncode, unasked.stdout) == (1, b"")
    assert unasked.stderr.decode() == (
        "claude-memory: nothing was dropped: 1 memory would be gone for good, because it is here alone; without a"
        " terminal, --yes is needed\n"
    )
    kept = await command("outbox", "drop", "--all", environment={**BACKEND, "MEMORY_BACKEND": "both"})
    assert b"1 memory would stay here, and memU would never get it" in kept.stderr
    assert await rows_in(database, "outbox", "memories") == [2, 2]

    done = await command("outbox", "drop", "--all", "--yes", environment=BACKEND)

    assert (done.returncode, done.stdout) == (0, b"dropped 1 entry\n")
    assert await rows_in(database, "outbox", "memories") == [1, 1]


@pytest.mark.parametrize("action", ["retry", "drop"])
@pytest.mark.parametrize("arguments", [[], ["1", "--all"], ["0"], ["one"], [str(2**63)]])
def test_what_to_take_must_be_said_once(
    action: str, arguments: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.ops.outbox.retry", lambda *given: pytest.fail("it went on"))
    monkeypatch.setattr("app.ops.outbox.drop", lambda *given: pytest.fail("it went on"))
    parser = ArgumentParser()
    outbox.declare(parser.add_subparsers())

    with pytest.raises(SystemExit) as end:
        args: Any = parser.parse_args(["outbox", action, *arguments])
        args.run(args)

    assert end.value.code == 2
    assert capsys.readouterr().err


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(-1.0, "0 s"), (119.0, "119 s"), (7_199.0, "120 min"), (90_000.0, "25 h"), (200_000.0, "2 d")],
)
def test_an_age_is_shown_in_the_unit_that_fits(seconds: float, shown: str) -> None:
    assert outbox._age(seconds) == shown
