"""One composition for every mode: settings in, the same parts out."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import SecretStr

from app import index
from app.embedding.local.folder import LocalModel
from app.embedding.service import EmbeddingService
from app.index.embedded.setup import EmbeddedSetup
from app.index.qdrant.setup import QdrantSetup
from app.memory.types import Quota
from app.runtime import composition
from app.runtime.composition import (
    change_log_of,
    database_of,
    domain_of,
    domain_settings,
    feeding_of,
    index_setup,
    index_source,
    opened,
    reranker_of,
    vectors_from,
    vectors_name,
)
from app.settings.fields import Settings
from app.store.database import Database
from app.store.postgres import PostgresStore
from tests.standins.embeddings import embedding_service
from tests.standins.rerank import rerank_service
from tests.support.local_model import E5, kept


def with_qdrant(settings: Settings) -> Settings:
    return settings.model_copy(update={"qdrant_url": "http://127.0.0.1:9"})


def test_the_settings_choose_the_engine(plain_settings: Settings) -> None:
    assert isinstance(index_setup(plain_settings), EmbeddedSetup)
    assert isinstance(index_setup(with_qdrant(plain_settings)), QdrantSetup)


def test_the_settings_can_choose_every_engine() -> None:
    engines = {file.parent.name for file in Path(index.__file__).parent.glob("*/setup.py")}
    setups = [value.__module__.split(".") for name, value in vars(composition).items() if name.endswith("Setup")]

    assert {module[2] for module in setups if module[:2] == ["app", "index"]} == engines


def test_the_domain_obeys_the_settings(plain_settings: Settings, database: Database) -> None:
    settings = plain_settings.model_copy(
        update={"max_conversation_length": 500, "redact_secrets": False, "reply_token_budget": 900}
    )
    store, index = PostgresStore(database), object()
    domain = domain_of(settings, store, index)  # type: ignore[arg-type]

    assert (domain.store, domain.index, domain.questions) == (store, index, None)
    assert domain.settings == domain_settings(settings)
    assert (domain.settings.piece_characters, domain.settings.redact, domain.settings.reply_tokens) == (500, False, 900)


def test_every_database_has_the_quota_that_is_set(plain_settings: Settings) -> None:
    settings = plain_settings.model_copy(update={"quota_memories": 3, "quota_bytes": 4})

    assert database_of(settings, {"dsn": "postgresql://x"}).quota == Quota(3, 4)


async def test_where_each_process_has_its_own_index_none_is_fed_and_no_lock_is_asked_for(
    plain_settings: Settings, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    monkeypatch.setattr(database, "lock", asked.append)
    source = index_source(change_log_of(plain_settings, database), database)

    assert feeding_of(plain_settings, database, source) is None
    assert not asked


async def test_a_shared_index_is_fed_under_its_lock(plain_settings: Settings, database: Database) -> None:
    settings = with_qdrant(plain_settings)
    async with opened(settings, database) as parts:
        assert parts.feeding is not None
        assert parts.feeding.lock.held, "a database of our own has no other process"
        assert not parts.feeding.feeder.runs
        assert parts.embedding is None


async def test_an_embedding_model_that_is_set_is_followed_and_asked(
    plain_settings: Settings, database: Database
) -> None:
    with embedding_service(most_texts=64) as service:
        key = SecretStr(service.key)
        given = {"embedding_model": service.model, "embedding_base_url": service.url, "embedding_api_key": key}
        settings = plain_settings.model_copy(update=given)
        async with opened(settings, database) as parts:
            assert parts.source.log.model == service.model
            assert parts.embedding is not None
            assert parts.embedding.problem is None
            assert await parts.embedding.questions.vector("a question") is not None


async def test_a_rerank_model_that_is_set_is_asked_within_its_time(plain_settings: Settings) -> None:
    assert await reranker_of(plain_settings) is None
    with rerank_service() as service:
        given = {"rerank_model": service.model, "rerank_url": service.url(), "rerank_api_key": SecretStr(service.key)}
        for seconds, found in ((30.0, {0: 0.0, 1: 1.0}), (0.05, None)):
            reranker = await reranker_of(plain_settings.model_copy(update={**given, "rerank_seconds": seconds}))
            assert reranker is not None
            assert await reranker.relevances("pear", ["apple", "pear"]) == found
            await reranker.close()
            service.fail.append(5.0)


def test_a_service_that_is_set_goes_before_a_model_that_was_added(plain_settings: Settings) -> None:
    assert vectors_from(plain_settings) is None
    kept(plain_settings.data_dir, E5)

    assert isinstance(vectors_from(plain_settings), LocalModel)
    other = plain_settings.model_copy(update={"embedding_model": "m", "embedding_base_url": "http://s/v1"})
    assert isinstance(vectors_from(other), EmbeddingService)


async def test_a_model_that_was_added_is_followed(plain_settings: Settings, database: Database) -> None:
    assert vectors_name(plain_settings) is None
    kept(plain_settings.data_dir, E5)

    assert vectors_name(plain_settings) == "e5-small-q4"
    async with opened(plain_settings, database) as parts:
        assert parts.source.log.model == "e5-small-q4"
        assert parts.embedding is not None
        assert parts.embedding.model == "e5-small-q4"
