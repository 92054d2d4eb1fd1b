"""`recover` shows what an interrupted `up` made."""

from __future__ import annotations

from tests.infra.aliyun.recovery.test_recovery import BUCKET, ROLE
from tests.support.aliyun_stack import Drive, Stack


def test_without_an_interrupted_up_there_is_nothing_to_do(stack: Stack, drive: Drive) -> None:
    ran = drive("recover")

    assert (ran.status, ran.out) == (
        0,
        "aliyun: there is nothing to recover\n",
    )


def test_what_was_found_is_a_table(stack: Stack, drive: Drive) -> None:
    stack.interrupt(ROLE, BUCKET, gone=("memory-code-1",))
    ran = drive("recover")

    assert ran.status == 0
    assert "was about to make ram.Role memory-role, oss.Bucket memory-code; looking for it" in ran.err
    assert "taken over ram.Role memory-role memory" in ran.said
    assert "not there oss.Bucket memory-code" in ran.said


def test_what_was_found_is_json_for_machines(stack: Stack, drive: Drive) -> None:
    stack.interrupt(ROLE)

    assert drive("recover", "--json").json == {
        "found": [{"kind": "ram.Role", "name": "memory-role", "outcome": "taken over", "id": "memory"}]
    }
    assert drive("recover", "--json").json == {"found": []}


def test_what_exists_already_is_adopted_when_asked_for(stack: Stack, drive: Drive) -> None:
    stack.interrupt()
    stack.would_create(ROLE)

    assert drive("recover", "--json").json == {"found": []}
    assert [one["id"] for one in drive("recover", "--adopt", "--json").json["found"]] == ["memory"]
