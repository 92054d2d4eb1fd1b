"""Validation goes on past wrong values, and reports nothing that a stand-in may have caused."""

from __future__ import annotations

from typing import Annotated, Any, Self

import pytest
from pydantic import BaseModel, Field, model_validator

from infra.stand_ins import certain, validated


class _Inner(BaseModel):
    size: Annotated[int, Field(le=9)] = 3


class _Keys(BaseModel):
    account: Annotated[str, Field(pattern="^[0-9]{10,}$")]
    inner: _Inner = _Inner()
    optional: str | None = None

    @model_validator(mode="after")
    def _needs_the_optional(self) -> Self:
        if self.optional is None:
            raise ValueError("optional: is needed")
        return self


def lines(detail: Any) -> list[str]:
    return [f"{'.'.join(map(str, detail['loc']))}: {detail['type']}"]


def test_right_values_are_returned_as_they_are() -> None:
    found = validated(_Keys, {"account": "1234567890", "optional": "a"}, lines)

    assert found.options == _Keys(account="1234567890", optional="a")
    assert (found.problems, found.replaced) == ([], frozenset())


def test_wrong_values_and_broken_rules_are_found_together() -> None:
    found = validated(_Keys, {"inner": {"size": 10}}, lines)

    assert found.problems == ["account: missing", "inner.size: less_than_equal", ": value_error"]
    assert found.options is not None
    assert found.options.inner.size == 3
    assert found.replaced == {"account", "inner.size"}


def test_a_required_object_has_no_stand_in() -> None:
    class Outer(BaseModel):
        inner: _Inner

    found = validated(Outer, {}, lines)

    assert (found.options, found.problems) == (None, ["inner: missing"])


@pytest.mark.parametrize(
    ("problem", "replaced"),
    [
        ("a.size: too large", "a.size"),
        ("a.size: too large", "a"),
        ("accessKeyId and accessKeySecret: set both", "accessKeySecret"),
        ("provisioned.instances: got 5, takes at most function.reserved, 2", "function.reserved"),
        ("provisioned.instances: got 5, takes at most function.reserved, 2", "function"),
        ("function.cpu: got 0.25 with memoryMb 2048, Function Compute takes 1 to 4 GB", "function.memoryMb"),
        ("network: takes a switchCidr inside cidr; 10.1.0.0 is not in 10.0.0.0", "network.cidr"),
        ("hosts: data, edge share unix:///run/docker.sock, but differ in sshOptions", "hosts.data.docker"),
        ("ENABLE_CORS: needs PUBLIC_URL", "PUBLIC_URL"),
        ("DATABASE_URL: is missing; set it, or add the key postgres", "postgres"),
        ("BACKUP_TO: nothing makes backups; add the key cron or worker", "worker"),
        ("SCHEDULE_TIMEZONE: cron jobs go by UTC; unset it, or leave cron out", "cron"),
        ("QDRANT_SHARD_KEYS: needs a cluster; give it three nodes (qdrant: {nodes: 3})", "qdrant"),
        ("QDRANT_SHARD_KEYS: needs a cluster; give it three nodes (qdrant: {nodes: 3})", "qdrant.nodes"),
    ],
)
def test_a_problem_that_names_a_replaced_key_is_not_certain(problem: str, replaced: str) -> None:
    assert certain([problem], {replaced}) == []


@pytest.mark.parametrize(
    ("problem", "replaced"),
    [
        ("network: is missing; with postgres, database and function meet in a private network", "function"),
        ("network: is missing; with postgres, database and function meet in a private network", "logs.network"),
        ("sizes: none", "a.size"),
        ("a.size: too large", "b.size"),
        ("function.cpu: got 4", "functions.cpu"),
        ("monitoring.size: got 1, takes the name of a plan", "web.name"),
    ],
)
def test_a_word_of_a_problem_is_no_key(problem: str, replaced: str) -> None:
    assert certain([problem], {replaced}) == [problem]
