"""`cost`: a month of the stack's function, or of one that is described."""

from __future__ import annotations

import yaml

from tests.support.aliyun_stack import Drive, Stack


def test_on_demand_is_compared_with_provisioned_instances(stack: Stack, drive: Drive) -> None:
    ran = drive("cost")

    assert ran.status == 0
    assert "on demand 286,875 5.74" in ran.said
    assert "1 provisioned, CPU asleep between requests 998,325 19.97" in ran.said
    assert "unchecked; no free quota" in ran.said


def test_memory_and_instances_are_the_stacks_unless_they_are_given(stack: Stack, drive: Drive) -> None:
    written = yaml.safe_load(stack.file.read_text(encoding="utf-8"))
    written["config"] |= {
        "claude-memory:function": {"memoryMb": 4096, "cpu": 2},
        "claude-memory:provisioned": {"instances": 3},
    }
    stack.file.write_text(yaml.safe_dump(written), encoding="utf-8")

    use = drive("cost", "--json", "--cpu", "1.5").json["use"]

    assert (use["memory_mb"], use["cpu"], use["provisioned"]) == (4096, 1.5, 3)


def test_without_streams_little_is_billed(stack: Stack, drive: Drive) -> None:
    told = drive("cost", "--sse-hours", "0", "--provisioned", "0", "--json").json

    assert [one["how"] for one in told["month"]] == ["on demand"]
    assert told["month"][0]["price"] < 0.2
    assert told["currency"] == "USD"


def test_a_stack_that_is_not_there_is_an_error(stack: Stack, drive: Drive) -> None:
    ran = drive("cost", "--stack", "other")

    assert (ran.status, ran.out, ran.err.count("\n")) == (1, "", 1)
    assert "there is no Pulumi.other.yaml; make the stack with `pulumi stack init other`" in ran.err


def test_without_any_stack_the_defaults_are_taken(stack: Stack, drive: Drive) -> None:
    stack.file.unlink()

    assert drive("cost").status == 0
