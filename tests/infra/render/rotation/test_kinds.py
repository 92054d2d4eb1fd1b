"""What a generated secret looks like, and when a real call would prove nothing."""

from __future__ import annotations

import pytest

from infra.render.deployed.app_settings import FIELDS, is_secret_name, wrong
from infra.render.rotation.kinds import KINDS, Proof, kind_of


@pytest.mark.parametrize("name", sorted(KINDS))
def test_a_secret_of_the_table_is_one_of_the_app(name: str) -> None:
    assert name in FIELDS
    assert is_secret_name(name)


@pytest.mark.parametrize("name", sorted(name for name, kind in KINDS.items() if kind.generate))
def test_what_is_generated_is_taken_by_the_app_and_never_the_same(name: str) -> None:
    generate = KINDS[name].generate
    assert generate
    made = {generate() for _ in range(10)}

    assert len(made) == 10
    assert [wrong(name, one) for one in made] == [None] * 10
    assert min(map(len, made)) >= 40


@pytest.mark.parametrize(
    ("name", "variables", "proof", "why"),
    [
        ("EMBEDDING_API_KEY", {"EMBEDDING_MODEL": "m"}, Proof.EMBEDDINGS, ""),
        ("EMBEDDING_API_KEY", {}, Proof.HEALTH, "EMBEDDING_MODEL is not set"),
        ("QDRANT_API_KEY", {}, Proof.HEALTH, "QDRANT_URL is not set"),
        (
            "DASHSCOPE_API_KEY",
            {"EMBEDDING_MODEL": "m", "EMBEDDING_API_KEY": "k"},
            Proof.HEALTH,
            "EMBEDDING_API_KEY is set and used in place of DASHSCOPE_API_KEY",
        ),
        ("DASHSCOPE_API_KEY", {"RERANK_MODEL": "m"}, Proof.RERANK, ""),
        ("DASHSCOPE_API_KEY", {"RERANK_MODEL": "m", "EMBEDDING_MODEL": "m"}, Proof.EMBEDDINGS, ""),
        ("DASHSCOPE_API_KEY", {}, Proof.HEALTH, "EMBEDDING_MODEL is not set"),
        ("RERANK_API_KEY", {"RERANK_MODEL": "m"}, Proof.RERANK, ""),
        ("RERANK_API_KEY", {}, Proof.HEALTH, "RERANK_MODEL is not set"),
        ("DATABASE_URL", {}, Proof.READY, ""),
        ("SOME_OTHER_TOKEN", {}, Proof.HEALTH, ""),
    ],
)
def test_the_call_is_one_that_uses_the_secret(name: str, variables: dict[str, str], proof: Proof, why: str) -> None:
    kind, said = kind_of(name, variables)

    assert kind.proof is proof
    assert said.startswith(why)
    assert bool(said) == bool(why)


def test_a_lesser_proof_leaves_the_rest_of_the_kind() -> None:
    assert kind_of("QDRANT_API_KEY", {})[0].generate is KINDS["QDRANT_API_KEY"].generate
